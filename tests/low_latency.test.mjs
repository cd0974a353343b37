// @ts-check
// Players in their low-latency modes, from one server and from two that take turns request by request.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from './players/browser.mjs';
import { startProxy } from './players/nginx.mjs';
import { Play } from './players/play.mjs';
import { Server } from './players/server.mjs';
import { advancesInRealTime, agreesWithProgramTime, figures, latencyMs, playedCleanly } from './players/verdict.mjs';

/** Far less than without low latency, far more than on a machine that has nothing else to do. */
const MOST_MS = 4000;

/** @type {Server[]} */
let servers = [];
/** @type {Awaited<ReturnType<typeof startProxy>>} */
let proxy;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  servers = [await Server.start(), await Server.start()];
  proxy = await startProxy(servers.map(({ url }) => url));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await proxy?.stop();
  for (const server of servers) await server.stop();
});

/** @type {[path: string, player: string, seconds: number, from: 'one server' | 'two servers'][]} */
const PLAYS = [
  ['/live/test/llhls.m3u8', 'hls.js', 60, 'one server'],
  ['/live/test/llhls.m3u8', 'shaka-player', 60, 'one server'],
  ['/live/test/lldash.mpd', 'dash.js', 60, 'one server'],
  ['/live/test/lldash.mpd', 'shaka-player', 60, 'one server'],
  ['/live/test/llhls.m3u8', 'hls.js', 30, 'two servers'],
  ['/live/test/lldash.mpd', 'dash.js', 30, 'two servers'],
];

for (const [path, player, seconds, from] of PLAYS) {
  test(`${path} of ${from} plays in ${player} for ${seconds} s`, { timeout: 150_000 }, async (t) => {
    const url = from === 'one server' ? servers[0].url : proxy.url;
    const play = await Play.open(browser.context, player, url + path);
    try {
      const report = await play.played(seconds);
      t.diagnostic(figures(report));
      playedCleanly(report);
      assert.deepEqual(play.refused, []);
      advancesInRealTime(report);
      agreesWithProgramTime(report);
      assert.ok(latencyMs(report) < MOST_MS, `${latencyMs(report)} ms behind`);
      assert.ok(report.audioBytes > 0, 'no sound is decoded');
    } finally {
      await play.close();
    }
  });
}
