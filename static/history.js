// @ts-check
// Measurements of one player over time, and statistics of them. Bounded, so that a page may stay open for days.

/**
 * @typedef {object} Row
 * @property {number} at the server's Unix time in milliseconds
 * @property {number | null} latency seconds
 * @property {number | null} buffer seconds
 * @property {string} size of the picture, such as `1280×720`
 * @property {number} dropped frames since playback began, and the same for the next four
 * @property {number} repeated
 * @property {number} frozen
 * @property {number} stalls
 * @property {number | null} offset of sound against picture in milliseconds
 */

/** Ten minutes of four rows a second. */
const MOST_ROWS = 2400;

export class History {
  /** @type {Row[]} */
  #rows = [];

  /** @param {Row} row */
  add(row) {
    this.#rows.push(row);
    // Removes many rows at a time, because each removal copies the rest.
    if (this.#rows.length > MOST_ROWS * 1.1) this.#rows.splice(0, this.#rows.length - MOST_ROWS);
  }

  /** @param {number} [seconds] before the last row; without it all rows @returns {readonly Row[]} */
  rows(seconds = Infinity) {
    const from = (this.#rows.at(-1)?.at ?? 0) - seconds * 1000;
    return this.#rows.filter(({ at }) => at >= from);
  }

  /**
   * @param {number} seconds before the last row
   * @returns {{ median: number | null, p95: number | null }} of the latency, in seconds; null without a measurement
   */
  latency(seconds) {
    const sorted = this.rows(seconds).flatMap(({ latency }) => (latency === null ? [] : [latency])).sort((a, b) => a - b);
    return { median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
  }
}

/** @param {readonly number[]} sorted @param {number} share @returns {number | null} the smallest value that is at least so large as `share` of all */
export function quantile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

const COLUMNS = /** @type {const} */ (['at', 'latency', 'buffer', 'size', 'dropped', 'repeated', 'frozen', 'stalls', 'offset']);

/** @param {readonly Row[]} rows @returns {string} with a first line of names (RFC 4180) */
export function toCsv(rows) {
  const names = 'utc,latency_s,buffer_s,size,dropped_frames,repeated_frames,frozen_pictures,stalls,av_offset_ms';
  const lines = rows.map((row) => COLUMNS.map((column) => cell(column, row[column])).join(','));
  return `${[names, ...lines].join('\r\n')}\r\n`;
}

/** @param {string} column @param {string | number | null} value */
function cell(column, value) {
  if (value === null) return '';
  return column === 'at' ? new Date(Number(value)).toISOString() : typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : value;
}
