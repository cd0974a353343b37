// @ts-check
// Numbers, times and identifiers as people read them.

/** @typedef {import('./answers.js').Stream} Stream */

/**
 * An identifier of a program as words: `fragLoadError` and `FRAG_LOAD_ERROR` are both "frag load error".
 * @param {string} identifier
 */
export function words(identifier) {
  return identifier
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/_/g, ' ')
    .toLowerCase();
}

/** @param {number} ms Unix time @returns {string} like `03:12:44 UTC` */
export function timeOfDay(ms) {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`;
}

/** @param {number | null} value @param {number} digits */
export function seconds(value, digits) {
  return value === null ? '–' : `${value.toFixed(digits)} s`;
}

/** @param {Stream} stream @returns {string} like `25 fps · 720p 360p · beep 1000 Hz`, with a lock before it if it is private */
export function summary(stream) {
  const sizes = stream.video.map((track) => `${track.height}p`).join(' ');
  const sound = stream.audio === null ? 'no sound' : `beep ${stream.audio.beep_hz} Hz`;
  return [stream.private ? '🔒 private' : '', `${stream.fps} fps`, sizes, sound].filter(Boolean).join(' · ');
}

/** @param {Stream} stream @returns {string} what the phase means now: the error where there is one */
export function situation(stream) {
  if (stream.error) return stream.error;
  return stream.since === null ? '' : `since ${timeOfDay(stream.since)}`;
}
