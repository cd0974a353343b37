// @ts-check
// The server's UTC as the browser knows it: an offset, measured again and again.

import { serverTime } from './api.js';

const MEASURE_EVERY_MS = 30_000;
/** A measurement that failed is repeated sooner. */
const RETRY_MS = 3000;

/** @type {number | null} */
let offsetMs = null;

/** @returns {number} monotonic local time in milliseconds of (roughly) Unix time */
function localNow() {
  return performance.timeOrigin + performance.now();
}

/** @returns {number | null} the server's Unix time in milliseconds; null until it is known */
export function serverNow() {
  return offsetMs === null ? null : localNow() + offsetMs;
}

/** Measures for as long as the page lives; rests while it is hidden. Call once. */
export function keepTime() {
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

/** The server read its clock half a round trip before the answer came. @returns {Promise<boolean>} */
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
