// @ts-check
// Chromium publishes a canvas with the strip over WebRTC, and Chromium watches it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import { Play } from './players/play.mjs';
import { Server } from './players/server.mjs';
import { join, publish } from './players/whip.mjs';
import { readStrip } from '../static/strip.js';

const { server, browser } = await open(() => Server.small());

/** A page of the server without a player. */
async function emptyPage() {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/livez`);
  return page;
}

test('a viewer sees what Chromium publishes, and stays until it publishes again', { timeout: 180_000 }, async () => {
  await server.api('POST', '', { name: 'guest', source: 'publish' });
  const { token, urls } = (await server.api('POST', '/guest/tokens', { purpose: 'publish' })).answer;
  assert.equal(urls.whip, `/t/${token}/live/guest/whip`);
  const phase = async () => (await server.api('GET', '/guest')).answer.phase;
  const whip = `${server.url}/live/guest/whip`;
  const [first, second, viewer] = [await emptyPage(), await emptyPage(), await emptyPage()];
  await assert.rejects(join(viewer, `${server.url}/live/guest/whep`), /409 .*not_running/);
  await assert.rejects(publish(second, { url: whip, token: 'guess' }), /401 .*bad_publish_token/);
  const publisher = await publish(first, { url: whip, token });
  await until('the publisher sends', 30, async () => (await phase()) === 'running');
  await assert.rejects(publish(second, { url: whip, token }), /409 .*already_published/);
  const { shown, soundSamples } = await join(viewer, `${server.url}/live/guest/whep`);
  await until('pictures and sound', 30, async () => (await shown()).length > 25 && (await soundSamples()) > 48_000);
  await until('round trips of both clients', 30, async () => {
    const metrics = await server.text('/metrics');
    return ['whep', 'whip'].every((direction) => new RegExp(`^barstone_webrtc_round_trip_seconds_count\\{direction="${direction}"\\} [1-9]`, 'm').test(metrics));
  });
  const strips = await shown();
  assert.deepEqual(strips, [...strips].sort((a, b) => a.frame - b.frame), 'pictures in the order in which they were drawn');
  assert.equal(await publisher.stop(), 200);
  await until('nobody publishes', 20, async () => (await phase()) === 'waiting');
  const { length } = await shown();
  // The next one publishes by the URL alone.
  const next = await publish(second, { url: server.url + urls.whip, token: '' });
  await until('pictures of the next publisher', 30, async () => (await shown()).length > length + 10);
  assert.equal(await next.stop(), 200);
  for (const page of [first, second, viewer]) await page.context().close();
});

const VIDEO = { id: 'v', width: 640, height: 360, bitrate: 800_000, preset: 'ultrafast' };
const [FRAMES_PER_SEGMENT, PICTURES] = [48, 10];

/** @param {string} url @returns {Promise<Buffer[]>} the first pictures of the newest segment, RGBA, as ffmpeg decodes them */
async function decoded(url) {
  const args = ['-v', 'error', '-live_start_index', '-1', '-i', url, '-frames:v', `${PICTURES}`, '-f', 'rawvideo', '-pix_fmt', 'rgba', '-'];
  const { stdout } = await promisify(execFile)('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 26, timeout: 60_000 });
  const size = VIDEO.width * VIDEO.height * 4;
  return Array.from({ length: PICTURES }, (_, index) => stdout.subarray(index * size, (index + 1) * size));
}

test('what Chromium publishes is LL-HLS with the strip of the server, and comes back without a reload', { timeout: 300_000 }, async () => {
  await server.api('POST', '', { name: 'hall', source: 'publish', video: [VIDEO] });
  const { token } = (await server.api('POST', '/hall/tokens', { purpose: 'publish' })).answer;
  const page = await emptyPage();
  const play = await Play.open(browser, 'hls.js', `${server.url}/live/hall/llhls.m3u8`);
  const isShown = (/** @type {boolean} */ expected) => async () => (await play.bottomStrip() !== null) === expected;
  await play.until('bars', 60, ({ samples }) => samples.some(({ stripMs }) => stripMs !== null));
  for (const round of ['first', 'second']) {
    const publisher = await publish(page, { url: `${server.url}/live/hall/whip`, token });
    await until(`the picture of the ${round} publisher`, 60, isShown(true));
    if (round === 'first') {
      const { strips, frames } = await until('ffmpeg decodes a segment', 60, async () => {
        const pictures = await decoded(`${server.url}/live/hall/hls.m3u8`);
        const { width, height } = VIDEO;
        const below = (width * height * 4 * 14) / 15;
        const published = pictures.map((data) => readStrip({ data: data.subarray(below), width, height })?.frame ?? null);
        const own = pictures.map((data) => readStrip({ data, width, height })?.frame ?? NaN);
        return published.includes(null) ? null : { strips: own, frames: /** @type {number[]} */ (published) };
      });
      assert.ok(strips[0] % FRAMES_PER_SEGMENT === 0 && strips[0] > 1e9, `${strips}`);
      assert.deepEqual(strips, strips.map((_, index) => strips[0] + index), 'frames of the grid');
      assert.ok(frames.every((frame, index) => frame >= (frames[index - 1] ?? 0)) && frames[PICTURES - 1] > frames[0], `${frames}`);
    }
    await publisher.stop();
    await until('no picture', 60, isShown(false));
  }
  const { samples, audioBytes } = await play.report();
  assert.ok(samples.at(-1)?.stripMs, 'bars with the strip');
  assert.ok(audioBytes > 0, 'no sound is decoded');
  await play.close();
  await page.context().close();
});

test('a server ends while somebody publishes', { timeout: 120_000 }, async () => {
  const other = await Server.small();
  await other.api('POST', '', { name: 'guest', source: 'publish', video: [VIDEO] });
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${other.url}/livez`);
  await publish(page, { url: `${other.url}/live/guest/whip`, token: other.token });
  await until('the publisher sends', 30, async () => (await other.api('GET', '/guest')).answer.phase === 'running');
  const { pid } = other;
  process.kill(pid, 'SIGTERM');
  await until('the server has ended', 30, () => {
    try {
      return process.kill(pid, 0) && null;
    } catch {
      return true;
    }
  });
  await other.stop();
  await page.context().close();
});
