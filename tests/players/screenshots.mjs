// @ts-check
// Makes the pictures of the page in docs/: `node tests/players/screenshots.mjs`, on a machine that has nothing else to do. Needs ffmpeg,
// which makes the files small.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { launch } from './browser.mjs';
import { until } from './deadline.mjs';
import { Server, SMALL_VIDEO } from './server.mjs';

/** @typedef {import('playwright-core').Page} Page */
/**
 * @typedef {object} Picture
 * @property {string} name of the file
 * @property {string} path of the page, with its fragment
 * @property {number} width
 * @property {number} height
 * @property {'light' | 'dark'} [scheme]
 * @property {(page: Page) => Promise<unknown>} ready resolves when the picture can be taken
 */

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const LADDER = [
  { id: 'v360', width: 640, height: 360, bitrate: 600_000 }, { id: 'v180', width: 320, height: 180, bitrate: 300_000 },
];
const STREAMS = [
  { name: 'ladder', title: 'Two renditions', pattern: 'ebu', video: LADDER },
  { name: 'office', title: 'On demand', on_demand: true, video: SMALL_VIDEO },
  { name: 'portrait', title: 'Portrait', pattern: 'grid', video: [{ id: 'v640', width: 360, height: 640, bitrate: 600_000 }] },
  { name: 'radio', title: 'Audio only', video: [] },
  { name: 'smooth', title: '50 fps', fps: '50', segment_frames: 96, chunk_frames: 12, video: SMALL_VIDEO },
];
/** Seconds of latency in the plot. */
const PLOTTED_S = 60;
const STARTS_WITHIN_S = 60;
/** Seconds in which streams that have just started encode the past of their windows, which takes all processors. */
const FILLS_WITHIN_S = 30;

/** Writes a picture with 256 colours, a third of the size. @param {string} from @param {string} to */
function reduce(from, to) {
  const palette = 'split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse=dither=none';
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', from, '-vf', palette, '-pred', 'mixed', to]);
  rmSync(from);
}

/** @param {string} selector of a figure @param {number} seconds @returns {Picture['ready']} */
function figures(selector, seconds) {
  return async (page) => {
    await until('the latency is shown', STARTS_WITHIN_S, async () => {
      const texts = await page.locator(selector).allTextContents();
      return texts.length > 0 && texts.every((text) => parseFloat(text) > 0);
    });
    await page.waitForTimeout(seconds * 1000);
  };
}

const PLAYER = 'player-panel [data-figure=latency]';
/** @type {Picture[]} */
const PICTURES = [
  { name: 'page', path: '/#test/llhls/hls.js', width: 1280, height: 960, ready: figures(PLAYER, PLOTTED_S) },
  { name: 'page-dark', path: '/#ladder/lldash/shaka-player', width: 1920, height: 1080, scheme: 'dark', ready: figures(PLAYER, PLOTTED_S) },
  { name: 'page-compare', path: '/#test/hls/hls.js&beside=test/lldash/dash.js', width: 1280, height: 900, ready: figures('compare-tile [data-figure=latency]', PLOTTED_S) },
  { name: 'page-phone', path: '/#test/llhls/hls.js', width: 390, height: 844, ready: figures(PLAYER, PLOTTED_S / 4) },
  { name: 'page-wall', path: '/wall', width: 1920, height: 1080, ready: figures('[data-phase=running]:not(:has(h2:text("radio"))) .screen-latency', PLOTTED_S / 4) },
  {
    name: 'page-url', path: '/#test/llhls/hls.js/delay=3s,no-hints&tool=url', width: 1280, height: 900, ready: async (page) => {
      await figures(PLAYER, 1)(page);
      await page.locator('tool-tabs').evaluate((tools) => tools.scrollIntoView());
    },
  },
  {
    name: 'page-form', path: '/#test/llhls/hls.js', width: 1280, height: 900, ready: async (page) => {
      await page.getByRole('button', { name: 'New stream' }).click();
      await page.getByLabel('Name').fill('lab');
      await page.getByRole('button', { name: 'ABR ladder' }).click();
      await page.locator('stream-editor stream-still img').waitFor();
    },
  },
];

const wanted = process.argv.slice(2);
const server = await Server.start();
const browser = await launch();
try {
  for (const stream of STREAMS) await server.api('POST', '', stream);
  await setTimeout(FILLS_WITHIN_S * 1000);
  for (const { name, path, width, height, scheme = 'light', ready } of PICTURES) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const page = await (await browser.newContext()).newPage();
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
    await page.goto(server.url + path);
    await ready(page);
    await page.screenshot({ path: `${DOCS}${name}.full.png` });
    reduce(`${DOCS}${name}.full.png`, `${DOCS}${name}.png`);
    await page.context().close();
    console.log(`${name}.png`);
  }
} finally {
  await browser.close();
  await server.stop();
}
