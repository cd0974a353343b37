// @ts-check
// Why a choice cannot play, or what the user should know while it plays, and the button that helps.

import { startStream } from './api.js';
import { format, sourceName } from './choice.js';
import { requestToken } from './token.js';
import { sentence } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {import('./player-note.js').Note} Note */
/**
 * @typedef {object} Found
 * @property {Choice | null} choice
 * @property {Stream | null} stream of the choice
 * @property {boolean} isListed whether the list of streams has arrived
 * @property {boolean} plays whether a player is open
 */

/**
 * @param {Found} found
 * @param {() => void} changed is called when a remedy has changed the stream
 * @returns {Note | null} why nothing can play
 */
export function obstacle({ choice, stream, isListed, plays }, changed) {
  if (choice === null) return { text: 'Nothing plays. Choose Play on a stream.' };
  if (choice.url !== '') return null;
  if (!isListed) return { text: `Loading ${sourceName(choice)}…` };
  if (stream === null) return { text: `There is no stream ${choice.stream}.` };
  if (stream.private && Object.keys(stream.urls).length === 0) {
    const text = `${stream.name} is private. Paste the API token, or open the link that barstone printed when it started.`;
    return { text, remedy: { label: 'Enter token', run: requestToken } };
  }
  if (stream.urls[choice.format] === undefined) return { text: `${stream.name} is not available as ${format(choice.format)?.label}.` };
  const text = sentence(stream);
  switch (stream.phase) {
    case 'running':
    case 'on demand': return null;
    case 'starting':
    case 'waiting': return plays ? null : { text };
    case 'stopped': return { text, remedy: start(stream, 'Start and play', changed) };
    case 'failed': return { text, remedy: start(stream, 'Start again', changed) };
  }
}

/**
 * A player goes on while its stream starts again, which is what people test.
 * @param {Stream | null} stream
 * @param {import('./playback.js').Playback | null} playback
 * @returns {Note | null} what to say while a player is open
 */
export function remark(stream, playback) {
  if (playback?.isBlocked) return { text: 'The browser has blocked playback.', remedy: { label: 'Play', run: () => playback.resume() } };
  if (stream?.phase === 'starting' || stream?.phase === 'waiting') return { text: sentence(stream) };
  if (playback?.failure) return { text: `Playback failed: ${playback.failure}` };
  return stream?.video.length === 0 ? { text: `${stream.name} has no picture, so no latency can be read.` } : null;
}

/** @param {Stream} stream @param {string} label @param {() => void} changed */
function start({ name }, label, changed) {
  const run = async () => {
    await startStream(name);
    changed();
  };
  return { label, run, writes: true };
}
