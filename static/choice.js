// @ts-check
// What the player panel plays: a stream, a protocol and a player, and how the fragment of the address writes it.

import { decode } from './address.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {'hls.js' | 'dash.js' | 'shaka-player'} PlayerName */
/** @typedef {{ stream: string, protocol: string, player: PlayerName }} Choice */
/** @typedef {{ id: string, label: string, lowLatency: boolean, players: readonly PlayerName[] }} Protocol */

/** @type {readonly PlayerName[]} */
export const PLAYERS = ['hls.js', 'dash.js', 'shaka-player'];

/** The first player of a protocol is its default. @type {readonly Protocol[]} */
export const PROTOCOLS = [
  { id: 'hls', label: 'HLS', lowLatency: false, players: ['hls.js', 'shaka-player'] },
  { id: 'llhls', label: 'LL-HLS', lowLatency: true, players: ['hls.js', 'shaka-player'] },
  { id: 'dash', label: 'DASH', lowLatency: false, players: ['dash.js', 'shaka-player'] },
  { id: 'lldash', label: 'LL-DASH', lowLatency: true, players: ['dash.js', 'shaka-player'] },
];

/** Low latency in hls.js, which also plays where a browser has ManagedMediaSource only. */
export const DEFAULT_PROTOCOL = 'llhls';

/** @param {string} id @returns {Protocol | undefined} */
export function protocol(id) {
  return PROTOCOLS.find((p) => p.id === id);
}

/**
 * Reads `#stream/protocol/player`; defaults replace a protocol or player that is missing or does not fit.
 * @param {string} fragment
 * @returns {Choice | null} null if it names no stream
 */
export function parse(fragment) {
  const [stream = '', wanted = '', player = ''] = fragment.replace(/^#/, '').split('/').map(decode);
  if (stream === '') return null;
  return choose(stream, protocol(wanted)?.id ?? DEFAULT_PROTOCOL, player);
}

/**
 * The first stream that runs anyway: playing a stream on demand would keep it running, and one more viewer may be too many.
 * @param {readonly Stream[]} streams sorted
 * @returns {Choice | null} what the page plays before the user chooses
 */
export function suggest(streams) {
  const plays = (/** @type {Stream} */ { phase, onDemand, urls, viewers }) =>
    phase === 'running' && !onDemand && urls[DEFAULT_PROTOCOL] !== undefined && viewers.current < (viewers.limit ?? Infinity);
  const first = streams.find(plays);
  return first === undefined ? null : choose(first.name, DEFAULT_PROTOCOL, '');
}

/**
 * A valid choice: the protocol's default replaces a player that cannot play the protocol.
 * @param {string} stream
 * @param {string} id of a protocol in the table
 * @param {string} player
 * @returns {Choice}
 */
export function choose(stream, id, player) {
  const players = protocol(id)?.players ?? PLAYERS;
  return { stream, protocol: id, player: players.find((p) => p === player) ?? players[0] ?? 'shaka-player' };
}

/** @param {Choice | null} choice */
export function format(choice) {
  return choice === null ? '' : `#${[choice.stream, choice.protocol, choice.player].map(encodeURIComponent).join('/')}`;
}
