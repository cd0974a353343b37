// @ts-check
// nginx on the same volume serves the media directory like the server itself.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch } from './players/browser.mjs';
import { until } from './players/deadline.mjs';
import { startVolume } from './players/nginx.mjs';
import { playsCleanly } from './players/plays.mjs';
import { Server } from './players/server.mjs';
import { agreesWithProgramTime } from './players/verdict.mjs';

/** @type {Server} */
let server;
/** @type {Awaited<ReturnType<typeof startVolume>>} */
let nginx;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  server = await Server.small();
  nginx = await startVolume(server.mediaDirectory);
  await until('nginx has the manifests', 20, async () => (await fetch(`${nginx.url}/live/test/dash.mpd`)).ok);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await nginx?.stop();
  await server?.stop();
});

const PLAYS = [['/live/test/hls.m3u8', 'hls.js'], ['/live/test/dash.mpd', 'dash.js']];
describe('nginx', { concurrency: PLAYS.length }, () => PLAYS.forEach(([path, player]) => {
  test(`${path} of nginx plays in ${player}`, { timeout: 120_000 }, (t) =>
    playsCleanly(t, browser, { player, url: nginx.url + path, seconds: 10 }, (report) => {
      agreesWithProgramTime(report);
      assert.ok(report.audioBytes > 0, 'no sound is decoded');
    }));
}));
