// @ts-check
// What the player panel plays: a stream, a format and a player, and how the fragment of the address writes it.

import { decode } from './address.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {'hls.js' | 'dash.js' | 'shaka-player'} PlayerName */
/** @typedef {{ stream: string, format: string, player: PlayerName }} Choice */
/** @typedef {{ id: string, label: string, lowLatency: boolean, players: readonly PlayerName[] }} Format */

/** @type {readonly PlayerName[]} */
export const PLAYERS = ['hls.js', 'dash.js', 'shaka-player'];

/** The first player of a format is its default. @type {readonly Format[]} */
export const FORMATS = [
  { id: 'hls', label: 'HLS', lowLatency: false, players: ['hls.js', 'shaka-player'] },
  { id: 'llhls', label: 'LL-HLS', lowLatency: true, players: ['hls.js', 'shaka-player'] },
  { id: 'dash', label: 'DASH', lowLatency: false, players: ['dash.js', 'shaka-player'] },
  { id: 'lldash', label: 'LL-DASH', lowLatency: true, players: ['dash.js', 'shaka-player'] },
];

/** Low latency in hls.js, which also plays where a browser has ManagedMediaSource only. */
export const DEFAULT_FORMAT = 'llhls';

/** @param {string} id @returns {Format | undefined} */
export function format(id) {
  return FORMATS.find((p) => p.id === id);
}

/**
 * Reads `#stream/format/player`; defaults replace a format or player that is missing or does not fit.
 * @param {string} fragment
 * @returns {Choice | null} null if it names no stream
 */
export function parse(fragment) {
  const [stream = '', wanted = '', player = ''] = fragment.replace(/^#/, '').split('/').map(decode);
  if (stream === '') return null;
  return choose(stream, format(wanted)?.id ?? DEFAULT_FORMAT, player);
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
 * A valid choice: the format's default replaces a player that cannot play the format.
 * @param {string} stream
 * @param {string} id of a format in the table
 * @param {string} player
 * @returns {Choice}
 */
export function choose(stream, id, player) {
  const players = format(id)?.players ?? PLAYERS;
  return { stream, format: id, player: players.find((p) => p === player) ?? players[0] ?? 'shaka-player' };
}

/** @param {Choice | null} choice */
export function fragment(choice) {
  return choice === null ? '' : `#${[choice.stream, choice.format, choice.player].map(encodeURIComponent).join('/')}`;
}
