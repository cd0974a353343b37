// @ts-check
// Turns JSON of the server into the page's types. Only this file handles untyped answers.

import { publicUrl } from './address.js';

/** `on demand` is the page's word for a stream that is stopped and starts when a viewer requests it. */
/** @typedef {'stopped' | 'starting' | 'running' | 'waiting' | 'failed' | 'on demand'} Phase */
/** @typedef {{ id: string, width: number, height: number, bitrate: number }} VideoTrack */
/** @typedef {{ id: string, bitrate: number, beep_hz: number }} AudioTrack */
/**
 * Viewers of a stream; `limit` is null where there is none, `peakAt` is in milliseconds of Unix time.
 * @typedef {{ current: number, byFormat: Record<string, number>, limit: number | null, peak: number, peakAt: number | null }} Viewers
 */
/** A definition and its entity tag. @typedef {{ definition: Record<string, unknown>, tag: string }} Tagged */
/**
 * A push target; the server masks the secret in its URL. `nextTry` is in milliseconds of Unix time.
 * @typedef {{ url: string, phase: string, error: string, nextTry: number | null }} Target
 */
/**
 * A stream as the server reports it. `since` is in milliseconds of Unix time; `urls` are absolute, by format.
 * @typedef {object} Stream
 * @property {string} name
 * @property {string} title
 * @property {string} fps
 * @property {VideoTrack[]} video
 * @property {AudioTrack | null} audio
 * @property {Phase} phase
 * @property {number | null} since
 * @property {string} error
 * @property {boolean} declared whether the configuration file defines it, so that the API cannot change it
 * @property {string} revision
 * @property {string} pattern
 * @property {number | null} newestSegment number of the newest segment that is complete on all tracks
 * @property {number} segmentMs duration of a segment
 * @property {boolean} onDemand whether requests of viewers start it, without a schedule
 * @property {boolean} enabled
 * @property {Viewers} viewers
 * @property {Target[]} targets
 * @property {boolean} private whether its URLs need a viewer token
 * @property {Record<string, string>} urls
 */

/** Fields of an answer that are not part of the definition. */
const NOT_DEFINED = [
  'phase', 'since', 'error', 'wanted', 'changed', 'declared', 'revision', 'deterministic', 'urls', 'segment', 'viewers', 'targets', 'history',
];
const PHASES = ['stopped', 'starting', 'running', 'waiting', 'failed'];

/** @param {unknown} value @returns {Stream} */
export function streamFrom(value) {
  const raw = record(value);
  const phase = PHASES.find((p) => p === raw.phase) ?? 'stopped';
  const [onDemand, enabled] = [raw.on_demand === true && raw.schedule === null, raw.enabled === true];
  return {
    name: text(raw.name),
    title: text(raw.title),
    fps: String(raw.fps ?? ''),
    video: Array.isArray(raw.video) ? raw.video : [],
    audio: /** @type {AudioTrack | null} */ (raw.audio ?? null),
    phase: onDemand && enabled && phase === 'stopped' ? 'on demand' : /** @type {Phase} */ (phase),
    since: instant(raw.since),
    error: text(raw.error) || text(record(raw.error).detail) || text(record(raw.error).message),
    declared: raw.declared === true,
    revision: text(raw.revision),
    pattern: text(raw.pattern),
    segmentMs: segmentMs(raw),
    newestSegment: typeof raw.segment === 'number' ? raw.segment : null,
    onDemand,
    enabled,
    viewers: viewersFrom(raw),
    targets: targetsFrom(raw.targets),
    private: raw.access === 'private',
    urls: urlsFrom(raw.urls),
  };
}

/** @param {Record<string, unknown>} raw stream @returns {number} milliseconds */
function segmentMs({ fps, segment_frames }) {
  const [frames = 25, seconds = 1] = String(fps ?? 25).split('/').map(Number);
  return (Number(segment_frames ?? 0) * seconds * 1000) / frames;
}

/** @param {unknown} value @param {string} tag @returns {Tagged} */
export function definitionFrom(value, tag) {
  const definition = Object.fromEntries(Object.entries(record(value)).filter(([key]) => !NOT_DEFINED.includes(key)));
  return { definition, tag };
}

/** @param {Record<string, unknown>} raw stream @returns {Viewers} */
function viewersFrom(raw) {
  const { current, by_format, peak, peak_at } = record(raw.viewers);
  return {
    current: Number(current ?? 0),
    byFormat: /** @type {Record<string, number>} */ (record(by_format)),
    limit: typeof raw.max_viewers === 'number' ? raw.max_viewers : null,
    peak: Number(peak ?? 0),
    peakAt: instant(peak_at),
  };
}

/** @param {unknown} value @returns {Target[]} */
function targetsFrom(value) {
  const raw = Array.isArray(value) ? value.map(record) : [];
  return raw.map(({ url, phase, error, next_try }) => ({
    url: text(url), phase: text(phase), error: text(error), nextTry: instant(next_try),
  }));
}

/** @param {unknown} value @returns {Record<string, string>} absolute */
export function urlsFrom(value) {
  const urls = Object.entries(record(value)).map(([format, url]) => [format, publicUrl(String(url))]);
  return Object.fromEntries(urls);
}

/** @param {unknown} value @returns {number | null} */
function instant(value) {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** @param {unknown} value @returns {Record<string, unknown>} */
export function record(value) {
  return value !== null && typeof value === 'object' ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value */
export function text(value) {
  return typeof value === 'string' ? value : '';
}
