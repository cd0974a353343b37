// @ts-check
// The latency of `barstone probe` and of Chromium, which plays the same stream at the same position at the same time.
//
// Each player chooses its own distance from the live edge. So the browser is moved to the position of the probe: to the
// frame that the probe has just shown, by the clock of the browser and by the times in the manifest. The browser then
// reads its latency from the strips of its own pictures. Over WebRTC, both show each picture when it arrives.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import { own } from './players/leftovers.mjs';
import { Play } from './players/play.mjs';
import { BINARY, Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';
import { median } from './players/verdict.mjs';
import { watch } from './players/whep.mjs';

const { server, browser } = await open(() => Server.small());

/** Largest difference of the medians. */
const MOST_APART_MS = 50;
/** Number of reports of the probe from which its position is derived. The probe reports each second. */
const FIRST_REPORTS = 8;
/** Time for a number of reports on a busy machine. */
const REPORTS_WITHIN_S = 40;
/** Distance from the position of the probe below which the browser has moved there. */
const MOVED_MS = 10;
/** Number of reports that are compared with the pictures of the browser. */
const COMPARED_REPORTS = 6;
const WEBRTC_SECONDS = 8;
/** Largest latency of 95 % of the pictures. With sound, sender reports come 5 s later. */
const MOST_WEBRTC_S = 1;

/** @type {[manifest: string, player: string][]} */
const PLAYS = [
  ['hls.m3u8', 'hls.js'],
  ['llhls.m3u8', 'hls.js'],
  ['dash.mpd', 'dash.js'],
  ['lldash.mpd', 'dash.js'],
];

/** @typedef {{ atMs: number, latencyMs: number, frameMs: number }} Report when it came, latency, and time of the last frame */

/**
 * Starts a probe, whose reports are added to `reports`.
 * @param {string} url
 */
function start(url) {
  const probe = own(spawn(BINARY, ['probe', url, '--duration', '5m', '--lines', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] }));
  /** @type {Report[]} */
  const reports = [];
  createInterface({ input: probe.stdout }).on('line', (line) => {
    const { latency, frame_time } = JSON.parse(line);
    reports.push({ atMs: Date.now(), latencyMs: latency.last * 1000, frameMs: Date.parse(frame_time) });
  });
  /** @param {number} count @param {number} fromMs */
  const since = (count, fromMs) => until(`${count} reports`, REPORTS_WITHIN_S, () => {
    const found = reports.filter(({ atMs }) => atMs >= fromMs);
    return found.length >= count && found;
  });
  return { since, stop: () => probe.kill('SIGKILL') };
}

/**
 * @param {import('node:test').TestContext} t
 * @param {string} player
 * @param {number} probedMs median latency of the probe
 * @param {number[]} shownMs latencies of the browser
 */
function agree(t, player, probedMs, shownMs) {
  const shown = median(shownMs);
  t.diagnostic(`the probe reads ${probedMs.toFixed()} ms, ${player} ${shown.toFixed()} ms in ${shownMs.length} pictures`);
  assert.ok(shownMs.length >= COMPARED_REPORTS, `${shownMs.length} pictures`);
  assert.ok(Math.abs(probedMs - shown) <= MOST_APART_MS, `${probedMs} and ${shown} ms`);
}

describe('latency', { concurrency: PLAYS.length }, () => PLAYS.forEach(([manifest, player]) => {
  test(`the probe and ${player} read the same latency of ${manifest}`, { timeout: 240_000 }, (t) => withinTries(t, async () => {
    const url = `${server.url}/live/test/${manifest}`;
    const probe = start(url);
    const play = await Play.open(browser, player, url);
    try {
      const [first] = await Promise.all([probe.since(FIRST_REPORTS, 0), play.played(1)]);
      // A report comes up to a frame after its picture.
      await play.follow(Math.min(...first.map(({ atMs, frameMs }) => atMs - frameMs)), MOVED_MS);
      const fromMs = Date.now();
      const compared = await probe.since(COMPARED_REPORTS, fromMs);
      const { samples } = await play.report();
      const seen = samples.filter(({ wallMs, stripMs }) => wallMs >= fromMs && stripMs !== null);
      agree(t, player, median(compared.map(({ latencyMs }) => latencyMs)), seen.map(({ wallMs, stripMs }) => wallMs - Number(stripMs)));
    } finally {
      probe.stop();
      await play.close();
    }
  }));
}));

test('the probe and Chromium read the same latency over WebRTC', { timeout: 240_000 }, async (t) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/livez`);
  const url = `${server.url}/live/test/whep`;
  await withinTries(t, async () => {
    const [{ stdout }, { shown }] = await Promise.all([
      promisify(execFile)(BINARY, ['probe', url, '--duration', `${WEBRTC_SECONDS}s`, '--json']),
      watch(page, { url, seconds: WEBRTC_SECONDS }),
    ]);
    const { latency } = JSON.parse(stdout).figures;
    agree(t, 'Chromium', latency.median * 1000, shown.map(({ latencyMs }) => latencyMs));
    assert.ok(latency.p95 < MOST_WEBRTC_S, `${latency.p95} s: the probe shows pictures late`);
  });
  await page.context().close();
});
