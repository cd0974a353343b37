// @ts-check
// Low-latency modes of players, from one server, from two that take turns request by request, and from a cache in front
// of two.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch } from './players/browser.mjs';
import { startEdge, startProxy } from './players/nginx.mjs';
import { playsCleanly } from './players/plays.mjs';
import { Server } from './players/server.mjs';
import { agreesWithProgramTime, latencyMs } from './players/verdict.mjs';

/** Maximum latency in ms: far less than without low latency, far more than on an idle machine. */
const MOST_MS = 4000;

/** @type {Server[]} */
let servers = [];
/** @type {Awaited<ReturnType<typeof startProxy>>} */
let proxy;
/** @type {Awaited<ReturnType<typeof startEdge>>} */
let edge;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  servers = await Promise.all([Server.start(), Server.start()]);
  const urls = servers.map(({ url }) => url);
  proxy = await startProxy(urls);
  edge = await startEdge(urls);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await edge?.stop();
  await proxy?.stop();
  for (const server of servers) await server.stop();
});

/** Number of simultaneous plays. Two need half of the machine, servers included. */
const AT_ONCE = 2;
/** @type {[path: string, player: string, seconds: number, from: 'one server' | 'two servers' | 'a cache'][]} */
const PLAYS = [
  ['/live/test/llhls.m3u8', 'hls.js', 60, 'one server'],
  ['/live/test/llhls.m3u8', 'shaka-player', 60, 'one server'],
  ['/live/test/lldash.mpd', 'dash.js', 60, 'one server'],
  ['/live/test/lldash.mpd', 'shaka-player', 60, 'one server'],
  ['/live/test/llhls.m3u8', 'hls.js', 20, 'two servers'],
  ['/live/test/lldash.mpd', 'dash.js', 20, 'two servers'],
  ['/live/test/llhls.m3u8', 'shaka-player', 20, 'a cache'],
  ['/live/test/lldash.mpd', 'shaka-player', 20, 'a cache'],
];

describe('low latency', { concurrency: AT_ONCE }, () => PLAYS.forEach(([path, player, seconds, from]) => {
  test(`${path} of ${from} plays in ${player} for ${seconds} s`, { timeout: 300_000 }, (t) => {
    const { url } = { 'one server': servers[0], 'two servers': proxy, 'a cache': edge }[from];
    return playsCleanly(t, browser, { player, url: url + path, seconds }, (report) => {
      agreesWithProgramTime(report);
      assert.ok(latencyMs(report) < MOST_MS, `${latencyMs(report)} ms behind`);
      assert.ok(report.audioBytes > 0, 'no sound is decoded');
    });
  });
}));
