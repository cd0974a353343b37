// @ts-check
// How to divide a screen among pictures of 16:9 with a band of words below each, so that the pictures are as large as possible.

/** Lines of words below a picture: a share of its width, and this many pixels at least. */
const BAND_SHARE = 0.11;
const LEAST_BAND = 58;
/** Smaller pictures say nothing; the page scrolls instead. */
const LEAST_WIDTH = 240;
const GAP = 10;
const HEIGHT_SHARE = 9 / 16;

/**
 * @typedef {object} Tiling
 * @property {number} columns
 * @property {number} width of a picture in pixels
 * @property {number} band height of the words below it in pixels
 * @property {number} gap between pictures in pixels
 */

/**
 * @param {number} count of pictures
 * @param {{ width: number, height: number }} area in pixels
 * @returns {Tiling}
 */
export function tiling(count, area) {
  let best = tile(1, 0);
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = Math.min(share(area.width, columns), widthFor(share(area.height, rows)));
    if (width > best.width) best = tile(columns, width);
  }
  if (best.width >= LEAST_WIDTH) return best;
  const columns = Math.max(1, Math.floor((area.width + GAP) / (LEAST_WIDTH + GAP)));
  return tile(columns, share(area.width, columns));
}

/** @param {number} columns @param {number} width @returns {Tiling} */
function tile(columns, width) {
  const whole = Math.max(0, Math.floor(width));
  return { columns, width: whole, band: Math.floor(Math.max(LEAST_BAND, whole * BAND_SHARE)), gap: GAP };
}

/** What each of several neighbours gets of a length. @param {number} length @param {number} number */
function share(length, number) {
  return (length - (number - 1) * GAP) / number;
}

/** Width of the picture that fits into a height with its band. @param {number} height */
function widthFor(height) {
  const proportional = height / (HEIGHT_SHARE + BAND_SHARE);
  return proportional * BAND_SHARE >= LEAST_BAND ? proportional : (height - LEAST_BAND) / HEIGHT_SHARE;
}
