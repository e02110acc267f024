// SPDX-License-Identifier: MIT
// formats.js - what poolstorm report writes is read by others: its log and its spectra by
// HdrHistogram's port, with the same histograms as in the record.
// formats.js POOLSTORM REPORT_TEST. Exits 77 (skipped) where hdr-histogram-js is not installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const hdr = await import('hdr-histogram-js').catch(() => {
  console.log('skipped: hdr-histogram-js is not installed: npm ci in tests/js');
  process.exit(77);
});
const [poolstorm, writer, ...records] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'formats-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

function run(...args) {
  const done = spawnSync(args[0], args.slice(1), { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.stderr || done.error}`);
  return done.stdout;
}

const results = [];
function check(name, why) {
  results.push([name, why]);
}

// The rounds whose figures of a phase may be used, by the words of the record.
function usable(record, variant, phase) {
  return record.rounds.filter((round) => round.variant === variant &&
    (round.valid || (round.broken?.length ?? 0) === 0 &&
      round.reasons.every((reason) => Number.isInteger(reason.phase) && reason.phase !== phase)) &&
    round.phases[phase]?.load?.latency?.count > 0);
}

function merged(record, variant, phase) {
  const rounds = usable(record, variant, phase);
  const sum = rounds.length ? hdr.build({ highestTrackableValue: 3600000000000,
    numberOfSignificantValueDigits: 3, bitBucketSize: 64 }) : null;
  for (const round of rounds)
    sum.add(hdr.decodeFromCompressedBase64(round.phases[phase].load.latency.hdr_v2, 64));
  return sum;
}

function phasesOf(record) {
  const named = [];
  record.variants.forEach((variant, v) => record.phases.forEach((phase, p) => {
    if (phase.kind === 'measure') named.push([`${variant.name}.${phase.name}`, v, p]);
  }));
  return named;
}

// ---- .hgrm ----

// The table of their own writer, from the histograms in the record. Columns are compared as
// numbers: blanks are layout.
function rowsOf(text) {
  return text.split('\n').filter((line) => /^ *[0-9]/.test(line)).map((line) =>
    line.trim().split(/ +/).map(Number));
}

function spectrum(text, theirs) {
  const [head, blank] = text.split('\n');
  if (head.trim().split(/ +/).join(' ') !== 'Value Percentile TotalCount 1/(1-Percentile)' || blank)
    return `the head is '${head}'`;
  const ours = rowsOf(text), wanted = rowsOf(theirs);
  if (ours.length !== wanted.length) return `${ours.length} rows against ${wanted.length}`;
  for (let i = 0; i < ours.length; i++) {
    // The last value of ours is the exact maximum, theirs the highest equivalent to it.
    const same = ours[i].length === wanted[i].length && ours[i].every((value, k) =>
      Math.abs(value - wanted[i][k]) <= (k === 0 ? 0.001 * wanted[i][k] + 0.001 : 1e-9 * value));
    if (!same) return `ours '${ours[i]}', theirs '${wanted[i]}'`;
  }
  const total = Number(/Total count *= *([0-9]+)\]/.exec(text)?.[1]);
  return total === wanted.at(-1)[2] ? null : `a total of ${total}`;
}

function checkSpectra(name, record, out) {
  for (const [tag, variant, phase] of phasesOf(record)) {
    const sum = merged(record, variant, phase);
    const file = readdirSync(out).find((entry) => entry.endsWith(`.${tag.replace(/[^\w.'-]/g, '_')}.hgrm`));
    if (!sum || !file)
      check(`${name}: ${tag} has a spectrum when it has latencies`, !sum && !file ? null : String(file));
    else
      check(`${name}: the spectrum of ${tag}`, spectrum(readFileSync(join(out, file), 'utf8'),
        sum.outputPercentileDistribution(5, 1e6)));
  }
}

// ---- .hlog ----

function checkLog(name, record, text) {
  const found = new Map(), reader = new hdr.HistogramLogReader(text, 64);
  const started = Date.parse(record.environment.started) || 0;
  // Made by hand, all rounds of a record begin at once; without a series a line is a phase.
  const real = started > 0;
  const whole = real && record.rounds.every((round) => round.phases.every((step) => !step?.load || step.load.series));
  let why = null, longest = 0;
  for (let hist; (hist = reader.nextIntervalHistogram());) {
    const seen = found.get(hist.tag) ?? { count: 0, lines: 0, end: 0 };
    seen.count += hist.totalCount;
    seen.lines++;
    if (real && hist.startTimeStampMsec < Math.max(started, seen.end) - 2) why = `${hist.tag} goes back in time`;
    longest = Math.max(longest, hist.endTimeStampMsec - hist.startTimeStampMsec);
    seen.end = hist.endTimeStampMsec;
    found.set(hist.tag, seen);
  }
  check(`${name}: the log's lines stand one after the other`, why);
  check(`${name}: they are of a second`, whole && longest > 1100 ? `one is of ${longest} ms` : null);
  check(`${name}: its tags`, JSON.stringify(hdr.listTags(text)) === JSON.stringify([...found.keys()])
    ? null : `${hdr.listTags(text)} against ${[...found.keys()]}`);
  for (const [tag, variant, phase] of phasesOf(record)) {
    // What the second-by-second series of the phase hold, or all of it where there is none.
    const wanted = usable(record, variant, phase).reduce((sum, { phases: { [phase]: step } }) => sum +
      (step.load.series ? step.load.series.ok.reduce((a, b) => a + b, 0) : step.load.latency.count), 0);
    const seen = found.get(tag)?.count ?? 0;
    check(`${name}: the log has all of ${tag}`, seen === wanted ? null : `${seen} of ${wanted}`);
  }
}

// ---- github-action-benchmark ----

// As its README asks: an array of {name, unit, value, range?, extra?}, each name once.
function rowsWrong(rows) {
  if (!Array.isArray(rows)) return 'no array';
  const names = new Set();
  for (const row of rows) {
    if (typeof row.name !== 'string' || typeof row.unit !== 'string' || !Number.isFinite(row.value))
      return JSON.stringify(row);
    if (Object.keys(row).some((key) => !['name', 'unit', 'value', 'range', 'extra'].includes(key)))
      return `keys ${Object.keys(row)}`;
    if (names.has(row.name)) return `${row.name} twice`;
    names.add(row.name);
  }
  return null;
}

const made = join(folder, 'made');
run('mkdir', made);
run(writer, join(made, 'result.json'));
for (const path of [join(made, 'result.json'), ...records]) {
  const record = JSON.parse(readFileSync(path, 'utf8'));
  const name = record.scenario.name, out = join(folder, 'out', name.replace('/', '-'));
  run(poolstorm, 'report', path, '--format', 'hgrm,hlog,gha,json', '--out', `${out}/`);
  const file = (end) => readdirSync(out).find((entry) => entry.endsWith(end));
  checkSpectra(name, record, out);
  checkLog(name, record, readFileSync(join(out, file('.hlog')), 'utf8'));
  for (const kind of ['customSmallerIsBetter.json', 'customBiggerIsBetter.json'])
    check(`${name}: ${kind}`, rowsWrong(JSON.parse(readFileSync(join(out, file(kind)), 'utf8'))));
}
console.log(`1..${results.length}`);
results.forEach(([name, why], i) => {
  console.log(`${why ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (why) console.log(`# ${why}`);
});
process.exit(results.some(([, why]) => why) ? 1 : 0);
