// @ts-check
// Numbers, times and identifiers as people read them.

import { PROTOCOLS } from './choice.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./answers.js').Viewers} Viewers */
/** @typedef {import('./answers.js').Target} Target */

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

/** @param {number} ms Unix time @returns {string} like `03:12:44 UTC`, after the day where that is not today */
function moment(ms) {
  const [day, today] = [ms, Date.now()].map((time) => new Date(time).toISOString().slice(0, 10));
  return day === today ? timeOfDay(ms) : `${day} ${timeOfDay(ms)}`;
}

/** @param {number | null} value @param {number} digits */
export function seconds(value, digits) {
  return value === null ? '–' : `${value.toFixed(digits)} s`;
}

/** @param {Stream} stream @returns {string} like `25 fps · 720p 360p · beep 1000 Hz`, and who may watch and change it if not everybody */
export function summary(stream) {
  const sizes = stream.video.map((track) => `${track.height}p`).join(' ');
  const sound = stream.audio === null ? 'no sound' : `beep ${stream.audio.beep_hz} Hz`;
  return [stream.private ? '🔒 private' : '', `${stream.fps} fps`, sizes, sound, stream.declared ? 'from the configuration' : ''].filter(Boolean).join(' · ');
}

/** @param {Stream} stream @returns {string} what the phase means now: why it is so where that is known, and since when */
export function situation(stream) {
  const why = stream.awaited ? 'starts when somebody watches' : stream.error;
  return [why, stream.since === null ? '' : `since ${moment(stream.since)}`].filter(Boolean).join(' · ');
}

/** @param {Target} target @returns {string} like `rtmp://live.example/app/***: waiting, no route to host · again at 03:12:44 UTC` */
export function pushed({ url, phase, error, nextTry }) {
  const why = [`${url}: ${phase}`, error].filter(Boolean).join(', ');
  return nextTry === null ? why : `${why} · again at ${moment(nextTry)}`;
}

/** @param {Viewers} viewers @returns {string} like `2 of 10 viewers · peak 5` */
export function audience({ current, most, peak }) {
  const number = most === null ? current || 'no' : `${current} of ${most}`;
  return `${number} ${(most ?? current) === 1 ? 'viewer' : 'viewers'}${peak === 0 ? '' : ` · peak ${peak}`}`;
}

/** @param {Viewers} viewers @returns {string} like `HLS 1, LL-DASH 1; peak at 03:12:44 UTC` */
export function audienceInDetail({ byProtocol, peakAt }) {
  const now = PROTOCOLS.filter(({ id }) => byProtocol[id]).map(({ id, label }) => `${label} ${byProtocol[id]}`);
  return [now.join(', '), peakAt === null ? '' : `peak at ${moment(peakAt)}`].filter(Boolean).join('; ');
}
