// SPDX-License-Identifier: MIT
// html_report.js - pages of reports in a browser: nothing is asked of a network, nothing goes wrong,
// every plot has its series, the switches work, and without scripts the tables are there.
// html_report.js HTML_TEST. Exits 77 (skipped) where playwright-core or Chromium is not installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const skip = (why) => {
  console.log(`skipped: ${why}`);
  process.exit(77);
};
const { chromium } = await import('playwright-core').catch(() => skip('playwright-core is not installed: npm ci in tests/js'));
const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (!browser) skip('there is no Chromium');

const writer = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'html_report-'));
const many = join(folder, 'many.html');
const one = join(folder, 'one.html');
const pair = join(folder, 'pair.html');
for (const words of [[many], [one, 'one'], [pair, 'pair']]) {
  const done = spawnSync(writer, words, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${writer}: ${done.stderr || done.error}`);
}
if (!readFileSync(one, 'utf8').includes('application/json')) skip('built without plots');

const results = [];
const check = (name, holds, found) => results.push([name, holds ? null : `found: ${JSON.stringify(found)}`]);
const same = (name, found, expected) => check(name, JSON.stringify(found) === JSON.stringify(expected), found);

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

// A page in a fresh profile, and what went wrong in it.
async function open(path, settings = {}) {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(folder, 'profile-')), {
    executablePath: browser, headless: true, args: FLAGS, viewport: { width: 1400, height: 900 }, ...settings,
  });
  const page = await context.newPage();
  const seen = { wrong: [], asked: [] };
  page.on('console', (message) => seen.wrong.push(message.text()));
  page.on('pageerror', (error) => seen.wrong.push(String(error)));
  page.on('dialog', (dialog) => { seen.wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (request.url() !== `file://${path}` && !request.url().startsWith('data:')) seen.asked.push(request.url());
  });
  await page.goto(`file://${path}`);
  return { context, page, seen };
}

// Brings all plots into sight, which is when they are drawn.
async function drawAll(page) {
  for (const section of await page.$$('.plots')) {
    await section.scrollIntoViewIfNeeded();
    await section.waitForSelector('figure:not([hidden])');
  }
}

// {plot: [[series of a panel]...]} of a section, without what is hidden.
const seriesOf = (page, section = 0) => page.evaluate((index) => {
  const found = {};
  for (const figure of document.querySelectorAll('.plots')[index].querySelectorAll('figure'))
    if (!figure.hidden)
      found[figure.dataset.plot] = [...figure.querySelectorAll('.panel')].map((panel) => panel.dataset.series.split('\n'));
  return found;
}, section);

// How much of a plot's canvas is not blank: something was really drawn.
const inkOf = (page, plot) => page.evaluate((name) => {
  const canvas = document.querySelector(`[data-plot="${name}"] canvas`);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let at = 3; at < data.length; at += 4) ink += data[at] > 0;
  return ink;
}, plot);

const A = `a</script><!--<script>alert('1')</script>&"<b>`;
const both = [A, 'b'];

async function testPlots() {
  const { context, page, seen } = await open(one);
  await drawAll(page);
  const found = await seriesOf(page);
  same('a phase with a fault: its plots', Object.keys(found),
    ['over-time', 'percentiles', 'lateness', 'ratios', 'errors', 'gauges', 'heat']);
  same('every variant in each', [found['over-time'], found.percentiles, found.lateness, found.ratios, found.gauges],
    [[both, both], [both], [both], [['b'], ['b']], [both]]);
  same('a panel a kind of error, and a variant of the map', [found.errors, found.heat], [[both, both], [[A], ['b']]]);
  for (const plot of Object.keys(found)) {
    const ink = await inkOf(page, plot);
    check(`${plot} is drawn`, ink > 2000, ink);
  }
  const captions = await page.$$eval('figure:not([hidden]) figcaption', (all) => all.map((one) => one.textContent));
  check('each says what a point is', captions.length === 7 && captions.every((text) => /A (point|cell):/.test(text)), captions);
  check('a fault and its end are told', captions[0].includes('really acted') && captions[0].includes('b did not come back'), captions[0]);

  await page.selectOption('.phase select', { label: 'climb' });
  const climb = await seriesOf(page);
  same('a search: its plots', Object.keys(climb), ['knee', 'percentiles', 'lateness', 'ratios']);
  same('P99 and what was achieved', climb.knee, [both, both]);
  same('nothing went wrong', seen.wrong, []);
  same('nothing was asked of a network', seen.asked, []);
  await context.close();
}

