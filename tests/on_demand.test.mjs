// @ts-check
// A viewer starts an on-demand stream, and it stops when nobody watches.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { Play } from './players/play.mjs';
import { SMALL_VIDEO, Server } from './players/server.mjs';
import { open } from './players/fixture.mjs';
import { figures, playedCleanly } from './players/verdict.mjs';

const { server, browser } = await open(() => Server.small());

const IDLE_S = 10;

/** @param {string} name */
async function phase(name) {
  return (await server.api('GET', `/${name}`)).answer.phase;
}

const PLAYS = [['one', 'llhls.m3u8', 'hls.js'], ['two', 'dash.mpd', 'dash.js']];
describe('a stream on demand', { concurrency: PLAYS.length }, () => PLAYS.forEach(([name, file, player]) => {
  test(`${player} starts a stream by playing it, and it stops when nobody watches`, { timeout: 120_000 }, async (t) => {
    const made = await server.api('POST', '', { name, on_demand: true, idle_seconds: IDLE_S, video: SMALL_VIDEO });
    assert.equal(made.status, 201, JSON.stringify(made.answer));
    assert.equal(await phase(name), 'stopped');
    const play = await Play.open(browser, player, `${server.url}/live/${name}/${file}`);
    try {
      const report = await play.played(10);
      t.diagnostic(figures(report));
      playedCleanly(report);
      assert.deepEqual(play.refused, []);
      assert.equal(await phase(name), 'running');
    } finally {
      await play.close();
    }
    await until('nobody watches any more', 3 * IDLE_S, async () => (await phase(name)) === 'stopped');
  });
}));
