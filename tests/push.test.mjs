// @ts-check
// nginx with its RTMP module receives a push and makes its own HLS and DASH, which play: at first, after nginx was
// killed, and after the server was killed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { launch } from './players/browser.mjs';
import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { startRtmp } from './players/nginx.mjs';
import { Play } from './players/play.mjs';
import { BINARY, Server } from './players/server.mjs';
import { advancesInRealTime, figures, playedCleanly } from './players/verdict.mjs';

const KEY = 'a-key-that-nobody-sees';
/** Seconds for the longest pause between two attempts on a busy machine. */
const RUNS_AGAIN_WITHIN_S = 90;
/** Number of segments that DASH players need before they start. */
const SEGMENTS = 5;
const PLAYS_S = 10;

const home = temporaryDirectory('push');
/** @type {Awaited<ReturnType<typeof startRtmp>>} */
let nginx;
/** @type {Server} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  nginx = await startRtmp();
  const config = join(home, 'barstone.toml');
  writeFileSync(config, `
    [[streams]]
    name = "test"
    push = [{url = "${nginx.rtmp}/${KEY}"}]
    video = [{width = 320, height = 180}]
    [[streams]]
    name = "much"
    enabled = false
    push = [{url = "${nginx.rtmp}/much"}]
    video = [{bitrate = 40000000}]`);
  server = await Server.start('--config', config);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await nginx?.stop();
  remove(home);
});

/** @param {string} [stream] */
async function target(stream = 'test') {
  return JSON.parse(await server.text(`/api/v1/streams/${stream}`)).targets[0];
}

/** @param {(target: any) => unknown} isSo @param {string} [stream] */
function targetBecomes(isSo, stream) {
  return until('the target becomes so', RUNS_AGAIN_WITHIN_S, async () => isSo(await target(stream)));
}

/** @param {string} path @returns {Promise<string>} the body, empty if there is none */
async function text(path) {
  const response = await fetch(nginx.url + path);
  return response.ok ? response.text() : '';
}

/** The time of the newest connection in the MPD, and the newest segment in the HLS playlist. */
async function stand() {
  const began = /availabilityStartTime="([^"]*)"/.exec(await text(`/dash/${KEY}.mpd`))?.[1] ?? '';
  const hls = await text(`/hls/${KEY}.m3u8`);
  const listed = hls.split('\n').filter((line) => line.endsWith('.ts')).length;
  return { began, newest: Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(hls)?.[1] ?? 0) + listed };
}

/** Both players play segments newer than `since`. @param {import('node:test').TestContext} t @param {Awaited<ReturnType<typeof stand>>} since */
async function plays(t, since) {
  await until('nginx has cut some segments', RUNS_AGAIN_WITHIN_S, async () => {
    const now = await stand();
    // The MPD lists segments of video and of audio.
    const listed = (await text(`/dash/${KEY}.mpd`)).match(/<S /g)?.length ?? 0;
    return now.began !== since.began && listed >= 2 * SEGMENTS && now.newest >= since.newest + SEGMENTS;
  });
  const paths = [[`/hls/${KEY}.m3u8`, 'hls.js'], [`/dash/${KEY}.mpd`, 'dash.js']];
  await Promise.all(paths.map(async ([path, player]) => {
    const play = await Play.open(browser, player, nginx.url + path);
    try {
      const report = await play.played(PLAYS_S);
      t.diagnostic(`${player}: ${figures(report)}`);
      playedCleanly(report);
      advancesInRealTime(report);
      assert.ok(report.audioBytes > 0, 'no sound is decoded');
    } finally {
      await play.close();
    }
  }));
}

/** Probes a URL, and checks that nothing is lost and that the sound is with the picture. @param {string} url */
async function losesNothing(url) {
  const { stdout } = await promisify(execFile)(BINARY, ['probe', url, '--json', '--duration', '5s']);
  const { frames, beeps, discontinuities, av_offset: offset } = JSON.parse(stdout).figures;
  const { dropped, repeated, unreadable, out_of_order: disordered } = frames;
  const lost = { dropped, repeated, unreadable, disordered, ...discontinuities, missing: beeps.missing, extra: beeps.extra };
  assert.deepEqual(Object.entries(lost).filter(([, count]) => count !== 0), [], `${url}: ${stdout}`);
  assert.ok(Math.abs(offset.median_ms) <= 5, `${url}: the sound is ${offset.median_ms} ms late`);
}

test('the push arrives whole, and the HLS and DASH that nginx makes of it play', { timeout: 240_000 }, async (t) => {
  await targetBecomes(({ phase }) => phase === 'running');
  const relayed = losesNothing(`${nginx.rtmp}/${KEY}`);
  await Promise.all([relayed, plays(t, { began: '', newest: 0 })]);
  await losesNothing(`${nginx.url}/hls/${KEY}.m3u8`);
  const { url, error, bytes, restarts } = await target();
  assert.deepEqual([url, error, restarts], [`${nginx.rtmp}/***`, null, 0]);
  // The video has 2 Mbit/s.
  assert.ok(bytes > SEGMENTS * 400_000, `${bytes} bytes`);
});

test('the push resumes when nginx is restarted', { timeout: 300_000 }, async (t) => {
  const before = await stand();
  await nginx.kill9();
  await targetBecomes(({ phase, error, next_try }) => phase === 'waiting' && error !== null && next_try !== null);
  await nginx.restart();
  await targetBecomes(({ phase, restarts, error }) => phase === 'running' && restarts > 0 && error === null);
  await plays(t, before);
});

test('the push resumes when the server is restarted', { timeout: 300_000 }, async (t) => {
  const before = await stand();
  await server.kill9();
  await server.restart();
  await targetBecomes(({ phase }) => phase === 'running');
  await plays(t, before);
});

test('a stalled target is noticed, and the stream does not wait for it', { timeout: 300_000 }, async () => {
  const newest = async () => (await server.api('GET', '/much')).answer.segment;
  assert.equal((await server.api('POST', '/much/start')).status, 200);
  await targetBecomes(({ phase }) => phase === 'running', 'much');
  nginx.signal('SIGSTOP');
  try {
    await targetBecomes(({ phase, error }) => phase === 'waiting' && /accepted no data|timed out/.test(error), 'much');
    const before = await newest();
    await until('segments go on', RUNS_AGAIN_WITHIN_S, async () => (await newest()) >= before + 2);
  } finally {
    nginx.signal('SIGCONT');
  }
  await targetBecomes(({ phase }) => phase === 'running', 'much');
  assert.equal((await server.api('POST', '/much/stop')).status, 200);
  await targetBecomes(({ phase }) => phase === 'stopped', 'much');
});

test('the key is never printed', async () => {
  for (const path of ['/api/v1/streams', '/api/v1/streams/test', '/api/v1/definitions', '/metrics']) {
    assert.ok(!(await server.text(path)).includes(KEY), path);
  }
  assert.ok(!server.log.includes(KEY), 'the log');
});
