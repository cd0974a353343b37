// @ts-check
// Parts of the page that need no browser: which measurement of the server's clock it believes, and how the wall divides the screen.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { better, measured } from '../static/server-offset.js';
import { tiling } from '../static/tiling.js';

/** The server's clock is 5 s ahead of the page's. @param {number} askedAt @param {number} thereMs @param {number} backMs way back of the answer */
const measurement = (askedAt, thereMs, backMs) => measured(askedAt, askedAt + thereMs + 5000, askedAt + thereMs + backMs);

test('the measurement with the shortest round trip counts, until it is old or somebody sets a clock', () => {
  const busy = measurement(0, 1, 601);
  assert.deepEqual(busy, { offsetMs: 4700, errorMs: 301, at: 602 });
  const quick = measurement(2000, 2, 2);
  assert.equal(better(null, busy), busy);
  assert.equal(better(busy, quick), quick);
  assert.equal(better(quick, measurement(4000, 1, 601)), quick, 'a longer round trip is less exact');
  const later = measurement(60_000, 3, 5);
  assert.equal(better(quick, later), later, 'after a minute the clocks have parted by more');
  const afterStep = measured(6000, 6002, 6300);
  assert.equal(better(quick, afterStep), afterStep, 'the server’s clock was set back by 5 s');
});

test('the wall fills the screen with pictures, and scrolls before they become too small', () => {
  for (const [count, width, height, columns, picture] of /** @type {const} */ ([
    [1, 1900, 1020, 1, 1516], [2, 1900, 1020, 2, 945], [6, 1900, 1020, 3, 626], [9, 1900, 1020, 3, 489], [20, 1900, 1020, 5, 336],
    [40, 1900, 1020, 7, 262], [6, 340, 700, 1, 340], [100, 1900, 1020, 7, 262],
  ])) {
    const found = tiling(count, { width, height });
    assert.deepEqual([found.columns, found.width], [columns, picture], `${count} pictures on ${width} × ${height}`);
  }
});
