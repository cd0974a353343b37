// @ts-check
// Runs benches and writes docs/measurements.md:
//   run.mjs [BENCH...]     all benches by default, except those that take more than ten minutes
// Each bench stores its figures in benches/figures/BENCH.json, and the document contains the last figures of every bench.
// BENCH_PROFILE is the profile of Cargo that built the measured program, `dist` by default. The benches themselves are built with
// HARNESS, because `dist` would take minutes for each of them.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BENCHES, document } from './measurements.mjs';

/** @typedef {import('./support/table.mjs').Figure} Figure */
/** @typedef {import('./measurements.mjs').Run} Run */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STORED = join(ROOT, 'benches/figures');
const DOCUMENT = join(ROOT, 'docs/measurements.md');
const FRESH = join(ROOT, 'target/bench-figures.jsonl');
const CRITERION = join(ROOT, 'target/criterion');
const PROFILE = process.env.BENCH_PROFILE ?? 'dist';
const HARNESS = PROFILE === 'dist' ? 'release' : PROFILE;
/** Benches that measure the library, not a program. */
const OF_LIBRARY = ['follow', 'package', 'paint'];
/** Benches that run only if they are named. */
const LONG = ['wall'];
/** Targets of benches that Criterion runs, in nanoseconds. @type {Record<string, [target: string, most: number]>} */
const CRITERION_TARGETS = { 'paint/720': ['under 0.2 ms', 200_000], 'package/picture': ['under 20 µs', 20_000] };
const NANOSECONDS = /** @type {const} */ ([['ms', 1e6], ['µs', 1e3], ['ns', 1]]);
/** Programs that are measured or measure, and the arguments that print their version. */
const PROGRAMS = [
  ['rustc', '--version'], ['ffmpeg', '-version'], ['gst-launch-1.0', '--gst-version'], ['/usr/sbin/nginx', '-v'],
  ['/usr/sbin/varnishd', '-V'], ['wrk', '-v'], ['node', '--version'], ['chromium', '--version'],
];

/** The first line that a program prints about its version. @param {string} program @param {string} argument */
function version(program, argument) {
  // Some programs print it on standard error, and end with an error.
  const { stdout, stderr, error } = spawnSync(program, [argument], { encoding: 'utf8' });
  return error === undefined ? (stdout || stderr).split(/\n| Copyright/)[0].trim() : 'not installed';
}

function versions() {
  const commit = execFileSync('git', ['-C', ROOT, 'describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  const programs = PROGRAMS.map(([program, argument]) => [program.split('/').at(-1), version(program, argument)]);
  return { barstone: commit, ...Object.fromEntries(programs) };
}

function machine() {
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('-')[0].trim();
  return {
    processor: cpus()[0].model,
    cores: cpus().length,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${system}, Linux ${kernel}`,
  };
}

/** Runs a bench. @param {string} bench @returns {Figure[]} */
function measure(bench) {
  rmSync(FRESH, { force: true });
  const program = join(ROOT, 'target', PROFILE === 'dev' ? 'debug' : PROFILE, 'barstone');
  const env = { BARSTONE_BIN: program, ...process.env, BARSTONE_BENCH_FIGURES: FRESH };
  const [command, ...parameters] = existsSync(join(ROOT, 'benches', `${bench}.mjs`))
    ? ['node', join(ROOT, 'benches', `${bench}.mjs`)]
    : ['cargo', 'bench', '--profile', HARNESS, '--locked', '--bench', bench];
  const began = Date.now();
  const { status } = spawnSync(command, parameters, { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) throw new Error(`the bench ${bench} failed`);
  if (!existsSync(FRESH)) return criterion(bench, began);
  return readFileSync(FRESH, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
}

/** What Criterion has stored since a moment. @param {string} bench @param {number} sinceMs @returns {Figure[]} */
function criterion(bench, sinceMs) {
  const files = readdirSync(CRITERION, { recursive: true, encoding: 'utf8' }).map((path) => join(CRITERION, path));
  const fresh = files.filter((path) => path.endsWith('/new/estimates.json') && statSync(path).mtimeMs >= sinceMs);
  if (fresh.length === 0) throw new Error(`the bench ${bench} has printed no figures`);
  const read = (/** @type {string} */ path) => JSON.parse(readFileSync(path, 'utf8'));
  const found = fresh.map((path) => {
    const ns = read(path).median.point_estimate;
    const name = read(path.replace('estimates.json', 'benchmark.json')).full_id;
    const [unit, size] = NANOSECONDS.find(([, size]) => ns >= size) ?? NANOSECONDS[2];
    const [target, most] = CRITERION_TARGETS[name] ?? [null, 0];
    const value = `${(ns / size).toPrecision(3)} ${unit}`;
    return { question: 'Median time of one call:', name, value, target, met: target === null ? null : ns < most };
  });
  return found.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** @returns {Run[]} the last run of each bench */
function stored() {
  return readdirSync(STORED).map((file) => JSON.parse(readFileSync(join(STORED, file), 'utf8')));
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. The benches are ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}
mkdirSync(STORED, { recursive: true });
for (const bench of names.length > 0 ? names : Object.keys(BENCHES).filter((name) => !LONG.includes(name))) {
  const [moment, load] = [`${new Date().toISOString().slice(0, 19)}Z`, loadavg()[0].toFixed(1)];
  try {
    const profile = OF_LIBRARY.includes(bench) ? HARNESS : PROFILE;
    /** @type {Run} */
    const run = { bench, moment, load, profile, machine: machine(), versions: versions(), figures: measure(bench) };
    writeFileSync(join(STORED, `${bench}.json`), `${JSON.stringify(run, null, 1)}\n`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
writeFileSync(DOCUMENT, document(stored(), readFileSync(DOCUMENT, 'utf8')));
