// @ts-check
// Where the page is, also behind a reverse proxy that adds a prefix to every path, and what its fragment carries.

/** The directory of the page; API, media and scripts are below it. */
export const BASE = new URL('.', document.baseURI);

/** Path of a manifest below the server's root: `live/STREAM/FILE`, after `t/TOKEN/` for a private stream. */
const MANIFEST = /(?:^|\/)((?:t\/[^/]+\/)?live\/[^/]+\/[^/]+)$/;

/**
 * The URL that this page plays a manifest from: always below the page, because the page may load nothing from elsewhere,
 * and because a server behind a reverse proxy may not know the prefix.
 * @param {string} url of a manifest, absolute or relative
 * @returns {string} absolute
 */
export function playbackUrl(url) {
  const { href, pathname, search } = new URL(url, BASE);
  const [, path] = MANIFEST.exec(pathname) ?? [];
  return path === undefined ? href : new URL(path + search, BASE).href;
}

/**
 * The URL of a manifest to hand to others: as the server gives it if it names a host, otherwise below the page.
 * @param {string} url of a manifest, absolute or relative
 * @returns {string} absolute
 */
export function publicUrl(url) {
  const { href, origin } = new URL(url, BASE);
  return origin === BASE.origin ? playbackUrl(url) : href;
}

/**
 * Splits a token from the rest of a fragment: `#token=SECRET`, `#test/hls&token=SECRET`.
 * @param {string} fragment with or without `#`
 * @returns {{ token: string | null, rest: string }} the rest without `#`
 */
export function splitToken(fragment) {
  const parts = fragment.replace(/^#/, '').split('&');
  const token = parts.find((part) => part.startsWith('token='));
  const rest = parts.filter((part) => !part.startsWith('token=')).join('&');
  return { token: token === undefined ? null : decode(token.slice('token='.length)), rest };
}

/** @param {string} part of a fragment @returns {string} as it is where its percent-encoding is broken */
export function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
