// @ts-check
// A definition changes during playback, from one server and from two that share it and take turns request by request.
// No player stops.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch } from './players/browser.mjs';
import { startNats } from './players/nats.mjs';
import { startProxy } from './players/nginx.mjs';
import { until } from './players/deadline.mjs';
import { Play } from './players/play.mjs';
import { Server, SMALL_VIDEO } from './players/server.mjs';
import { advancesInRealTime, everyPictureIsRead, figures, hasNoError, playedCleanly } from './players/verdict.mjs';

const STREAM = 'changing';
const PATTERNS = ['ebu', 'grid', 'smpte'];
/** Longer chunks than by default, so that low-latency players hold back a second: four play at the same time. */
const CHUNK_FRAMES = 8;
/** Seconds from the change until every player shows the new picture, and some seconds more. */
const PLAYS_AFTERWARDS_S = 20;
/** shaka-player reloads an MPD every three seconds. */
const LONGEST_STALL_MS = 6000;

/** @type {Awaited<ReturnType<typeof startNats>>} */
let nats;
/** @type {Server[]} */
let servers = [];
/** @type {Awaited<ReturnType<typeof startProxy>>} */
let proxy;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
let changes = 0;
let smaller = false;

before(async () => {
  nats = await startNats();
  servers = [await Server.start('--store', nats.url), await Server.start('--store', nats.url)];
  // The default stream, which a new store begins with.
  assert.equal((await servers[0].api('DELETE', '/test')).status, 204);
  assert.equal((await servers[0].api('POST', '', { name: STREAM, chunk_frames: CHUNK_FRAMES, video: SMALL_VIDEO })).status, 201);
  await Promise.all(servers.map((server) => until('both make the stream', 20, async () => {
    const { status, answer } = await server.api('GET', `/${STREAM}`);
    return status === 200 && answer.phase === 'running';
  })));
  proxy = await startProxy(servers.map(({ url }) => url));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await proxy?.stop();
  for (const server of servers) await server.stop();
  await nats?.stop();
});

/**
 * Changes picture, audio and bitrate, and the size too if players must set up their decoders anew.
 * @param {'as before' | 'another'} size
 * @returns {Promise<string>} the new revision
 */
async function change(size) {
  changes += 1;
  if (size === 'another') smaller = !smaller;
  const definition = {
    chunk_frames: CHUNK_FRAMES,
    pattern: PATTERNS[changes % PATTERNS.length],
    title: `change ${changes}`,
    video: SMALL_VIDEO.map((video) => ({ ...video, ...(smaller ? { width: 256, height: 144 } : {}), bitrate: video.bitrate + changes * 10_000 })),
    audio: { beep_hz: 1000 + changes * 50 },
  };
  const { status, answer } = await servers[0].api('PUT', `/${STREAM}`, definition);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer.revision;
}

/**
 * One change for several players, made when all of them play.
 * @param {number} players
 * @param {Size} size
 * @returns {() => Promise<string>} called by each player when it plays; resolves with the new revision
 */
function changeForAll(players, size) {
  /** @type {(revision: Promise<string>) => void} */
  let resolve;
  /** @type {Promise<string>} */
  const changed = new Promise((fulfil) => (resolve = fulfil));
  let playing = 0;
  return () => {
    playing += 1;
    if (playing === players) resolve(change(size));
    return changed;
  };
}

/** @param {string[]} urls */
async function allServeTheSame(urls) {
  for (const { pathname } of urls.map((url) => new URL(url))) {
    const bodies = servers.map(async ({ url }) => Buffer.from(await (await fetch(url + pathname)).arrayBuffer()));
    const [one, other] = await Promise.all(bodies);
    assert.ok(one.equals(other), pathname);
  }
}

/** Players may pause at the start of a Period, where they set up their decoders. @param {import('./players/play.mjs').Report} report */
function continuesCleanly(report) {
  hasNoError(report);
  assert.ok(report.stallsMs.every((ms) => ms < LONGEST_STALL_MS), `stalls of ${report.stallsMs} ms`);
  assert.ok(!report.stands, 'it stands still at the end');
  everyPictureIsRead(report);
}

/**
 * Segments requested under the name in the MPD belong to the new definition.
 * @param {string[]} urls @param {string} revision
 */
async function requestsNewSegments(urls, revision) {
  const own = async (/** @type {string} */ url) => (await fetch(url.replace(/[0-9a-f]{8}\/(\d+\.m4s)$/, `${revision}/$1`))).status === 200;
  const found = await Promise.all(urls.filter((url) => url.endsWith('.m4s')).slice(-5).map(own));
  assert.ok(found.includes(true), 'a segment after the change');
}

