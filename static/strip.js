// @ts-check
// Reads the machine-readable strip at the top of the picture: which frame this is, and when it starts.
// The layout of the strip is documented where it is drawn, in src/signal/timecode.rs.

/** @typedef {{ timeMs: number, frame: number }} Timecode Start of the frame in ms since 1970, and its index since 1970. */
/** @typedef {{ data: Uint8ClampedArray | Uint8Array, width: number, height: number }} Pixels RGBA, as in ImageData. */

const VERSION = 0xb1;
const COLUMNS = 64;
const ROWS = 2;
/** The strip's share of the height of the picture is one in this many. */
const STRIPS_IN_HEIGHT = 15;
/** Least difference, of 255, between the lightest and the darkest cell. */
const LEAST_CONTRAST = 32;
/** The strip is drawn so large for reading: four pixels to a cell, of which the middle two count. */
const STRIP_WIDTH = COLUMNS * 4;
const STRIP_HEIGHT = ROWS * 4;

/**
 * Reads the strip of a whole picture, at any scale.
 * @param {Pixels} picture
 * @returns {Timecode | null} null if there is no strip, or a damaged one
 */
export function readStrip(picture) {
  return readCells(picture, picture.height / STRIPS_IN_HEIGHT);
}

/**
 * Reads the strip of the frame that a video shows now.
 * @param {HTMLVideoElement} video
 * @param {HTMLCanvasElement} canvas is resized and drawn over; keep one for each video
 * @returns {Timecode | null} null if there is no frame yet, no strip, or a damaged one
 */
export function readStripFromVideo(video, canvas) {
  const { videoWidth, videoHeight } = video;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context || !videoWidth || !videoHeight) return null;
  if (canvas.width !== STRIP_WIDTH || canvas.height !== STRIP_HEIGHT) {
    canvas.width = STRIP_WIDTH;
    canvas.height = STRIP_HEIGHT;
  }
  context.drawImage(video, 0, 0, videoWidth, videoHeight / STRIPS_IN_HEIGHT, 0, 0, STRIP_WIDTH, STRIP_HEIGHT);
  return readCells(context.getImageData(0, 0, STRIP_WIDTH, STRIP_HEIGHT), STRIP_HEIGHT);
}

/**
 * @param {Pixels} pixels
 * @param {number} stripHeight rows of pixels that the strip takes, perhaps not a whole number
 * @returns {Timecode | null}
 */
function readCells(pixels, stripHeight) {
  if (pixels.width < 2 * COLUMNS || stripHeight < 2 * ROWS) return null;
  const means = [];
  for (let row = 0; row < ROWS; row += 1) {
    const rows = middle(row, stripHeight / ROWS);
    for (let column = 0; column < COLUMNS; column += 1) {
      means.push(meanLuma(pixels, middle(column, pixels.width / COLUMNS), rows));
    }
  }
  const darkest = Math.min(...means);
  const lightest = Math.max(...means);
  if (lightest - darkest < LEAST_CONTRAST) return null;
  const threshold = (darkest + lightest) / 2;
  return parse(toBytes(means.map((mean) => mean > threshold)));
}

/**
 * The central half of a cell, as pixels [first, end).
 * @param {number} index
 * @param {number} size of a cell
 * @returns {[number, number]}
 */
function middle(index, size) {
  const start = Math.floor(index * size);
  const end = Math.floor((index + 1) * size);
  const margin = Math.floor((end - start) / 4);
  return [start + margin, end - margin];
}

/**
 * @param {Pixels} pixels
 * @param {[number, number]} columns
 * @param {[number, number]} rows
 */
function meanLuma({ data, width }, [left, right], [top, bottom]) {
  let sum = 0;
  for (let y = top; y < bottom; y += 1) {
    for (let at = (y * width + left) * 4; at < (y * width + right) * 4; at += 4) {
      sum += 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
    }
  }
  return sum / ((right - left) * (bottom - top));
}

/** @param {boolean[]} bits */
function toBytes(bits) {
  const bytes = new Uint8Array(bits.length / 8);
  bits.forEach((bit, index) => {
    if (bit) bytes[index >> 3] |= 0x80 >> (index & 7);
  });
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {Timecode | null}
 */
function parse(bytes) {
  if (bytes[0] !== VERSION || crc32(bytes.subarray(0, 12)) !== toNumber(bytes.subarray(12))) return null;
  return { timeMs: toNumber(bytes.subarray(1, 7)), frame: toNumber(bytes.subarray(7, 12)) };
}

/**
 * Big-endian. Multiplies, because shifts work on 32 bits only.
 * @param {Uint8Array} bytes at most six
 */
function toNumber(bytes) {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/**
 * CRC-32 as in zlib and PNG.
 * @param {Uint8Array} bytes
 */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
