// @ts-check
// What the server answers, checked here and trusted elsewhere.

/** @typedef {'stopped' | 'starting' | 'running' | 'waiting' | 'failed'} Phase */
/** @typedef {import('./definition.js').Settings} Settings */
/** @typedef {{ id: string, width: number, height: number, bitrate: number }} VideoTrack */
/** @typedef {{ id: string, bitrate: number, beep_hz: number }} AudioTrack */
/**
 * Who watches a stream; `peakAt` is in milliseconds of Unix time.
 * @typedef {{ current: number, byProtocol: Record<string, number>, most: number | null, peak: number, peakAt: number | null }} Viewers
 */
/**
 * A definition as it may be sent back, what of it the page can change, and the tag that keeps one from overwriting another's.
 * @typedef {{ definition: Record<string, unknown>, settings: Settings, tag: string }} Tagged
 */
/**
 * Where a stream is pushed to; the URL has no secret. `nextTry` is in milliseconds of Unix time.
 * @typedef {{ url: string, phase: string, error: string, nextTry: number | null }} Target
 */
/**
 * A stream as the server tells it. `since` is in milliseconds of Unix time; `urls` are absolute, by protocol.
 * @typedef {object} Stream
 * @property {string} name
 * @property {string} title
 * @property {string} fps
 * @property {VideoTrack[]} video
 * @property {AudioTrack | null} audio
 * @property {Phase} phase
 * @property {number | null} since
 * @property {string} error
 * @property {boolean} declared whether it can be changed in the configuration file only
 * @property {string} revision
 * @property {boolean} awaited whether it starts when somebody asks for it
 * @property {Viewers} viewers
 * @property {Target[]} targets
 * @property {boolean} private whether its URLs need a viewer token
 * @property {Record<string, string>} urls
 */

/** What is told of a stream beside its definition. */
const NOT_DEFINED = [
  'phase', 'since', 'error', 'wanted', 'changed', 'declared', 'revision', 'deterministic', 'urls', 'segment', 'viewers', 'targets', 'history',
];
const PHASES = ['stopped', 'starting', 'running', 'waiting', 'failed'];

/** @param {unknown} value @returns {Stream} */
export function streamFrom(value) {
  const raw = record(value);
  const phase = PHASES.find((p) => p === raw.phase) ?? 'stopped';
  return {
    name: text(raw.name),
    title: text(raw.title),
    fps: String(raw.fps ?? ''),
    video: Array.isArray(raw.video) ? raw.video : [],
    audio: /** @type {AudioTrack | null} */ (raw.audio ?? null),
    phase: /** @type {Phase} */ (phase),
    since: instant(raw.since),
    error: text(raw.error) || text(record(raw.error).detail) || text(record(raw.error).message),
    declared: raw.declared === true,
    revision: text(raw.revision),
    awaited: phase === 'stopped' && raw.on_demand === true && raw.enabled === true && raw.schedule === null,
    viewers: viewersFrom(raw),
    targets: targetsFrom(raw.targets),
    private: raw.access === 'private',
    urls: urlsFrom(raw.urls),
  };
}

/** @param {unknown} value @param {string} tag @returns {Tagged} */
export function definitionFrom(value, tag) {
  const definition = Object.fromEntries(Object.entries(record(value)).filter(([key]) => !NOT_DEFINED.includes(key)));
  const { title, pattern, access, max_viewers, on_demand, idle_seconds } = definition;
  const settings = /** @type {Settings} */ ({ title, pattern, access, max_viewers, on_demand, idle_seconds });
  return { definition, settings, tag };
}

/** @param {Record<string, unknown>} raw stream @returns {Viewers} */
function viewersFrom(raw) {
  const { current, by_format, peak, peak_at } = record(raw.viewers);
  return {
    current: Number(current ?? 0),
    byProtocol: /** @type {Record<string, number>} */ (record(by_format)),
    most: typeof raw.max_viewers === 'number' ? raw.max_viewers : null,
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
  const urls = Object.entries(record(value)).map(([protocol, url]) => [protocol, new URL(String(url), location.href).href]);
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
