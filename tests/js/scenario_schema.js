// SPDX-License-Identifier: MIT
// scenario_schema.js - scenario files hold to the JSON Schema that `reference` prints, in the words of
// a validator that is not ours; what the schema refuses, `check` refuses, too.
// scenario_schema.js POOLSTORM SOURCE_ROOT. Exits 77 (skipped) where ajv or yaml is not installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const missing = () => {
  console.log('skipped: not all packages are installed: npm ci in tests/js');
  process.exit(77);
};
const { default: Ajv } = await import('ajv').catch(missing);
const { parse, stringify } = await import('yaml').catch(missing);
const [poolstorm, root] = process.argv.slice(2).map((path) => resolve(path));
const folder = mkdtempSync(join(tmpdir(), 'scenario_schema-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

const run = (...words) => {
  const done = spawnSync(poolstorm, words, { encoding: 'utf8', cwd: folder, maxBuffer: 1 << 26 });
  if (done.error) throw done.error;
  return done;
};
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strict: true, strictRequired: true });
const validate = ajv.compile(JSON.parse(run('reference', '--schema').stdout));
const why = (value) => validate(value) ? null
  : ajv.errorsText(validate.errors, { separator: '\n' }).slice(0, 600);
const results = [];

const files = readdirSync(join(root, 'scenarios'), { recursive: true })
  .filter((name) => name.endsWith('.yaml')).map((name) => join(root, 'scenarios', name));
files.push(join(root, 'docs/examples/nginx-gzip.yaml'));
run('new', 'begun');
files.push(join(folder, 'begun.yaml'));
if (files.length < 30) throw new Error(`only ${files.length} scenarios`);
// Editors go by YAML 1.2, in which `on` is a word; in 1.1 the key of faults would be a truth.
for (const file of files)
  results.push([file.replace(root, ''), why(parse(readFileSync(file, 'utf8'), { version: '1.2' }))]);

const sound = () => ({
  question: 'Is it?',
  database: { kind: 'postgres', settings: { fsync: 'on' } },
  subject: { serve: { buffers: 'malloc', db_validate: 'no' } },
  variants: { a: {}, b: { about: 'other', serve: { db_validate: true } } },
  load: { path: '/query?id=7', connections: '1k', keep_alive: 'yes', rate: '100/s' },
  phases: [{ name: 'p', for: '1s', kind: 'measure', keep_alive: 'off' }, { name: 'q', kind: 'drain', for: '10ms' }],
  faults: [{ kind: 'lock', table: 't', at: '100ms', for: '100ms' }, { kind: 'latency', name: 'late', latency: '10ms' }],
  observe: { seen: 'x_total', held: { series: 'y', take: 'max' } },
  derive: { each: 'seen / requests', other: { from: 'seen / requests', unit: 'share' } },
  axes: { n: { set: 'load.connections', to: [1, '2'] } },
  claims: [{ what: 'w', figure: 'a.qps / b.qps', says: 1.5 }],
  expect: ['a.qps > 1/s'],
});
const checked = (value) => {
  writeFileSync(join(folder, 'tried.yaml'), stringify(value));
  return run('check', 'tried.yaml');
};
results.push(['one with all kinds of keys', why(sound())]);
const done = checked(sound());
results.push(['and check agrees', done.status === 0 ? null : done.stderr]);

// Each is refused by both, or the schema says something else than the parser does.
const spoilers = {
  'no question': (s) => { delete s.question; },
  'no variants': (s) => { delete s.variants; },
  'no phases': (s) => { delete s.phases; },
  'a phase without its length': (s) => { delete s.phases[0].for; },
  'a phase without its name': (s) => { delete s.phases[0].name; },
  'a claim without its figure': (s) => { delete s.claims[0].figure; },
  'a claim without what it says': (s) => { delete s.claims[0].says; },
  'a claim of nothing': (s) => { delete s.claims[0].what; },
  'a derived metric from nothing': (s) => { delete s.derive.other.from; },
  'a fault without its kind': (s) => { delete s.faults[0].kind; },
  'a lock without its table': (s) => { delete s.faults[0].table; },
  'a key of another kind of fault': (s) => { s.faults[0].latency = '10ms'; },
  'an axis without its path': (s) => { delete s.axes.n.set; },
  'an axis without values': (s) => { delete s.axes.n.to; },
  'an unknown key': (s) => { s.subject.serve.bufers = 'pool'; },
  'an unknown word': (s) => { s.phases[0].kind = 'warm'; },
  'a truth that is none': (s) => { s.load.keep_alive = 'perhaps'; },
  'a duration without a unit': (s) => { s.phases[0].for = '12'; },
  'a rate in another unit': (s) => { s.load.rate = '100/d'; },
};
for (const [name, spoil] of Object.entries(spoilers)) {
  const value = sound();
  spoil(value);
  results.push([`refused: ${name}`, validate(value) ? 'the schema let it through'
    : checked(value).status === 2 ? null : 'check let it through']);
}

console.log(`1..${results.length}`);
results.forEach(([name, reason], i) => {
  console.log(`${reason ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (reason) console.log(reason.replace(/^/gm, '# '));
});
process.exit(results.some(([, reason]) => reason) ? 1 : 0);
