// @ts-check
// Presentations of any moment in common players: a VOD of yesterday, an event that ends, a window of six hours, and the stream
// of an hour ago with low latency.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { open } from './players/fixture.mjs';
import { Play } from './players/play.mjs';
import { Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';
import { figures, latencyMs, playedCleanly } from './players/verdict.mjs';

const { server, browser } = await open(() => Server.small());

const HOUR_S = 3600;
/** Duration of a segment of the default stream. */
const SEGMENT_MS = 1920;
/** A picture is visible for 40 ms and may be sampled at its end. */
const TOLERANCE_MS = 100;
/** Maximum latency in ms, as in the test of low latency, and with a start that a busy machine delays; hls.js does not catch up. */
const MOST_LATENCY_MS = 4000;
const MOST_DELAYED_MS = 5000;
/** Number of simultaneous plays. */
const AT_ONCE = 2;
const PLAYERS = ['hls.js', 'dash.js', 'shaka-player'];

const nowS = Math.floor(Date.now() / 1000);

/** @param {string} conditions @param {string} player @param {string} prefix @returns {string} URL of a manifest for the player */
function url(conditions, player, prefix = '') {
  return `${server.url}/with/${conditions}/live/test/${prefix}${player === 'dash.js' ? 'dash.mpd' : 'hls.m3u8'}`;
}

/** @param {number} seconds @returns {number} start of the segment at this Unix time, in Unix milliseconds */
const segmentStartMs = (seconds) => Math.floor((seconds * 1000) / SEGMENT_MS) * SEGMENT_MS;

/**
 * @param {import('node:test').TestContext} t
 * @param {string} player
 * @param {string} from URL
 * @param {(play: Play) => Promise<import('./players/play.mjs').Report>} act
 */
async function playing(t, player, from, act) {
  const play = await Play.open(browser, player, from);
  try {
    const report = await act(play);
    t.diagnostic(figures(report));
    assert.deepEqual(play.refused, []);
    assert.deepEqual(report.errors.filter(({ fatal }) => fatal), []);
  } finally {
    await play.close();
  }
}

/** Seeks, and returns the report with the first picture after the seek. @param {Play} play @param {number} seconds */
async function seek(play, seconds) {
  const at = await play.seek(seconds);
  /** @param {import('./players/play.mjs').Report} report */
  const sample = ({ samples }) => samples.find(({ mediaMs }) => mediaMs >= at * 1000 - TOLERANCE_MS && mediaMs < at * 1000 + 4000);
  const report = await play.until(`a picture after a seek to ${at} s`, 10, sample);
  return { report, sample: /** @type {import('./players/stage/measure.js').Sample} */ (sample(report)), at };
}

describe('presentations of any moment', { concurrency: AT_ONCE }, () => {
  for (const player of PLAYERS) {
    test(`a VOD of yesterday is seeked in ${player}`, { timeout: 120_000 }, (t) => {
      const from = nowS - 24 * HOUR_S;
      return playing(t, player, url(`from=${from},until=${from + 60}`, player), async (play) => {
        await play.played(1);
        for (const seconds of [48, 12, 30]) {
          const { sample } = await seek(play, seconds);
          const offMs = Number(sample.stripMs) - segmentStartMs(from) - sample.mediaMs;
          assert.ok(Math.abs(offMs) <= TOLERANCE_MS, `the picture at ${sample.mediaMs} ms is ${offMs} ms off`);
        }
        return play.report();
      });
    });

    test(`an event ends while ${player} plays`, { timeout: 180_000 }, (t) => withinTries(t, () => {
      const now = Math.floor(Date.now() / 1000);
      const until = now + 12;
      return playing(t, player, url(`from=${now - 40},until=${until}`, player), async (play) => {
        const report = await play.until('the end', 40, ({ ended }) => ended);
        playedCleanly(report);
        const lastMs = Number(report.samples.at(-1)?.stripMs);
        const endMs = segmentStartMs(until - 0.001) + SEGMENT_MS;
        assert.ok(lastMs < endMs && lastMs > endMs - 1000, `the last picture is ${endMs - lastMs} ms before the end`);
        return report;
      });
    }));

    test(`${player} seeks to the start of six hours`, { timeout: 120_000 }, (t) =>
      playing(t, player, url('window=6h', player), async (play) => {
        await play.played(1);
        const { sample } = await seek(play, 20);
        const agoS = (Date.now() - Number(sample.stripMs)) / 1000;
        assert.ok(Math.abs(agoS - 6 * HOUR_S) < 60, `the picture is ${agoS} s old`);
        return play.report();
      }));
  }

  for (const player of PLAYERS) {
    test(`${player} plays an hour ago with low latency`, { timeout: 120_000 }, (t) =>
      playing(t, player, url('shift=1h', player, 'll'), async (play) => {
        const report = await play.played(8);
        const latency = latencyMs(report) - HOUR_S * 1000;
        const most = MOST_LATENCY_MS + Math.min(report.waitedMs, MOST_DELAYED_MS);
        assert.ok(Math.abs(latency) < most, `${latency} ms behind the hour`);
        return report;
      }));
  }
});
