// SPDX-License-Identifier: MIT
// hist_interop.js - hdr-histogram-js reads what we encode, and we read what it encodes: the same
// counts, percentiles and rows, both ways. Exits 77 (skipped) where the package is not installed.
import { spawnSync } from 'node:child_process';

const hdr = await import('hdr-histogram-js').catch(() => {
  console.log('skipped: hdr-histogram-js is not installed: npm ci in tests/js');
  process.exit(77);
});
const tool = process.argv[2];
const percentiles = [0.001, 1, 10, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100];

function run(args, input) {
  const done = spawnSync(tool, args, { input, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`hist_tool ${args}: ${done.stderr || done.error}`);
  return done.stdout;
}

// What their implementation says of a histogram, in the words of `hist_tool show`. (Not its maxValue:
// with units above 1 it lies beyond the entry it comes from.)
function describe(hist) {
  const lines = [`geometry ${hist.lowestDiscernibleValue} ${hist.highestTrackableValue} ` +
    `${hist.numberOfSignificantValueDigits}`,
    `count ${hist.totalCount}`, `min ${hist.totalCount ? hist.getValueAtPercentile(0) : 0}`,
    `max ${hist.totalCount ? hist.getValueAtPercentile(100) : 0}`, `mean ${hist.mean}`, `stddev ${hist.stdDeviation}`];
  for (const p of percentiles)
    lines.push(`percentile ${p} ${hist.totalCount ? hist.getValueAtPercentile(p) : 0}`);
  const row = (word, at, percentile, count) =>
    `${word} ${percentile} ${hist.highestEquivalentValue(at.valueIteratedTo)} ${count} ` +
    `${at.totalCountToThisValue}`;
  hist.recordedValuesIterator.reset();
  while (hist.recordedValuesIterator.hasNext()) {
    const at = hist.recordedValuesIterator.next();
    lines.push(row('recorded', at, (100 * at.totalCountToThisValue) / hist.totalCount,
      at.countAtValueIteratedTo));
  }
  hist.percentileIterator.reset(5);
  while (hist.totalCount && hist.percentileIterator.hasNext()) {
    const at = hist.percentileIterator.next();
    lines.push(row('tick', at, at.percentileLevelIteratedTo, at.countAddedInThisIterationStep));
  }
  return lines;
}

// Words and integers alike; fractions to 1e-9, as sums differ in the last bits.
function difference(ours, theirs) {
  if (ours.length !== theirs.length) return `${ours.length} lines against ${theirs.length}`;
  for (let i = 0; i < ours.length; i++) {
    const a = ours[i].split(' '), b = theirs[i].split(' ');
    const same = a.length === b.length && a.every((word, k) => word === b[k] ||
      (/[.e]/.test(word + b[k]) && Math.abs(word - b[k]) <= 1e-9 * Math.abs(b[k])));
    if (!same) return `ours '${ours[i]}', theirs '${theirs[i]}'`;
  }
  return null;
}

function shown(base64) {
  return run(['show'], base64).trim().split('\n');
}

function theirsMake([lowest, highest, digits, count], useWebAssembly) {
  const hist = hdr.build({ lowestDiscernibleValue: lowest, highestTrackableValue: highest,
    numberOfSignificantValueDigits: digits, bitBucketSize: 64, useWebAssembly });
  for (let i = 0, x = 12345; i < count; i++) {
    x = (x * 1103515245 + 12345) % 2147483648;
    hist.recordValueWithCount(Math.floor((highest * (x / 2147483648) ** 6)), 1 + (x % 70000));
  }
  return hist;
}

const shapes = [[1, 3600000000000, 3, 20000], [1, 3600000000000, 3, 0], [1, 3600000000000, 3, 1],
  [1000, 60000000000, 2, 5000], [1, 2, 1, 10], [7, 100000000, 4, 3000], [1, 1000000, 5, 5000]];
await hdr.initWebAssembly();
const results = [];
for (const shape of shapes) {
  const name = shape.join(' ');
  const base64 = run(['make', ...shape.map(String), '42']).trim();
  const read = hdr.decodeFromCompressedBase64(base64, 64);
  results.push([`they read ours: ${name}`, difference(shown(base64), describe(read))]);
  results.push([`we read theirs: ${name}`,
    difference(shown(hdr.encodeIntoCompressedBase64(theirsMake(shape, false))),
      describe(hdr.decodeFromCompressedBase64(
        hdr.encodeIntoCompressedBase64(theirsMake(shape, false)), 64)))]);
  const wasm = theirsMake(shape, true);
  results.push([`we read what their WebAssembly writes: ${name}`,
    difference(shown(hdr.encodeIntoCompressedBase64(wasm)),
      describe(hdr.decodeFromCompressedBase64(hdr.encodeIntoCompressedBase64(wasm), 64)))]);
  wasm.destroy();
}
console.log(`1..${results.length}`);
results.forEach(([name, why], i) => {
  console.log(`${why ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (why) console.log(`# ${why}`);
});
process.exit(results.some(([, why]) => why) ? 1 : 0);
