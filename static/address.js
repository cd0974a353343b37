// @ts-check
// Where the page is, also behind a reverse proxy that adds a prefix to every path, and what its fragment carries.

/** The root of the server as the browser sees it; API, media and pages are below it. */
export const BASE = new URL('..', import.meta.url);

/**
 * Path of a manifest below the server's root: `live/STREAM/FILE`, after `t/TOKEN/` for a private stream and `with/CONDITIONS/`; and
 * of a session of WebRTC.
 */
const MANIFEST = /(?:^|\/)((?:t\/[^/]+\/)?(?:with\/[^/]+\/)?live\/[^/]+\/(?:wh[ei]p\/sessions\/)?[^/]+)$/;

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
 * Puts conditions into the URL of a manifest.
 * @param {string} url of a manifest without conditions
 * @param {string} conditions joined by commas, empty for none
 */
export function withConditions(url, conditions) {
  if (conditions === '') return url;
  const { href } = new URL(url, BASE);
  return href.replace(/\/live\/(?=[^/]+\/[^/]+$)/, `/with/${pathSegment(conditions)}/live/`);
}

/**
 * Where the stills of the stream are whose manifest the page plays. Stills are by the time in the picture, so no condition applies.
 * @param {string} url of a manifest of this server
 * @returns {string} absolute, without a query
 */
export function stillUrl(url) {
  return new URL('still.jpg', playbackUrl(url).replace(/\/with\/[^/]+(?=\/live\/)/, '')).href;
}

/** Whether the URL is that of WHEP, where sessions of WebRTC are opened. @param {string} url */
export function isWhep(url) {
  return /\/whep(?:[?#]|$)/.test(url);
}

/** Percent-encodes what a path segment may not contain (RFC 3986 3.3). @param {string} text */
export function pathSegment(text) {
  return encodeURIComponent(text).replace(/%(3D|3A|2C|2B|40)/g, (code) => decodeURIComponent(code));
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
