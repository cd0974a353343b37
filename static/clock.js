// @ts-check
// The server's UTC: the offset from the browser's clock, measured every MEASURE_EVERY_MS.

import { serverTime } from './api.js';

const MEASURE_EVERY_MS = 30_000;
/** After a measurement that failed. */
const RETRY_MS = 3000;

/** @type {number | null} */
let offsetMs = null;

/** @returns {number} milliseconds, monotonic; near Unix time */
function localNow() {
  return performance.timeOrigin + performance.now();
}

/** @returns {number | null} the server's Unix time in milliseconds; null until it is known */
export function serverNow() {
  return offsetMs === null ? null : localNow() + offsetMs;
}

/** Starts to measure for as long as the page is loaded, with a pause while it is hidden. Call once. */
export function followServerTime() {
  let pause = 0;
  const measure = async () => {
    clearTimeout(pause);
    if (document.hidden) return;
    const known = await measureOffset();
    pause = setTimeout(measure, known ? MEASURE_EVERY_MS : RETRY_MS);
  };
  document.addEventListener('visibilitychange', measure);
  void measure();
}

/** Assumes that the server read its clock half a round trip before the answer arrived. @returns {Promise<boolean>} whether it worked */
async function measureOffset() {
  const asked = localNow();
  try {
    const server = await serverTime();
    const answered = localNow();
    offsetMs = server + (answered - asked) / 2 - answered;
    return true;
  } catch {
    return false;
  }
}
