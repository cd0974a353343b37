// @ts-check
// Records the duration of each test, over all commands of a run of `make test`:
//   timed.mjs begin            deletes earlier records
//   timed.mjs run COMMAND...   runs a command, prints its output, and records the tests of libtest and Node.js
//   timed.mjs report           prints the slowest tests, and the total of tests and of time since `begin`

import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** One JSON object a line: the start of the run, then each test that passed. */
const FILE = fileURLToPath(new URL('../target/timed.jsonl', import.meta.url));
const SHOWN = 20;

/** @typedef {{ name: string, seconds: number }} Timed */

/** Durations of the tests of one binary. libtest does not report them, but starts tests in order as others end. */
class Binary {
  /** @type {{ name: string, end: number }[]} in the order in which they ended */
  #ended = [];
  #begin;
  #threads;

  /** @param {number} begin seconds @param {number} threads */
  constructor(begin, threads) {
    this.#begin = begin;
    this.#threads = threads;
  }

  /** @param {string} name @param {number} end seconds */
  ended(name, end) {
    this.#ended.push({ name, end });
  }

  /** @returns {Timed[]} */
  durations() {
    const starts = [...Array(this.#threads).fill(this.#begin), ...this.#ended.map(({ end }) => end)];
    const names = this.#ended.map(({ name }) => name).sort();
    const started = new Map(names.map((name, place) => [name, starts[place]]));
    return this.#ended.map(({ name, end }) => ({ name, seconds: end - (started.get(name) ?? end) }));
  }
}

/** Parses the output of test runners. */
export class Reader {
  #threads;
  /** @type {Binary | null} */
  #binary = null;
  #suite = '';
  #keep;

  /** @param {number} threads of libtest @param {(timed: Timed) => void} keep */
  constructor(threads, keep) {
    this.#threads = threads;
    this.#keep = keep;
  }

  /** @param {string} line @param {number} now seconds */
  read(line, now) {
    const [, libtest] = /^test (.*?)(?: - should panic)? \.\.\. ok$/.exec(line) ?? [];
    const [, suite] = /^▶ (.*?)(?: \([\d.]+ms\))?$/.exec(line) ?? [];
    const [, indent, node, ms] = /^( *)✔ (.*) \(([\d.]+)ms\)$/.exec(line) ?? [];
    if (/^running \d+ tests?$/.test(line)) this.#binary = new Binary(now, this.#threads);
    else if (libtest !== undefined) this.#binary?.ended(libtest, now);
    else if (line.startsWith('test result: ')) this.#endBinary();
    else if (suite !== undefined) this.#suite = suite;
    else if (node !== undefined) this.#keep({ name: indent === '' ? node : `${this.#suite}: ${node}`, seconds: Number(ms) / 1000 });
  }

  #endBinary() {
    this.#binary?.durations().forEach(this.#keep);
    this.#binary = null;
  }
}

function begin() {
  mkdirSync(new URL('.', `file://${FILE}`), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ began: Date.now() })}\n`);
}

/** @param {string[]} command */
async function run([program, ...args]) {
  const threads = Number(process.env.RUST_TEST_THREADS ?? availableParallelism());
  const reader = new Reader(threads, (timed) => appendFileSync(FILE, `${JSON.stringify(timed)}\n`));
  const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'inherit'] });
  const closed = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGHUP', 'SIGINT', 'SIGTERM'])) process.once(signal, () => child.kill(signal));
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line);
    reader.read(line, performance.now() / 1000);
  });
  // The exit code is null if a signal ended the command.
  process.exitCode = (await closed) ?? 1;
}

function report() {
  const [{ began }, ...timed] = readFileSync(FILE, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const slowest = timed.sort((/** @type {Timed} */ one, /** @type {Timed} */ other) => other.seconds - one.seconds).slice(0, SHOWN);
  console.log(`\nthe ${slowest.length} slowest tests:`);
  for (const { name, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(`\ntest result: ok. ${timed.length} passed; 0 failed; in ${Math.floor(seconds / 60)} min ${seconds % 60} s`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode, ...command] = process.argv.slice(2);
  if (mode === 'begin') begin();
  else if (mode === 'run' && command.length > 0) await run(command);
  else if (mode === 'report') report();
  else throw new Error('timed.mjs begin | run COMMAND... | report');
}
