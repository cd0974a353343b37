// @ts-check
// URLs of streams.

/** File of each format, by its name in `url`. @type {Readonly<Record<string, string>>} */
const FILES = {
  hls: 'hls.m3u8',
  llhls: 'llhls.m3u8',
  dash: 'dash.mpd',
  lldash: 'lldash.mpd',
  mp4: 'stream.mp4',
  ts: 'stream.ts',
};

/**
 * Conditions as they stand in a path, sorted by name, then by value, which is the canonical form.
 * @param {import('./index.js').Conditions} conditions
 * @returns {string} empty, or `/with/` and the conditions
 */
function prefix(conditions) {
  const parts = Object.entries(conditions)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => ({ name, one })))
    .filter(({ one }) => one !== false && one !== undefined)
    .map(({ name, one }) => ({ name, text: one === true ? name : `${name}=${one}` }))
    .sort((a, b) => compare(a.name, b.name) || compare(a.text, b.text))
    .map(({ text }) => text);
  // In a segment of a path, everything but unreserved characters, sub-delims, `:` and `@` is percent-encoded (RFC 3986 3.3).
  return parts.length === 0 ? '' : `/with/${parts.join(',').replace(/[^\w.~!$&'()*+,;=:@-]/g, encodeURIComponent)}`;
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

/**
 * @param {string} base URL of the server, without a slash at the end
 * @param {string} stream
 * @param {string} format
 * @param {import('./index.js').Conditions} conditions
 * @returns {string}
 */
export function url(base, stream, format, conditions) {
  if (!Object.hasOwn(FILES, format)) {
    throw new TypeError(`unknown format "${format}": use one of ${Object.keys(FILES).join(', ')}`);
  }
  return `${base}${prefix(conditions)}/live/${encodeURIComponent(stream)}/${FILES[format]}`;
}
