// @ts-check
// Players switch between the renditions of a ladder, and only the size of the picture changes.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { Play } from './players/play.mjs';
import { open } from './players/fixture.mjs';
import { withinTries } from './players/tries.mjs';
import { advancesInRealTime, figures, playedCleanly } from './players/verdict.mjs';

const { server, browser } = await open();

/** @typedef {import('./players/play.mjs').Report} Report */

const LADDER = {
  name: 'ladder',
  video: [
    { id: 'v360', width: 640, height: 360, bitrate: 900_000 },
    { id: 'v270', width: 480, height: 270, bitrate: 600_000 },
    { id: 'v180', width: 320, height: 180, bitrate: 300_000 },
  ],
};
/** Seconds until a new rendition is visible, because the buffered one plays first. */
const SWITCHES_WITHIN_S = 20;

before(async () => {
  assert.equal((await server.api('POST', '', LADDER)).status, 201);
  await until('the ladder runs', 20, async () => (await server.api('GET', '/ladder')).answer.phase === 'running');
});

const PLAYERS = ['hls.js', 'shaka-player'];
describe('a ladder', { concurrency: PLAYERS.length }, () => PLAYERS.forEach((player) => {
  test(`${player} switches between three renditions`, { timeout: 240_000 }, (t) => withinTries(t, async () => {
    const play = await Play.open(browser, player, `${server.url}/live/ladder/hls.m3u8`);
    try {
      let report = await play.played(1);
      for (const height of [180, 270, 360, 180]) {
        await play.pin(height);
        const isShown = (/** @type {Report} */ { samples }) => samples.at(-1)?.height === height;
        report = await play.until(`${height} lines are shown`, SWITCHES_WITHIN_S, isShown);
      }
      t.diagnostic(figures(report));
      playedCleanly(report);
      advancesInRealTime(report);
      assert.deepEqual(play.refused, []);
    } finally {
      await play.close();
    }
  }));
}));

test('a deleted ladder is gone', async () => {
  assert.equal((await server.api('DELETE', '/ladder')).status, 204);
  assert.equal((await fetch(`${server.url}/live/ladder/hls.m3u8`)).status, 404);
});
