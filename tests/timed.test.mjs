// @ts-check
// Durations of tests from the output of libtest and Node.js.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from './timed.mjs';

/** @param {number} threads @param {[now: number, line: string][]} lines @returns {Record<string, number>} seconds by name */
function durations(threads, lines) {
  /** @type {[string, number][]} */
  const records = [];
  const reader = new Reader(threads, ({ name, seconds }) => records.push([name, seconds]));
  for (const [now, line] of lines) reader.read(line, now);
  return Object.fromEntries(records);
}

test('a test of libtest begins when a thread is free, in the order of names', () => {
  const lines = /** @type {[number, string][]} */ ([
    [10, 'running 4 tests'],
    [12, 'test b::two ... ok'],
    [15, 'test a::one ... ok'],
    [16, 'test d - should panic ... ok'],
    [19, 'test c ... ok'],
    [19, 'test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.00s'],
  ]);
  assert.deepEqual(durations(2, lines), { 'b::two': 2, 'a::one': 5, d: 1, c: 7 });
  assert.deepEqual(durations(8, lines), { 'b::two': 2, 'a::one': 5, d: 6, c: 9 });
});

test('each binary starts with no tests', () => {
  const lines = /** @type {[number, string][]} */ ([
    [0, 'running 1 test'], [3, 'test one ... ok'], [3, 'test result: ok.'],
    [7, 'running 1 test'], [8, 'test one::more ... ok'], [8, 'test result: ok.'],
  ]);
  assert.deepEqual(durations(2, lines), { one: 3, 'one::more': 1 });
});

test('a test of Node.js reports its own duration, below the name of its suite', () => {
  const lines = /** @type {[number, string][]} */ ([
    [0, '✔ it plays (1500.25ms)'], [0, 'ℹ start 200 ms'],
    [1, '▶ nginx'], [1, '  ✔ it plays (2000ms)'], [2, '▶ nginx (2100.5ms)'], [2, '✖ it fails (3ms)'],
  ]);
  assert.deepEqual(durations(2, lines), { 'it plays': 1.50025, 'nginx: it plays': 2 });
});
