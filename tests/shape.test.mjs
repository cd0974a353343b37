// @ts-check
// Players play manifests that conditions write otherwise: a list of segments that patches continue, Periods and discontinuities
// at multiples of a duration, parts that are byte ranges, timestamps that count from an origin and pass 2^33, and one file.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import { playsCleanly } from './players/plays.mjs';
import { Server } from './players/server.mjs';

const { server, browser } = await open(() => Server.small());

/** Number of simultaneous plays of small pictures. */
const AT_ONCE = 4;
/** Seconds that cross two multiples of five seconds. */
const CROSSING = 11;
/** Seconds that cross a moment five seconds after the request, with a player that is four segments behind. */
const CROSSING_WRAP = 16;
/** Ticks of 90 kHz until timestamps of MPEG-2 Systems begin anew, in milliseconds. */
const WRAP_MS = 2 ** 33 / 90;
const AGO_S = Math.floor(Date.now() / 1000) - 60;
/** @typedef {(requests: string[], report: import('./players/play.mjs').Report) => void} Check */

/** @type {Check} */
function usesPatches(requests) {
  const [mpds, patches] = ['/dash.mpd', '/dash.mpp?'].map((file) => requests.filter((url) => url.includes(file)).length);
  assert.ok(patches >= 3, `${patches} patches and ${mpds} MPDs are requested`);
  assert.ok(mpds <= 2, `${mpds} MPDs are requested`);
  assert.ok(requests.some((url) => /\/t\d+\.m4s$/.test(url)), 'segments are requested by time');
}

/** @type {Check} */
function usesRanges(requests) {
  assert.ok(requests.some((url) => /\/\d+\.m4s$/.test(url)));
  assert.deepEqual(requests.filter((url) => /\/\d+\.\d+\.m4s$/.test(url)), []);
}

/** @type {Check} */
function usesTimes(requests) {
  assert.ok(requests.some((url) => /\/t\d+\.m4s$/.test(url)), 'segments are requested by time');
}

/** @type {Check} */
function countsFromOrigin(requests) {
  const numbers = requests.map((url) => Number(/\/(\d+)\.m4s$/.exec(url)?.[1] ?? NaN)).filter((number) => !Number.isNaN(number));
  assert.ok(numbers.length > 0 && numbers.every((number) => number < 1000), `segments ${numbers} are requested`);
}

/** @type {Check} */
function passesWrap(requests, { samples }) {
  const origin = requests.map((url) => /\/origin=([^/,]+)\//.exec(url)?.[1]).find((text) => text !== undefined);
  const wrapMs = Date.parse(decodeURIComponent(String(origin))) + WRAP_MS;
  const [first, last] = [samples[0], samples.at(-1)].map((sample) => Number(sample?.stripMs) - wrapMs);
  assert.ok(first < 0 && last > 1000, `pictures are from ${first} ms to ${last} ms after the wrap`);
}

/** @type {[path: string, players: string[], seconds: number, check: Check][]} */
const PLAYS = [
  ['/with/addressing=time-timeline,patch=1m,periods=5s/live/test/dash.mpd', ['dash.js', 'shaka-player'], CROSSING, usesPatches],
  ['/with/periods=5s/live/test/dash.mpd', ['dash.js', 'shaka-player'], CROSSING, () => {}],
  ['/with/periods=5s/live/test/hls.m3u8', ['hls.js', 'shaka-player'], CROSSING, () => {}],
  ['/with/byte-ranges/live/test/llhls.m3u8', ['hls.js', 'shaka-player'], 7, usesRanges],
  [`/with/from=${AGO_S}/live/test/dash.mpd`, ['shaka-player'], 7, usesTimes],
  [`/with/origin=${AGO_S}/live/test/hls.m3u8`, ['hls.js', 'shaka-player'], 7, countsFromOrigin],
  [`/with/origin=${AGO_S}/live/test/dash.mpd`, ['dash.js', 'shaka-player'], 7, countsFromOrigin],
  ['/with/wrap=33:in=5s/live/test/hls.m3u8', ['hls.js', 'shaka-player'], CROSSING_WRAP, passesWrap],
  ['/with/wrap=33:in=5s/live/test/dash.mpd', ['dash.js', 'shaka-player'], CROSSING_WRAP, passesWrap],
];

describe('other shapes', { concurrency: AT_ONCE }, () => {
  for (const [path, players, seconds, check] of PLAYS) {
    for (const player of players) {
      test(`${path} plays in ${player} for ${seconds} s`, { timeout: 180_000 }, (t) =>
        playsCleanly(t, browser, { player, url: server.url + path, seconds }, (report, { requests }) => check(requests, report)));
    }
  }

  test('stream.mp4 plays in a video element, whose time is UTC', { timeout: 180_000 }, async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${server.url}/healthz`);
    await page.evaluate(`
      globalThis.video = Object.assign(document.createElement('video'), { muted: true, src: '/live/test/stream.mp4' });
      document.body.append(video);
      video.play()`);
    const state = () => page.evaluate(`({
      time: video.currentTime,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      sound: video.webkitAudioDecodedByteCount,
      error: video.error?.message ?? null,
    })`);
    const last = await until('five seconds are played', 60, async () => {
      const now = await state();
      return now.frames >= 125 || now.error !== null ? now : null;
    });
    assert.equal(last.error, null);
    assert.ok(last.sound > 0, 'there is no sound');
    assert.ok(Math.abs(Date.now() / 1000 - last.time) < 60, `the time is ${last.time}`);
    await page.context().close();
  });
});
