// @ts-check
// Encodes a text as a QR code (ISO/IEC 18004): bytes, error correction level L, versions 1 to 20. Pure.

/** By version, from 1: all codewords, error correction codewords of a block, blocks. */
const VERSIONS = [
  [26, 7, 1], [44, 10, 1], [70, 15, 1], [100, 20, 1], [134, 26, 1], [172, 18, 2], [196, 20, 2], [242, 24, 2], [292, 30, 2], [346, 18, 4],
  [404, 20, 4], [466, 24, 4], [532, 26, 4], [581, 30, 4], [655, 22, 6], [733, 24, 6], [815, 28, 6], [901, 30, 6], [991, 28, 7], [1085, 28, 8],
];
/** Bits of level L in the format information. */
const LEVEL_L = 1;
const BYTE_MODE = 4;
/** Version from which the length of the text takes 16 bits. */
const LONG_LENGTH_FROM = 10;
const FORMAT_MASK = 0x5412;
const FORMAT_POLYNOMIAL = 0x537;
const VERSION_POLYNOMIAL = 0x1f25;
/** x^8 + x^4 + x^3 + x^2 + 1, the field of Reed-Solomon codes. */
const FIELD = 0x11d;

/** Whether a mask turns the module of a row and a column. @type {((row: number, column: number) => boolean)[]} */
const MASKS = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (_, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
  (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

/**
 * @param {string} text
 * @returns {boolean[][] | null} rows of modules, dark ones true, without the quiet zone; null if the text is too long
 */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = VERSIONS.findIndex((_, i) => capacity(i + 1) >= bytes.length) + 1;
  if (version === 0) return null;
  const grid = new Grid(version);
  grid.place(interleave(version, dataCodewords(version, bytes)));
  const codes = MASKS.map((_, mask) => grid.masked(mask));
  const penalties = codes.map(penalty);
  return codes[penalties.indexOf(Math.min(...penalties))] ?? null;
}

/** @param {number} version @returns {[number, number, number]} */
function layout(version) {
  return /** @type {[number, number, number]} */ (VERSIONS[version - 1]);
}

/** @param {number} version @returns {number} codewords that are not error correction */
function dataLength(version) {
  const [all, correction, blocks] = layout(version);
  return all - correction * blocks;
}

/** @param {number} version @returns {number} bytes of text */
function capacity(version) {
  return dataLength(version) - (version < LONG_LENGTH_FROM ? 2 : 3);
}

/** @param {number} version @param {Uint8Array} bytes @returns {number[]} mode, length, text and padding */
function dataCodewords(version, bytes) {
  /** @type {number[]} */
  const bits = [];
  const push = (/** @type {number} */ value, /** @type {number} */ length) => {
    for (let bit = length - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
  };
  push(BYTE_MODE, 4);
  push(bytes.length, version < LONG_LENGTH_FROM ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  push(0, 4);
  const words = [];
  for (let at = 0; at + 8 <= bits.length; at += 8) words.push(bits.slice(at, at + 8).reduce((word, bit) => word * 2 + bit, 0));
  for (let i = 0; words.length < dataLength(version); i += 1) words.push(i % 2 === 0 ? 0xec : 0x11);
  return words;
}

/** @param {number} a @param {number} b @returns {number} product in the field of 256 elements */
function multiply(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? FIELD : 0);
    if ((b >> bit) & 1) product ^= a;
  }
  return product & 0xff;
}

/** @param {readonly number[]} data @param {number} length @returns {number[]} remainder of the division by the generator polynomial */
function correction(data, length) {
  /** Coefficients after the first, which is 1. */
  let generator = [1];
  for (let i = 0, root = 1; i < length; i += 1, root = multiply(root, 2)) {
    generator = [...generator, 0].map((coefficient, at) => coefficient ^ multiply(generator[at - 1] ?? 0, root));
  }
  const remainder = Array(length).fill(0);
  for (const word of data) {
    const factor = word ^ remainder.shift();
    remainder.push(0);
    for (let at = 0; at < length; at += 1) remainder[at] ^= multiply(generator[at + 1] ?? 0, factor);
  }
  return remainder;
}

/** Splits data into blocks, and takes one codeword of each block in turn. @param {number} version @param {readonly number[]} data */
function interleave(version, data) {
  const [, correctionLength, count] = layout(version);
  const short = Math.floor(data.length / count);
  const longFrom = count - (data.length % count);
  const blocks = [];
  for (let i = 0, at = 0; i < count; i += 1) {
    const length = short + (i >= longFrom ? 1 : 0);
    blocks.push(data.slice(at, at + length));
    at += length;
  }
  const turns = (/** @type {number[][]} */ rows) => Array.from({ length: Math.max(...rows.map((row) => row.length)) }, (_, at) => rows.flatMap((row) => row.slice(at, at + 1))).flat();
  return [...turns(blocks), ...turns(blocks.map((block) => correction(block, correctionLength)))];
}

/** @param {number} value @param {number} polynomial @param {number} length of the remainder in bits */
function withRemainder(value, polynomial, length) {
  let rest = value << length;
  const degree = 31 - Math.clz32(polynomial);
  while (rest !== 0 && 31 - Math.clz32(rest) >= degree) rest ^= polynomial << (31 - Math.clz32(rest) - degree);
  return (value << length) | rest;
}

class Grid {
  #version;
  #size;
  /** Modules that are not data; undefined where data goes. @type {(boolean | undefined)[][]} */
  #fixed;
  /** @type {boolean[][]} */
  #data;

  /** @param {number} version */
  constructor(version) {
    this.#version = version;
    this.#size = version * 4 + 17;
    this.#fixed = Array.from({ length: this.#size }, () => Array(this.#size).fill(undefined));
    this.#data = Array.from({ length: this.#size }, () => Array(this.#size).fill(false));
    this.#drawPatterns();
  }

  /** Fills columns of two from the right, up and down in turn. @param {readonly number[]} words */
  place(words) {
    let bit = 0;
    for (let right = this.#size - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right -= 1;
      for (let step = 0; step < this.#size; step += 1) {
        const row = up ? this.#size - 1 - step : step;
        for (const column of [right, right - 1]) {
          if (this.#fixed[row]?.[column] !== undefined) continue;
          const word = words[bit >> 3] ?? 0;
          /** @type {boolean[]} */ (this.#data[row])[column] = ((word >> (7 - (bit & 7))) & 1) === 1;
          bit += 1;
        }
      }
    }
  }

  /** @param {number} mask @returns {boolean[][]} */
  masked(mask) {
    this.#drawFormat(mask);
    const turns = MASKS[mask] ?? (() => false);
    return this.#fixed.map((row, r) => row.map((module, c) => module ?? (this.#data[r]?.[c] === true) !== turns(r, c)));
  }

  #drawPatterns() {
    const last = this.#size - 7;
    for (let at = 0; at < this.#size; at += 1) {
      this.#set(6, at, at % 2 === 0);
      this.#set(at, 6, at % 2 === 0);
    }
    for (const [row, column] of [[0, 0], [0, last], [last, 0]]) this.#drawFinder(Number(row), Number(column));
    const centres = this.#alignment();
    for (const row of centres) {
      for (const column of centres) {
        const isFinder = (row === 6 && column === 6) || (row === 6 && column === last - 0) || (row === last && column === 6);
        if (!isFinder) this.#drawSquares(row, column, 2, ({ distance }) => distance !== 1);
      }
    }
    this.#drawFormat(0);
    this.#drawVersion();
  }

  /** @param {number} row @param {number} column of the corner */
  #drawFinder(row, column) {
    this.#drawSquares(row + 3, column + 3, 4, ({ distance }) => distance !== 2 && distance !== 4);
  }

  /** @param {number} row @param {number} column @param {number} radius @param {(at: { distance: number }) => boolean} isDark */
  #drawSquares(row, column, radius, isDark) {
    for (let r = -radius; r <= radius; r += 1) {
      for (let c = -radius; c <= radius; c += 1) this.#set(row + r, column + c, isDark({ distance: Math.max(Math.abs(r), Math.abs(c)) }));
    }
  }

  /** @returns {number[]} rows and columns of the centres of alignment patterns */
  #alignment() {
    if (this.#version === 1) return [];
    const count = Math.floor(this.#version / 7) + 2;
    const step = Math.ceil((this.#size - 13) / (count * 2 - 2)) * 2;
    return [6, ...Array.from({ length: count - 1 }, (_, i) => this.#size - 7 - i * step).reverse()];
  }

  /** @param {number} mask */
  #drawFormat(mask) {
    const bits = withRemainder((LEVEL_L << 3) | mask, FORMAT_POLYNOMIAL, 10) ^ FORMAT_MASK;
    const isDark = (/** @type {number} */ bit) => ((bits >> bit) & 1) === 1;
    const beside = [0, 1, 2, 3, 4, 5, 7, 8];
    for (let bit = 0; bit < 8; bit += 1) {
      this.#set(Number(beside[bit]), 8, isDark(bit));
      this.#set(8, this.#size - 1 - bit, isDark(bit));
    }
    for (let bit = 8; bit < 15; bit += 1) {
      this.#set(8, Number([...beside].reverse()[bit - 7]), isDark(bit));
      this.#set(this.#size - 15 + bit, 8, isDark(bit));
    }
    this.#set(this.#size - 8, 8, true);
  }

  #drawVersion() {
    if (this.#version < 7) return;
    const bits = withRemainder(this.#version, VERSION_POLYNOMIAL, 12);
    for (let bit = 0; bit < 18; bit += 1) {
      const [far, near] = [this.#size - 11 + (bit % 3), Math.floor(bit / 3)];
      this.#set(far, near, ((bits >> bit) & 1) === 1);
      this.#set(near, far, ((bits >> bit) & 1) === 1);
    }
  }

  /** @param {number} row @param {number} column @param {boolean} dark */
  #set(row, column, dark) {
    const line = this.#fixed[row];
    if (line !== undefined && column >= 0 && column < this.#size) line[column] = dark;
  }
}

/** How hard a code is to read: long runs, squares, shapes like the corners, and too many modules of one kind. @param {boolean[][]} code */
function penalty(code) {
  const size = code.length;
  const columns = code.map((_, c) => code.map((row) => row[c] === true));
  let sum = 0;
  for (const line of [...code, ...columns]) {
    const text = line.map(Number).join('');
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
    sum += 40 * [...text.matchAll(/(?=00001011101|10111010000)/g)].length;
  }
  for (let r = 1; r < size; r += 1) {
    for (let c = 1; c < size; c += 1) {
      if (code[r]?.[c] === code[r - 1]?.[c] && code[r]?.[c] === code[r]?.[c - 1] && code[r]?.[c] === code[r - 1]?.[c - 1]) sum += 3;
    }
  }
  const share = code.flat().filter(Boolean).length / (size * size);
  return sum + Math.floor(Math.abs(share - 0.5) * 20) * 10;
}

/** @param {boolean[][]} code @returns {string} a path of SVG with a unit for each module */
export function toPath(code) {
  return code.flatMap((row, r) => row.flatMap((dark, c) => (dark ? [`M${c} ${r}h1v1h-1z`] : []))).join('');
}
