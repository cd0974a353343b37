// @ts-check
// Players play manifests that conditions write otherwise: a list of segments that patches continue, Periods and discontinuities
// at multiples of a duration, and parts that are byte ranges.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { open } from './players/fixture.mjs';
import { playsCleanly } from './players/plays.mjs';
import { Server } from './players/server.mjs';

const { server, browser } = await open(() => Server.small());

/** Number of simultaneous plays of small pictures. */
const AT_ONCE = 4;
/** Seconds that cross two multiples of five seconds. */
const CROSSING = 11;
/** @typedef {(requests: string[]) => void} Check */

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

/** @type {[path: string, players: string[], seconds: number, check: Check][]} */
const PLAYS = [
  ['/with/addressing=time-timeline,patch=1m,periods=5s/live/test/dash.mpd', ['dash.js', 'shaka-player'], CROSSING, usesPatches],
  ['/with/periods=5s/live/test/dash.mpd', ['dash.js', 'shaka-player'], CROSSING, () => {}],
  ['/with/periods=5s/live/test/hls.m3u8', ['hls.js', 'shaka-player'], CROSSING, () => {}],
  ['/with/byte-ranges/live/test/llhls.m3u8', ['hls.js', 'shaka-player'], 7, usesRanges],
];

describe('other shapes', { concurrency: AT_ONCE }, () => PLAYS.forEach(([path, players, seconds, check]) => {
  for (const player of players) {
    test(`${path} plays in ${player} for ${seconds} s`, { timeout: 90_000 }, (t) =>
      playsCleanly(t, browser, { player, url: server.url + path, seconds }, (_, { requests }) => check(requests)));
  }
}));
