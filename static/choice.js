// @ts-check
// What the player panel shows: a stream, a protocol, a player; and its form in the URL hash.

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

/** @param {string} id @returns {Protocol | undefined} */
export function protocol(id) {
  return PROTOCOLS.find((p) => p.id === id);
}

/**
 * Reads `#stream/protocol/player`; what is missing or does not fit falls back to HLS and the protocol's default.
 * @param {string} hash
 * @returns {Choice | null} null when no stream is named
 */
export function parse(hash) {
  const [stream = '', wanted = '', player = ''] = hash.replace(/^#/, '').split('/').map(decode);
  if (stream === '') return null;
  const { id } = protocol(wanted) ?? { id: 'hls' };
  return choose(stream, id, player);
}

/**
 * A choice that holds together: a player that cannot play the protocol gives way to the protocol's default.
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

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
