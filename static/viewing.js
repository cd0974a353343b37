// @ts-check
// Private streams under viewer tokens, for a page that may ask for them.

import { viewerLinks } from './api.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {{ urls: Record<string, string>, renewAt: number }} Links */

/** For so long a link is good. */
const GOOD_S = 24 * 3600;
/** Another link is another stream to a player, so this one is kept for long. */
const RENEW_AFTER_MS = (GOOD_S / 2) * 1000;
/** The server may need the token of the page, which it does not have; asking each time would be noise. */
const ASK_AGAIN_AFTER_MS = 30_000;

/** By name of the stream. @type {Map<string, Links>} */
const known = new Map();

/**
 * @param {readonly Stream[]} streams
 * @returns {Promise<Stream[]>} with URLs that play; private ones without any if the page may not watch
 */
export function watchable(streams) {
  return Promise.all(streams.map(async (stream) => (stream.private ? { ...stream, urls: await urls(stream.name) } : stream)));
}

/** @param {string} name */
async function urls(name) {
  const links = known.get(name);
  if (links !== undefined && Date.now() < links.renewAt) return links.urls;
  const asked = await viewerLinks(name, GOOD_S).catch(() => null);
  const rest = asked === null ? ASK_AGAIN_AFTER_MS : RENEW_AFTER_MS;
  const found = { urls: asked ?? {}, renewAt: Date.now() + rest };
  known.set(name, found);
  return found.urls;
}