/** @typedef {'as before' | 'another'} Size */
/** @typedef {[file: string, player: string, from: 'one server' | 'two servers']} Playback */
/** The plays of an entry run simultaneously. @type {[protocol: string, size: Size, playbacks: Playback[]][]} */
const PLAYBACKS = [
  ['HLS', 'as before', [['hls.m3u8', 'hls.js', 'one server'], ['hls.m3u8', 'shaka-player', 'two servers'],
    ['llhls.m3u8', 'hls.js', 'two servers'], ['llhls.m3u8', 'shaka-player', 'one server']]],
  ['DASH', 'as before', [['dash.mpd', 'dash.js', 'two servers'], ['dash.mpd', 'shaka-player', 'one server'],
    ['lldash.mpd', 'dash.js', 'one server'], ['lldash.mpd', 'shaka-player', 'two servers']]],
  ['DASH', 'another', [['dash.mpd', 'dash.js', 'two servers'], ['lldash.mpd', 'shaka-player', 'one server']]],
];
for (const [protocol, size, playbacks] of PLAYBACKS) describe(`${protocol}, size ${size}`, { concurrency: playbacks.length }, () => {
  const changed = changeForAll(playbacks.length, size);
  for (const [file, player, from] of playbacks) {
    test(`${player} continues to play ${file} of ${from} over a change`, { timeout: 120_000 }, async (t) => {
      const url = from === 'one server' ? servers[1].url : proxy.url;
      const play = await Play.open(browser, player, `${url}/live/${STREAM}/${file}`);
      try {
        await play.played(5);
        const revision = await changed();
        const { playedMs } = await play.report();
        const enoughMs = playedMs + PLAYS_AFTERWARDS_S * 1000;
        const report = await play.until('it plays on', PLAYS_AFTERWARDS_S, (now) => now.playedMs >= enoughMs);
        t.diagnostic(figures(report));
        const isNewPeriod = size === 'another';
        const named = file.endsWith('.m3u8') || isNewPeriod;
        for (const track of isNewPeriod ? ['v'] : ['v', 'a']) {
          const requested = play.requests.filter((url) => url.includes(`/${track}/`) && url.endsWith('.m4s'));
          if (named) assert.ok(requested.filter((url) => url.includes(`/${revision}/`)).length > 3, `of the new ${track}: ${requested}`);
          else await requestsNewSegments(requested, revision);
        }
        assert.deepEqual(play.refused, []);
        await allServeTheSame(play.requests.filter((url) => url.includes('/v/') && url.endsWith('.m4s')).slice(-4, -1));
        if (isNewPeriod) {
          continuesCleanly(report);
        } else {
          playedCleanly(report);
          advancesInRealTime(report);
        }
      } finally {
        await play.close();
      }
    });
  }
});

describe('other segments', { concurrency: 3 }, () => {
  const GRID = 'grid';
  /** @param {string} method @param {object} frames */
  const define = (method, frames) => servers[0].api(method, `/${GRID}`, { video: SMALL_VIDEO, ...frames });
  let playing = 0;
  /** @type {() => void} */
  let allPlay;
  /** @type {Promise<void>} */
  const changed = new Promise((resolve) => (allPlay = resolve)).then(async () => {
    const { status, answer } = await define('PUT', { fps: 30, segment_frames: 60, chunk_frames: 10 });
    assert.equal(status, 200, JSON.stringify(answer));
  });
  before(async () => {
    assert.equal((await define('PUT', {})).status, 201);
    await until('the stream is played', 20, async () => (await servers[0].api('GET', `/${GRID}`)).answer.phase === 'running');
  });

  for (const [file, player] of [['hls.m3u8', 'hls.js'], ['dash.mpd', 'dash.js'], ['dash.mpd', 'shaka-player']]) {
    test(`${player} ${file.endsWith('.mpd') ? 'plays on' : 'ends, and plays again'}`, { timeout: 120_000 }, async (t) => {
      const url = `${servers[0].url}/live/${GRID}/${file}`;
      const play = await Play.open(browser, player, url);
      try {
        await play.played(5);
        playing += 1;
        if (playing === 3) allPlay();
        await changed;
        const { playedMs } = await play.report();
        if (file.endsWith('.mpd')) {
          const enoughMs = playedMs + PLAYS_AFTERWARDS_S * 1000;
          const report = await play.until('it plays on', PLAYS_AFTERWARDS_S, (now) => now.playedMs >= enoughMs);
          t.diagnostic(figures(report));
          continuesCleanly(report);
        } else {
          const report = await play.until('it has played to the end', PLAYS_AFTERWARDS_S, ({ stands }) => stands);
          hasNoError(report);
          assert.ok(report.playedMs >= playedMs + 2000, `${report.playedMs - playedMs} ms after the change`);
          const again = await Play.open(browser, player, url);
          try {
            playedCleanly(await again.played(5));
            assert.ok(again.requests.some((request) => request.endsWith('/v/1/hls.m3u8')), 'the next presentation');
          } finally {
            await again.close();
          }
        }
        assert.deepEqual(play.refused, []);
      } finally {
        await play.close();
      }
    });
  }
});
