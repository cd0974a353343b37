// @ts-check
// Reads and encodes the machine-readable strip at the top of the picture: the index of the frame and the time at which it starts.
// src/media/signal/timecode.rs draws the strip and documents its layout.

/** @typedef {{ timeMs: number, frame: number }} Timecode Start of the frame in ms since 1970, and its index since 1970. */
/** @typedef {{ data: Uint8ClampedArray | Uint8Array, width: number, height: number }} Pixels RGBA, as in ImageData. */

const VERSION = 0xb1;
/** @typedef {{ columns: number, rows: number }} Grid */
/** The cells of most pictures, and those of a picture less than 128 pixels wide. */
const GRIDS = [{ columns: 64, rows: 2 }, { columns: 32, rows: 4 }];
/** The grid of a strip that is written. */
export const STRIP = { columns: 64, rows: 2, rowsInHeight: 30 };
/** Height of the picture divided by the height of a row of cells. */
const ROWS_IN_HEIGHT = 30;
/** Minimum difference between the lightest and the darkest cell, in steps of 0 to 255. */
const LEAST_CONTRAST = 32;
/**
 * Size at which the top of a video is read, which has room for either kind of strip: at least four pixels for each cell,
 * of which the middle half counts.
 */
const TOP_ROWS = 4;
const TOP_WIDTH = 64 * 4;
const TOP_HEIGHT = TOP_ROWS * 4;

/**
 * Reads the strip of a whole picture, at any scale.
 * @param {Pixels} picture
 * @returns {Timecode | null} null if the picture has no strip, or a damaged one
 */
export function readStrip(picture) {
  return readEither(picture, picture.height / ROWS_IN_HEIGHT);
}

/**
 * Reads the strip of the frame that a video shows.
 * @param {HTMLVideoElement} video
 * @param {HTMLCanvasElement} canvas is resized and overwritten; use one for each video
 * @returns {Timecode | null} null before the first frame, and if the frame has no strip or a damaged one
 */
export function readStripFromVideo(video, canvas) {
  const { videoWidth, videoHeight } = video;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context || !videoWidth || !videoHeight) return null;
  if (canvas.width !== TOP_WIDTH || canvas.height !== TOP_HEIGHT) {
    canvas.width = TOP_WIDTH;
    canvas.height = TOP_HEIGHT;
  }
  const height = (videoHeight * TOP_ROWS) / ROWS_IN_HEIGHT;
  context.drawImage(video, 0, 0, videoWidth, height, 0, 0, TOP_WIDTH, TOP_HEIGHT);
  return readEither(context.getImageData(0, 0, TOP_WIDTH, TOP_HEIGHT), TOP_HEIGHT / TOP_ROWS);
}

/** @param {Timecode} timecode @returns {boolean[]} the bits of its strip, left to right, upper row first */
export function encodeStrip({ timeMs, frame }) {
  const strip = new DataView(new ArrayBuffer(16));
  strip.setUint8(0, VERSION);
  strip.setUint16(1, Math.floor(timeMs / 2 ** 32));
  strip.setUint32(3, timeMs % 2 ** 32);
  strip.setUint8(7, Math.floor(frame / 2 ** 32));
  strip.setUint32(8, frame % 2 ** 32);
  strip.setUint32(12, crc32(new Uint8Array(strip.buffer, 0, 12)));
  return Array.from({ length: STRIP.columns * STRIP.rows }, (_, bit) => (strip.getUint8(bit >> 3) & (0x80 >> (bit & 7))) !== 0);
}

/**
 * A narrow picture that has been made larger still has the strip of a narrow picture.
 * @param {Pixels} pixels
 * @param {number} rowHeight height of a row of cells in pixels, not always a whole number
 * @returns {Timecode | null}
 */
function readEither(pixels, rowHeight) {
  for (const grid of GRIDS) {
    const timecode = readCells(pixels, rowHeight, grid);
    if (timecode) return timecode;
  }
  return null;
}

/**
 * @param {Pixels} pixels
 * @param {number} rowHeight height of a row of cells in pixels
 * @param {Grid} grid
 * @returns {Timecode | null}
 */
function readCells(pixels, rowHeight, grid) {
  if (pixels.width < 2 * grid.columns || rowHeight < 2) return null;
  const means = [];
  for (let row = 0; row < grid.rows; row += 1) {
    const rows = middle(row, rowHeight);
    for (let column = 0; column < grid.columns; column += 1) {
      means.push(meanLuma(pixels, middle(column, pixels.width / grid.columns), rows));
    }
  }
  const darkest = Math.min(...means);
  const lightest = Math.max(...means);
  if (lightest - darkest < LEAST_CONTRAST) return null;
  const threshold = (darkest + lightest) / 2;
  return parse(toBytes(means.map((mean) => mean > threshold)));
}

/**
 * The central half of a cell, from its first pixel to the pixel after its last.
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
 * Reads a big-endian number. Multiplies, because shifts work on 32 bits only.
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
