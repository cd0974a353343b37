// @ts-check
// A server with the default configuration plays in common players.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { open } from './players/fixture.mjs';
import { playsCleanly } from './players/plays.mjs';
import { agreesWithProgramTime } from './players/verdict.mjs';

const { server, browser } = await open();

/** Number of simultaneous plays. Two need half of the machine, server included. */
const AT_ONCE = 2;
/** @type {[path: string, player: string, seconds: number][]} */
const PLAYS = [
  ['/live/test/hls.m3u8', 'hls.js', 12],
  ['/live/test/hls.m3u8', 'shaka-player', 12],
  ['/live/test/dash.mpd', 'dash.js', 12],
  ['/live/test/dash.mpd', 'shaka-player', 12],
  ['/hls/test.m3u8', 'hls.js', 5],
  ['/dash/test.mpd', 'dash.js', 5],
  ['/live/test/stream.mp4', 'video element', 8],
];

describe('the default stream', { concurrency: AT_ONCE }, () => PLAYS.forEach(([path, player, seconds]) => {
  test(`${path} plays in ${player} for ${seconds} s`, { timeout: 180_000 }, (t) =>
    playsCleanly(t, browser, { player, url: server.url + path, seconds }, (report, { requests }) => {
      agreesWithProgramTime(report);
      assert.ok(report.audioBytes > 0, 'no sound is decoded');
      if (path.endsWith('.mpd')) assert.ok(requests.includes(`${server.url}/time`), `${player} asks for the time`);
    }));
}));
