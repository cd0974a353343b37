// @ts-check
// A definition that changes while it is played: nobody stops.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from './players/browser.mjs';
import { Play } from './players/play.mjs';
import { Server } from './players/server.mjs';
import { advancesInRealTime, everyPictureIsRead, figures, playedCleanly } from './players/verdict.mjs';

const STREAM = 'api/v1/streams/test';
const PATTERNS = ['ebu', 'grid', 'smpte'];
/** From the change to the new picture on the screen of the player that is furthest behind, and some seconds of it. */
const PLAYS_AFTERWARDS_S = 20;
/** shaka-player looks at an MPD every three seconds. */
const LONGEST_STALL_MS = 6000;

/** @type {Server} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
let changes = 0;

before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Another picture, sound and bitrate. @returns {Promise<string>} the revision to come */
async function change() {
  changes += 1;
  const definition = {
    pattern: PATTERNS[changes % PATTERNS.length],
    title: `change ${changes}`,
    video: [{ id: 'v720', bitrate: 2_000_000 + changes * 100_000 }],
    audio: { beep_hz: 1000 + changes * 50 },
  };
  const body = JSON.stringify(definition);
  const answer = await fetch(`${server.url}/${STREAM}`, { method: 'PUT', body, headers: { 'Content-Type': 'application/json' } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()).revision;
}

/** At the start of a Period players set up their decoders anew, and wait for that. @param {import('./players/play.mjs').Report} report */
function goesOn(report) {
  assert.deepEqual(report.errors, []);
  assert.ok(report.stallsMs.every((ms) => ms < LONGEST_STALL_MS), `stalls of ${report.stallsMs} ms`);
  assert.ok(!report.stands, 'it stands still at the end');
  everyPictureIsRead(report);
}

const WAYS = [
  ['hls.m3u8', 'hls.js'], ['hls.m3u8', 'shaka-player'], ['dash.mpd', 'dash.js'], ['dash.mpd', 'shaka-player'],
  ['llhls.m3u8', 'hls.js'], ['llhls.m3u8', 'shaka-player'], ['lldash.mpd', 'dash.js'], ['lldash.mpd', 'shaka-player'],
];
for (const [file, player] of WAYS) {
  test(`${player} plays ${file} on over a change`, { timeout: 120_000 }, async (t) => {
    const play = await Play.open(browser.context, player, `${server.url}/live/test/${file}`);
    try {
      const { playedMs } = await play.played(5);
      const revision = await change();
      const enoughMs = playedMs + PLAYS_AFTERWARDS_S * 1000;
      const report = await play.until('it plays on', PLAYS_AFTERWARDS_S, (now) => now.playedMs >= enoughMs);
      t.diagnostic(figures(report));
      for (const track of ['v720', 'a']) {
        const asked = play.requests.filter((url) => url.includes(`/${track}/${revision}/`));
        assert.ok(asked.length > 3, `of the new ${track}: ${asked}`);
      }
      assert.deepEqual(play.refused, []);
      if (file.endsWith('.m3u8')) {
        playedCleanly(report);
        advancesInRealTime(report);
      } else {
        goesOn(report);
      }
    } finally {
      await play.close();
    }
  });
}
