// @ts-check
// Text that the page shows for numbers, times, identifiers and streams.

import { FORMATS } from './choice.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./answers.js').Viewers} Viewers */
/** @typedef {import('./answers.js').Target} Target */

/**
 * Splits an identifier into words: `fragLoadError` and `FRAG_LOAD_ERROR` are both "frag load error".
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

/** @param {number | undefined} height @param {number} bitsPerSecond @returns {string} like `720p, 2.2 Mbit/s` */
export function rendition(height, bitsPerSecond) {
  return [height ? `${height}p` : 'audio', bits(bitsPerSecond)].join(', ');
}

/** @param {number} perSecond @returns {string} like `2.2 Mbit/s` or `128 kbit/s` */
export function bits(perSecond) {
  return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(1)} Mbit/s` : `${Math.round(perSecond / 1e3)} kbit/s`;
}

/** @param {number | null} value seconds @returns {string} with hundredths, while they count */
export function latencyText(value) {
  return seconds(value, value !== null && Math.abs(value) >= 100 ? 1 : 2);
}

/** @param {Stream} stream @returns {string} like `25 fps · 720p 360p · beep 1000 Hz` */
export function summary({ fps, video, audio, declared }) {
  const renditions = video.map((track) => `${track.height}p`).join(' ');
  const sound = audio === null ? 'no audio' : `beep ${audio.beep_hz} Hz`;
  return [`${fps} fps`, renditions, sound, declared ? 'from the configuration file' : ''].filter(Boolean).join(' · ');
}

/** A stream that is later than this is not on time. */
const LATE_MS = 500;

/**
 * @param {Stream} stream
 * @param {number | null} now Unix time of the answer in milliseconds
 * @returns {string} like `2.1 Mbit/s · on time`: all tracks together, and how late the newest segment is
 */
export function load({ video, audio, phase, newestSegment, segmentMs }, now) {
  const rate = bits(video.reduce((sum, { bitrate }) => sum + bitrate, audio?.bitrate ?? 0));
  if (phase !== 'running' || newestSegment === null || now === null) return rate;
  const late = now - (newestSegment + 2) * segmentMs;
  return `${rate} · ${late < LATE_MS ? 'on time' : `${(late / 1000).toFixed(1)} s late`}`;
}

/** @param {Stream} stream @returns {string} why the stream is in its phase, if there is a reason, and since when */
export function situation({ phase, error, since }) {
  const why = phase === 'on demand' ? 'starts when a viewer opens it' : error;
  return [why, since === null ? '' : `since ${moment(since)}`].filter(Boolean).join(' · ');
}

/** @param {Stream} stream @returns {string} like `radio is stopped.` or `test failed: no element x264enc` */
export function sentence({ name, phase, error }) {
  const state = phase === 'failed' ? `${name} failed` : `${name} is ${phase}`;
  return error === '' ? `${state}.` : `${state}: ${error}`;
}

/** Phases that need attention first. @type {readonly Stream['phase'][]} */
const BY_URGENCY = ['failed', 'waiting', 'starting', 'running', 'on demand', 'stopped'];

/** @param {readonly Stream[]} streams @returns {string} like `3 streams: 1 failed, 2 running` */
export function census(streams) {
  const numbers = BY_URGENCY.map((phase) => ({ phase, number: streams.filter((stream) => stream.phase === phase).length }));
  const words = numbers.filter(({ number }) => number > 0).map(({ phase, number }) => `${number} ${phase}`).join(', ');
  return `${streams.length === 1 ? '1 stream' : `${streams.length} streams`}${words === '' ? '' : `: ${words}`}`;
}

/** @param {Target} target @returns {string} like `rtmp://live.example/app/***: waiting, no route to host · next try 03:12:44 UTC` */
export function pushed({ url, phase, error, nextTry }) {
  const why = [`${url}: ${phase}`, error].filter(Boolean).join(', ');
  return nextTry === null ? why : `${why} · next try ${moment(nextTry)}`;
}

/** @param {Viewers} viewers @returns {string} like `2 of 10 viewers · peak 5` */
export function audience({ current, limit, peak }) {
  const number = limit === null ? current || 'no' : `${current} of ${limit}`;
  return `${number} ${(limit ?? current) === 1 ? 'viewer' : 'viewers'}${peak === 0 ? '' : ` · peak ${peak}`}`;
}

/** @param {Viewers} viewers @returns {string} like `HLS 1, LL-DASH 1; peak at 03:12:44 UTC` */
export function audienceInDetail({ byFormat, peakAt }) {
  const now = FORMATS.filter(({ id }) => byFormat[id]).map(({ id, label }) => `${label} ${byFormat[id]}`);
  return [now.join(', '), peakAt === null ? '' : `peak at ${moment(peakAt)}`].filter(Boolean).join('; ');
}