async function testSwitches() {
  const { context, page, seen } = await open(one);
  await drawAll(page);
  await page.click('.variants button >> nth=0');
  const found = await seriesOf(page);
  same('a variant is switched off in all plots', [found['over-time'], found.percentiles, found.gauges, found.heat],
    [[['b'], ['b']], [['b']], [['b']], [['b']]]);
  await page.click('.variants button >> nth=1');
  same('and the last', await seriesOf(page), {});
  await page.click('.variants button >> nth=0');
  await page.click('.variants button >> nth=1');
  same('and on again', (await seriesOf(page)).percentiles, [both]);

  const before = await inkOf(page, 'percentiles');
  await page.click('.rounds button');
  const after = await inkOf(page, 'percentiles');
  check('without the other rounds there is less to see', after < before, [before, after]);
  await page.click('[data-plot="over-time"] .small button >> nth=2');
  same('a quantity is switched on', (await seriesOf(page))['over-time'][1], [...both, ...both]);

  // Dragging over one plot zooms all that share its time, and no other.
  const ranges = () => page.evaluate(() => [...document.querySelectorAll('.panel')].map((panel) =>
    [panel.closest('figure').dataset.plot, panel.dataset.from ?? null, panel.dataset.to ?? null]));
  const area = await page.locator('[data-plot="over-time"] .u-over').first();
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 4 });
  await page.mouse.up();
  const zoomed = (await ranges()).filter(([plot]) => ['over-time', 'errors', 'gauges', 'heat'].includes(plot));
  check('zoomed in step', zoomed.length === 7 && new Set(zoomed.map(([, from, to]) => `${from} ${to}`)).size === 1 &&
    Math.abs(zoomed[0][1] - 2) < 0.1 && Math.abs(zoomed[0][2] - 4) < 0.1, zoomed);
  check('the others stay', (await ranges()).filter(([plot]) => plot === 'percentiles').every(([, from]) => from === null), await ranges());
  await page.click('.variants button >> nth=1');
  check('a switch keeps the stretch of time', Math.abs((await ranges())[0][1] - 2) < 0.1, await ranges());
  await page.click('.reset');
  same('and back to all of it', (await ranges())[0].slice(1), ['0', '8']);
  same('nothing went wrong with switches', seen.wrong, []);
  await context.close();
}

async function testTheme() {
  const shade = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await open(one);
  const white = await shade(light.page);
  await light.page.click('.theme');
  const switched = await shade(light.page);
  await light.context.close();
  const dark = await open(one, { colorScheme: 'dark' });
  const black = await shade(dark.page);
  await drawAll(dark.page);
  await dark.page.click('.theme');
  const back = await shade(dark.page);
  same('dark where the system is, and by the switch', [white === back, black === switched, white === black], [true, true, false]);
  same('nothing went wrong in the dark', dark.seen.wrong, []);
  await dark.context.close();
}

async function testTables() {
  const { context, page, seen } = await open(many, { javaScriptEnabled: false });
  same('without scripts: verdicts first, an index, a section each', [
    await page.locator('h1').textContent(), await page.locator('.index tbody tr, .index tr:has(td)').count(),
    await page.locator('article').count(),
  ], ['2 scenarios', 2, 2]);
  const texts = await page.locator('article').first().innerText();
  check('their tables', ['Expectations', 'Invariants', 'Claims', 'Figures', 'Faults', 'Search', 'Validity']
    .every((word) => texts.includes(word)), texts.slice(0, 500));
  check('what the plots of gauges show', texts.includes('Over time') && texts.includes('█'), texts.slice(0, 500));
  check('that plots need scripts', texts.includes('plots need scripts'), null);
  check('texts from elsewhere as they are', texts.includes(`family/</script><!--<script>alert('1')</script>&"<b>`), texts.slice(0, 200));
  same('nothing was asked without scripts', seen.asked, []);
  await context.close();
}

async function testMany() {
  const { context, page, seen } = await open(many, { viewport: { width: 390, height: 800 } });
  await drawAll(page);
  same('the second section has its own plots', Object.keys(await seriesOf(page, 1)), ['percentiles', 'ratios']);
  same('a narrow page does not scroll sideways', await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  check('on paper there are plots', (await seriesOf(page)).percentiles?.length === 1, await seriesOf(page));
  check('and a sheet can be made', (await page.pdf()).length > 20000, null);
  same('nothing went wrong with many', [seen.wrong, seen.asked], [[], []]);
  await context.close();
}

async function testPair() {
  const { context, page, seen } = await open(pair);
  await drawAll(page);
  const found = await seriesOf(page);
  const four = [`A: ${A}`, 'A: b', `B: ${A}`, 'B: b'];
  same('two runs compared: the curves of both in one', [found['over-time'], found.percentiles, found.gauges],
    [[four, four], [four], [four]]);
  same('and each by itself', [(await seriesOf(page, 1)).percentiles, (await seriesOf(page, 2)).percentiles], [[both], [both]]);
  check('the table first', await page.evaluate(() =>
    document.querySelector('main table').textContent.includes('B / A')), null);
  await page.click('.variants button >> nth=2');
  same('one of them off', (await seriesOf(page)).percentiles, [[four[0], four[1], four[3]]]);
  same('the sections below stay', (await seriesOf(page, 1)).percentiles, [both]);
  same('nothing went wrong with two', [seen.wrong, seen.asked], [[], []]);
  await context.close();
}

try {
  for (const test of [testPair, testPlots, testSwitches, testTheme, testTables, testMany]) await test();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`1..${results.length}`);
results.forEach(([name, reason], i) => {
  console.log(`${reason ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (reason) console.log(`# ${reason}`);
});
process.exit(results.some(([, reason]) => reason) ? 1 : 0);
