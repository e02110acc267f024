// SPDX-License-Identifier: MIT
// result_schema.js - a record as written holds to results/result.schema.json, and spoilt ones don't.
// result_schema.js SCHEMA REPORT_TEST POOLSTORM RECORD... (also those, written anew). Exits 77 (skipped) where ajv is not installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { default: Ajv } = await import('ajv/dist/2020.js').catch(() => {
  console.log('skipped: ajv is not installed: npm ci in tests/js');
  process.exit(77);
});
const [schemaPath, writer, poolstorm, ...records] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'result_schema-'));
const path = join(folder, 'result.json');
const done = spawnSync(writer, [path], { encoding: 'utf8' });
const text = done.status === 0 ? readFileSync(path, 'utf8') : null;
rmSync(folder, { recursive: true });
if (text === null) throw new Error(`${writer}: ${done.stderr || done.error}`);

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const validate = ajv.compile(JSON.parse(readFileSync(schemaPath, 'utf8')));
const why = () => validate(JSON.parse(text)) ? null : ajv.errorsText(validate.errors).slice(0, 500);

// The schema would say nothing if it let these through.
const spoilers = {
  'another schema': (r) => { r.schema = 2; },
  'an unknown key': (r) => { r.rounds[0].colour = 'red'; },
  'a figure as text': (r) => { r.rounds[0].metrics.qps = 'fast'; },
  'an unknown word': (r) => { r.judgement.claims[0].word = 'perhaps'; },
  'a histogram without its values': (r) => { delete r.rounds[0].phases[0].load.latency.hdr_v2; },
  'a negative count': (r) => { r.rounds[0].block = -1; },
  'no environment': (r) => { delete r.environment; },
};
const results = [['a record as written', why()]];
for (const [name, spoil] of Object.entries(spoilers)) {
  const record = JSON.parse(text);
  spoil(record);
  results.push([`refused: ${name}`, validate(record) ? 'it was let through' : null]);
}
// With faults, what they did and what became of the service.
for (const record of records) {
  const anew = spawnSync(poolstorm, ['report', record, '--format', 'json'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (anew.status !== 0) throw new Error(`${record}: ${anew.stderr || anew.error}`);
  results.push([`written anew: ${record.split('/').at(-1)}`, validate(JSON.parse(anew.stdout)) ? null
    : ajv.errorsText(validate.errors).slice(0, 500)]);
}
console.log(`1..${results.length}`);
results.forEach(([name, reason], i) => {
  console.log(`${reason ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (reason) console.log(`# ${reason}`);
});
process.exit(results.some(([, reason]) => reason) ? 1 : 0);
