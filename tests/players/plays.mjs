// @ts-check
// A play of some seconds that has to be without fault.

import assert from 'node:assert/strict';

import { Play } from './play.mjs';
import { withinTries } from './tries.mjs';
import { advancesInRealTime, figures, playedCleanly } from './verdict.mjs';

/** @typedef {import('./play.mjs').Report} Report */

/**
 * Plays a URL for some seconds: without an error, a stall or a refused request, and in real time. `check` looks at the play
 * before it is closed.
 * @param {import('node:test').TestContext} t
 * @param {Awaited<ReturnType<typeof import('./browser.mjs').launch>>} browser
 * @param {{ player: string, url: string, seconds: number }} what
 * @param {(report: Report, play: Play) => unknown} [check]
 */
export function playsCleanly(t, browser, { player, url, seconds }, check = () => {}) {
  return withinTries(t, async () => {
    const play = await Play.open(browser, player, url);
    try {
      const report = await play.played(seconds);
      t.diagnostic(figures(report));
      playedCleanly(report);
      advancesInRealTime(report);
      assert.deepEqual(play.refused, []);
      await check(report, play);
    } finally {
      await play.close();
    }
  });
}
