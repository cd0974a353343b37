// @ts-check
// What a player plays: a stream or any URL, a format and a player, and how the fragment of the address writes it.

import { decode, isWhep, pathSegment } from './address.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {'hls.js' | 'dash.js' | 'shaka-player' | 'native'} PlayerName */
/**
 * Either `stream` names a stream of this server, or `url` is the URL of any manifest; the other one is empty.
 * `conditions` are joined by commas, as in a URL.
 * @typedef {{ stream: string, url: string, format: string, player: PlayerName, conditions: string }} Choice
 */
/** `hasManifest`: whether its URL is that of a manifest, which can have conditions. @typedef {{ id: string, label: string, lowLatency: boolean, hasManifest: boolean, players: readonly PlayerName[] }} Format */

/** Whether the browser itself plays HLS. */
const PLAYS_HLS = document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
/** @type {readonly PlayerName[]} */
const NATIVE_HLS = PLAYS_HLS ? ['native'] : [];
/** Starts the first part of a fragment that has a URL; the name of a stream has no colon. */
const URL_MARK = 'url:';

/** @type {readonly PlayerName[]} */
export const PLAYERS = ['hls.js', 'dash.js', 'shaka-player', 'native'];

/** The first player of a format is its default. @type {readonly Format[]} */
export const FORMATS = [
  { id: 'hls', label: 'HLS', lowLatency: false, hasManifest: true, players: ['hls.js', 'shaka-player', ...NATIVE_HLS] },
  { id: 'llhls', label: 'LL-HLS', lowLatency: true, hasManifest: true, players: ['hls.js', 'shaka-player', ...NATIVE_HLS] },
  { id: 'dash', label: 'DASH', lowLatency: false, hasManifest: true, players: ['dash.js', 'shaka-player'] },
  { id: 'lldash', label: 'LL-DASH', lowLatency: true, hasManifest: true, players: ['dash.js', 'shaka-player'] },
  { id: 'webrtc', label: 'WebRTC', lowLatency: true, hasManifest: false, players: ['native'] },
];

export const MANIFEST_FORMATS = FORMATS.filter(({ hasManifest }) => hasManifest);

/** Low latency in hls.js, which also plays where a browser has ManagedMediaSource only. */
export const DEFAULT_FORMAT = 'llhls';

/** @param {string} id @returns {Format | undefined} */
export function format(id) {
  return FORMATS.find((p) => p.id === id);
}

/**
 * Reads `stream/format/player` or `stream/format/player/conditions`, and the same with `url:URL` in place of the stream;
 * defaults replace a format or player that is missing or does not fit.
 * @param {string} text
 * @returns {Choice | null} null if it names no stream and no URL
 */
export function parse(text) {
  const [source = '', wanted = '', player = '', conditions = ''] = text.replace(/^#/, '').split('/').map(decode);
  if (source === '') return null;
  if (source.startsWith(URL_MARK)) {
    const url = source.slice(URL_MARK.length);
    return { ...choose('', format(wanted)?.id ?? formatOf(url), player), url };
  }
  return withConditions(choose(source, format(wanted)?.id ?? DEFAULT_FORMAT, player), conditions);
}

/**
 * The first stream that runs anyway: playing a stream on demand would keep it running, and one more viewer may be too many.
 * @param {readonly Stream[]} streams sorted
 * @returns {Choice | null} what the page plays before the user chooses
 */
export function suggest(streams) {
  const plays = (/** @type {Stream} */ { phase, onDemand, urls, viewers }) =>
    phase === 'running' && !onDemand && urls[DEFAULT_FORMAT] !== undefined && viewers.current < (viewers.limit ?? Infinity);
  const first = streams.find(plays);
  return first === undefined ? null : choose(first.name, DEFAULT_FORMAT, '');
}

/**
 * A valid choice without conditions: the format's default replaces a player that cannot play the format.
 * @param {string} stream
 * @param {string} id of a format in the table
 * @param {string} player
 * @returns {Choice}
 */
export function choose(stream, id, player) {
  const players = format(id)?.players ?? PLAYERS;
  return { stream, url: '', format: id, player: players.find((p) => p === player) ?? players[0] ?? 'shaka-player', conditions: '' };
}

/**
 * The same source in another format and player.
 * @param {Choice} choice
 * @param {string} id of a format in the table
 * @param {string} player
 * @returns {Choice}
 */
export function change({ stream, url, conditions }, id, player) {
  return withConditions({ ...choose(stream, id, player), url }, conditions);
}

/**
 * The same choice with these conditions, or without any if its format has none.
 * @param {Choice} choice
 * @param {string} conditions
 * @returns {Choice}
 */
function withConditions(choice, conditions) {
  return { ...choice, conditions: format(choice.format)?.hasManifest ? conditions : '' };
}

/** @param {string} url of any manifest @returns {Choice} */
export function chooseUrl(url) {
  return { ...choose('', formatOf(url), ''), url };
}

/** @param {Choice} choice @returns {string} what the page calls the source */
export function sourceName({ stream, url }) {
  if (url === '') return stream;
  const { host, pathname } = new URL(url, document.baseURI);
  return host + pathname;
}

/** @param {Choice} choice @returns {string} like `LL-HLS in hls.js` */
export function manner({ format: id, player }) {
  return `${format(id)?.label} in ${player}`;
}

/** @param {Choice} choice @returns {string} as `parse` reads it */
export function write({ stream, url, format: id, player, conditions }) {
  const source = url === '' ? encodeURIComponent(stream) : URL_MARK + encodeURIComponent(url);
  return [source, id, player, ...(conditions === '' ? [] : [pathSegment(conditions)])].join('/');
}

/** @param {string} url of a manifest or of WHEP @returns {string} id of the format that its name suggests */
function formatOf(url) {
  if (isWhep(url)) return 'webrtc';
  const path = url.replace(/[?#].*$/, '');
  const isDash = path.endsWith('.mpd');
  const isLow = /\/ll[^/]*$/.test(path);
  return isDash ? (isLow ? 'lldash' : 'dash') : isLow ? 'llhls' : 'hls';
}
