// @ts-check
// ffmpeg and mpv, which is built on it, read an MPD once and compute segment numbers from 1970. They join a stream
// after a change, and continue over a change that needs no new decoder.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Server } from './players/server.mjs';

const run = promisify(execFile);
const FPS = 25;
/** Seconds of a join, which reads existing segments first and then plays in real time. */
const PLAYS_S = 6;
/** Seconds from before the change until the players have passed it. */
const PLAYS_OVER_S = 20;
const SLACK_MS = 40_000;

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** @param {object} definition */
async function change(definition) {
  const { status, answer } = await server.api('PUT', '/test', definition);
  assert.equal(status, 200, JSON.stringify(answer));
}

/**
 * @param {string} file
 * @param {number} seconds
 * @returns {Promise<{ frames: number, requests: number, failed: number, height: number }>} what ffmpeg decoded
 */
async function ffmpeg(file, seconds) {
  const args = ['-hide_banner', '-v', 'verbose', '-stats', '-i', `${server.url}/live/test/${file}`, '-t', String(seconds), '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', args, { timeout: seconds * 1000 + SLACK_MS, maxBuffer: 1 << 26 });
  const count = (/** @type {RegExp} */ what) => stderr.match(what)?.length ?? 0;
  return {
    frames: Number([...stderr.matchAll(/frame= *(\d+)/g)].at(-1)?.[1] ?? 0),
    requests: count(/DASH request for url/g),
    failed: count(/Failed to open fragment/g),
    height: Number(/Video: h264.*?, \d+x(\d+)/.exec(stderr)?.[1]),
  };
}

/** @param {string} file @param {number} height */
async function joins(file, height) {
  const joined = await ffmpeg(file, PLAYS_S);
  assert.ok(joined.frames >= PLAYS_S * FPS - 1, `${joined.frames} frames`);
  assert.equal(joined.height, height);
  // Refused requests: an init segment for each track, and the segments before the change.
  assert.ok(joined.requests < 40, `${joined.requests} requests`);
}

test('ffmpeg and mpv continue over a change of the pattern', { timeout: 120_000 }, async () => {
  const files = ['dash.mpd', 'lldash.mpd'];
  const plays = files.map((file) => ffmpeg(file, PLAYS_OVER_S));
  const mpv = run('mpv', ['--no-config', '--vo=null', '--ao=null', `--length=${PLAYS_OVER_S}`, '--msg-level=all=error', `${server.url}/live/test/dash.mpd`], {
    timeout: PLAYS_OVER_S * 1000 + SLACK_MS,
  });
  await sleep(3000);
  await change({ pattern: 'ebu', title: 'changed' });
  for (const play of await Promise.all(plays)) {
    assert.ok(play.frames >= PLAYS_OVER_S * FPS - 1, `${play.frames} frames`);
    assert.equal(play.failed, 0);
  }
  const { stdout } = await mpv;
  assert.equal(stdout.match(/error|failed/gi), null, stdout);
});

test('ffmpeg joins half a second and 15 s after a change of the pattern', { timeout: 120_000 }, async () => {
  await change({ pattern: 'grid' });
  await sleep(500);
  await joins('dash.mpd', 720);
  await sleep(14_500 - PLAYS_S * 1000);
  await joins('dash.mpd', 720);
  await joins('lldash.mpd', 720);
});

test('ffmpeg joins half a second and 15 s after a change of the size', { timeout: 120_000 }, async () => {
  await change({ video: [{ id: 'v720', width: 640, height: 360, bitrate: 1_000_000 }] });
  await sleep(500);
  await joins('dash.mpd', 360);
  await sleep(14_500 - PLAYS_S * 1000);
  await joins('dash.mpd', 360);
  await joins('lldash.mpd', 360);
});
