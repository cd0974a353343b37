// @ts-check
// Adds playback URLs with viewer tokens to private streams, if this tab has the API token, which creates viewer tokens.

import { viewerLinks } from './api.js';
import { apiToken } from './token.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {{ urls: Record<string, string>, renewAt: number }} Links */

const VALID_S = 24 * 3600;
/** A player opens a new URL as a new stream, so URLs are renewed as rarely as possible. */
const RENEW_AFTER_MS = (VALID_S / 2) * 1000;
const RETRY_AFTER_MS = 30_000;

/** By name of the stream. @type {Map<string, Links>} */
const known = new Map();

document.addEventListener('token-changed', () => known.clear());

/**
 * @param {readonly Stream[]} streams
 * @returns {Promise<Stream[]>} with URLs that play; private streams without any if this tab may not watch them
 */
export function watchable(streams) {
  return Promise.all(streams.map(async (stream) => (stream.private ? { ...stream, urls: await urls(stream.name) } : stream)));
}

/** @param {string} name */
async function urls(name) {
  if (apiToken() === null) return {};
  const links = known.get(name);
  if (links !== undefined && Date.now() < links.renewAt) return links.urls;
  const created = await viewerLinks(name, VALID_S).catch(() => null);
  const found = { urls: created ?? {}, renewAt: Date.now() + (created === null ? RETRY_AFTER_MS : RENEW_AFTER_MS) };
  known.set(name, found);
  return found.urls;
}
