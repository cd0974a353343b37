// @ts-check
// Run with `node --test tests/`. The fixture contains bytes of src/media/signal/timecode.rs; a test there guards it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readStrip, readStripFromVideo } from '../static/strip.js';

/** @type {{ timeMs: number, frame: number, bytes: string }[]} */
const timecodes = JSON.parse(readFileSync(new URL('strip.json', import.meta.url), 'utf8'));

/**
 * A grey picture with the strip, drawn as documented.
 * @param {string} hex
 * @param {{ width: number, height: number, levels?: [number, number], noise?: number }} options
 */
function picture(hex, { width, height, levels = [0, 255], noise = 0 }) {
  const bits = [...hex].flatMap((digit) => [8, 4, 2, 1].map((mask) => (parseInt(digit, 16) & mask) !== 0));
  const data = new Uint8ClampedArray(width * height * 4).fill(128);
  const [columns, rows] = width < 128 ? [32, 4] : [64, 2];
  for (let row = 0; row < rows; row += 1) {
    for (let y = Math.floor((row * height) / 30); y < Math.floor(((row + 1) * height) / 30); y += 1) {
      for (let x = 0; x < width; x += 1) {
        const all = Array.from({ length: columns }, (_, c) => c);
        const column = all.find((c) => x < Math.floor(((c + 1) * width) / columns)) ?? 0;
        const level = levels[bits[row * columns + column] ? 1 : 0] + (((x * 7919 + y * 104729) % 101) / 50 - 1) * noise;
        data.fill(level, (y * width + x) * 4, (y * width + x) * 4 + 3);
      }
    }
  }
  return { data, width, height };
}

for (const { timeMs, frame, bytes } of timecodes) {
  for (const [width, height] of [[90, 160], [160, 90], [426, 240], [640, 360], [720, 576], [1280, 720], [1440, 2560]]) {
    test(`frame ${frame} is read at ${width}x${height}`, () => {
      assert.deepEqual(readStrip(picture(bytes, { width, height })), { timeMs, frame });
    });
  }
}

test('a strip survives another range and noise', () => {
  const [{ timeMs, frame, bytes }] = timecodes;
  const options = { width: 640, height: 360, levels: /** @type {[number, number]} */ ([16, 235]), noise: 80 };
  assert.deepEqual(readStrip(picture(bytes, options)), { timeMs, frame });
});

test('pictures without a whole strip are refused', () => {
  const { bytes } = timecodes[0];
  const size = { width: 640, height: 360 };
  assert.equal(readStrip(picture(bytes, { width: 62, height: 60 })), null);
  assert.equal(readStrip(picture(bytes, { width: 100, height: 58 })), null);
  assert.equal(readStrip(picture(bytes, { ...size, levels: [120, 130] })), null);
  assert.equal(readStrip(picture(bytes, { ...size, levels: [255, 0] })), null);
  assert.equal(readStrip(picture(bytes.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')), size)), null);
});

/** A canvas that scales a picture by the nearest pixel. */
function fakeCanvas() {
  const canvas = { width: 300, height: 150, data: new Uint8ClampedArray(0), getContext: () => context };
  const context = {
    /** @param {number[]} at source and target rectangles */
    drawImage(/** @type {any} */ source, ...at) {
      const [left, top, width, height, , , toWidth, toHeight] = at;
      canvas.data = new Uint8ClampedArray(toWidth * toHeight * 4);
      for (let pixel = 0; pixel < toWidth * toHeight; pixel += 1) {
        const x = Math.floor(left + (((pixel % toWidth) + 0.5) * width) / toWidth);
        const y = Math.floor(top + ((Math.floor(pixel / toWidth) + 0.5) * height) / toHeight);
        const from = (y * source.videoWidth + x) * 4;
        canvas.data.set(source.data.subarray(from, from + 4), pixel * 4);
      }
    },
    getImageData: () => ({ data: canvas.data, width: canvas.width, height: canvas.height }),
  };
  return /** @type {any} */ (canvas);
}

test('a video is read through a small canvas', () => {
  const canvas = fakeCanvas();
  for (const [width, height] of [[90, 160], [160, 90], [426, 240], [720, 576], [1280, 720]]) {
    for (const { timeMs, frame, bytes } of timecodes) {
      const { data } = picture(bytes, { width, height });
      const video = /** @type {any} */ ({ data, videoWidth: width, videoHeight: height });
      assert.deepEqual(readStripFromVideo(video, canvas), { timeMs, frame }, `${width}x${height}`);
    }
  }
});

test('a video without a frame is not read', () => {
  const video = /** @type {any} */ ({ videoWidth: 0, videoHeight: 0 });
  assert.equal(readStripFromVideo(video, fakeCanvas()), null);
});

/**
 * The lines that tools/strip.py prints.
 * @param {string[]} args
 * @param {Buffer} [input]
 */
function python(args, input) {
  const program = fileURLToPath(new URL('../tools/strip.py', import.meta.url));
  // Debian's Python, for which docker/packages.test installs numpy.
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [program, ...args], { input, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

/** A raw grey picture. @param {{ data: Uint8ClampedArray }} picture */
const grey = ({ data }) => Buffer.from(data.filter((_, index) => index % 4 === 0));

test('Python reads raw frames of all sizes', () => {
  const expected = timecodes.map(({ timeMs, frame }) => `${timeMs} ${frame}`);
  for (const [width, height] of [[90, 160], [128, 60], [426, 240]]) {
    const frames = timecodes.map(({ bytes }) => grey(picture(bytes, { width, height, levels: [60, 180], noise: 20 })));
    const input = Buffer.concat([...frames, Buffer.alloc(width * height, 16)]);
    assert.deepEqual(python(['--size', `${width}x${height}`, '-'], input), [...expected, 'unreadable'], `${width}x${height}`);
  }
});

test('Python reads PNGs of grey and of colour, with every filter', () => {
  const directory = mkdtempSync(join(tmpdir(), 'barstone-strip-'));
  const [{ timeMs, frame, bytes }] = timecodes;
  const input = grey(picture(bytes, { width: 320, height: 180, noise: 10 }));
  const files = [];
  for (const [format, filter] of ['gray', 'rgb24', 'rgba'].flatMap((kind) => ['none', 'sub', 'up', 'avg', 'paeth'].map((name) => [kind, name]))) {
    const file = join(directory, `${format}-${filter}.png`);
    const raw = ['-f', 'rawvideo', '-pix_fmt', 'gray', '-s', '320x180', '-i', '-'];
    const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', ...raw, '-pix_fmt', format, '-pred', filter, file], { input });
    assert.equal(status, 0, String(stderr));
    files.push(file);
  }
  assert.deepEqual(python(files), files.map(() => `${timeMs} ${frame}`));
  rmSync(directory, { recursive: true });
});
