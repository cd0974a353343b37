// @ts-check
// The server's UTC: the offset from the browser's clock, measured every MEASURE_EVERY_MS, and more often at the start.

import { serverTime } from './api.js';
import { better, measured } from './server-offset.js';

const MEASURE_EVERY_MS = 30_000;
/** After a measurement that failed, and after the first measurements, because a page that starts is busy. */
const AGAIN_MS = 2000;
const FIRST_MEASUREMENTS = 5;

/** @type {import('./server-offset.js').Measurement | null} */
let known = null;

/** @returns {number} milliseconds, monotonic; near Unix time */
function localNow() {
  return performance.timeOrigin + performance.now();
}

/** @returns {number | null} the server's Unix time in milliseconds; null until it is known */
export function serverNow() {
  return known === null ? null : localNow() + known.offsetMs;
}

/** Starts to measure for as long as the page is loaded, with a pause while it is hidden. Call once. */
export function followServerTime() {
  let pause = 0;
  let measurements = 0;
  const measure = async () => {
    clearTimeout(pause);
    if (document.hidden) return;
    const isAnswered = await measureOffset();
    if (isAnswered) measurements += 1;
    pause = setTimeout(measure, isAnswered && measurements >= FIRST_MEASUREMENTS ? MEASURE_EVERY_MS : AGAIN_MS);
  };
  document.addEventListener('visibilitychange', measure);
  void measure();
}

/** @returns {Promise<boolean>} whether the server answered */
async function measureOffset() {
  const askedAt = localNow();
  try {
    const serverAt = await serverTime();
    known = better(known, measured(askedAt, serverAt, localNow()));
    return true;
  } catch {
    return false;
  }
}
