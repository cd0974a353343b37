// @ts-check
// Adds playback URLs with viewer tokens to private streams, if this tab may create viewer tokens.

import { Problem, viewerLinks } from './api.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {{ urls: Record<string, string>, renewAt: number }} Links */

const VALID_S = 24 * 3600;
/** A player opens a new URL as a new stream, so URLs are renewed as rarely as possible. */
const RENEW_AFTER_MS = (VALID_S / 2) * 1000;
const RETRY_AFTER_MS = 30_000;

/** By name of the stream. @type {Map<string, Links>} */
const known = new Map();
/** Whether the server wants an API token that this tab does not have. */
let denied = false;

document.addEventListener('token-changed', () => {
  known.clear();
  denied = false;
});

/**
 * @param {readonly Stream[]} streams
 * @returns {Promise<Stream[]>} with URLs that play; private streams without any if this tab may not watch them
 */
export function watchable(streams) {
  return Promise.all(streams.map(async (stream) => (stream.private ? { ...stream, urls: await urls(stream.name) } : stream)));
}

/** @param {string} name */
async function urls(name) {
  const links = known.get(name);
  if (links !== undefined && Date.now() < links.renewAt) return links.urls;
  if (denied) return {};
  const created = await viewerLinks(name, VALID_S).catch((reason) => {
    denied ||= reason instanceof Problem && reason.status === 401;
    return null;
  });
  const renewal = created === null ? RETRY_AFTER_MS : RENEW_AFTER_MS;
  const found = { urls: created ?? {}, renewAt: Date.now() + renewal };
  known.set(name, found);
  return found.urls;
}
