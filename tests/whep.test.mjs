// @ts-check
// Chromium watches a stream over WebRTC: latency read from the picture, joins at moments of the group of pictures, sound, TCP,
// and access.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import { Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';
import { quantile, watch } from './players/whep.mjs';

const { server, browser } = await open(() => Server.start());

/** Duration of a frame, which is part of the latency. */
const FRAME_MS = 40;
/** The goal is 150 ms; a loaded machine paints late. */
const MEDIAN_LATENCY_MS = 200;
/** The goal is 500 ms. Without the pictures before its join, a viewer would wait for half a segment, 960 ms, and more if loaded. */
const FIRST_PICTURE_MS = 900;
/** WebRTC has no buffer: a picture that is 150 ms late is a freeze. */
const MOST_TRIES = 6;
/** RTP clock ticks in a millisecond. */
const TICKS = 90;

/** A page of the server without a player. */
async function emptyPage() {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/livez`);
  return page;
}

test('a stream plays with the latency of a few frames, and with sound', { timeout: 120_000 }, async (t) => {
  const page = await emptyPage();
  const seen = await withinTries(t, async () => {
    const seen = await watch(page, { url: `${server.url}/live/test/whep`, seconds: 6 });
    const latencies = seen.shown.map(({ latencyMs }) => latencyMs);
    t.diagnostic(`first picture ${seen.firstPictureMs.toFixed()} ms, latency ${quantile(latencies, 0.5).toFixed()} ms (median), ` +
      `${quantile(latencies, 0.95).toFixed()} ms (p95), ${seen.shown.length} pictures, ${seen.freezes} freezes`);
    assert.ok(quantile(latencies, 0.5) < MEDIAN_LATENCY_MS);
    assert.equal(seen.freezes, 0);
    assert.ok(seen.soundSamples > 48_000 && seen.concealed < 0.1, `${seen.soundSamples} samples, ${seen.concealed} concealed`);
    return seen;
  }, MOST_TRIES);
  assert.equal(seen.streams, 1, 'picture and sound are in one MediaStream');
  assert.equal(seen.transport, 'udp');
  assert.match(seen.codec, /profile-level-id=42/);
  const frames = seen.shown.map(({ frame }) => frame);
  assert.deepEqual(frames, [...frames].sort((a, b) => a - b));
  const steady = seen.shown.slice(-100);
  for (const { frame, rtpTimestamp } of steady) {
    assert.equal(rtpTimestamp, (frame * FRAME_MS * TICKS) % 2 ** 32, 'RTP timestamps are UTC');
  }
  await page.context().close();
});

test('segments have the same bytes with and without viewers over WebRTC', { timeout: 120_000 }, async () => {
  const other = await Server.start();
  const page = await emptyPage();
  const { shown } = await watch(page, { url: `${server.url}/live/test/whep`, seconds: 8 });
  assert.ok(shown.length > 50, `${shown.length} pictures`);
  // The newest segments were encoded picture by picture.
  const playlist = await server.text('/live/test/v720/hls.m3u8');
  for (const segment of playlist.split('\n').filter((line) => line.endsWith('.m4s')).slice(-2)) {
    const [one, two] = await Promise.all([server, other].map(async ({ url }) => {
      const answer = await fetch(new URL(segment, `${url}/live/test/v720/`));
      return createHash('sha256').update(new Uint8Array(await answer.arrayBuffer())).digest('hex');
    }));
    assert.equal(one, two, segment);
  }
  await page.context().close();
  await other.stop();
});

test('a viewer that joins at any moment gets a picture before the next IDR picture', { timeout: 180_000 }, async (t) => {
  const page = await emptyPage();
  const waits = [];
  for (let join = 0; join < 6; join += 1) {
    const { firstPictureMs } = await watch(page, { url: `${server.url}/live/test/whep`, seconds: 2.3 });
    waits.push(firstPictureMs);
  }
  t.diagnostic(`first pictures after ${waits.map((wait) => wait.toFixed()).join(', ')} ms`);
  assert.ok(quantile(waits, 0.5) < FIRST_PICTURE_MS);
  await page.context().close();
});

test('each rendition of a ladder plays with sound', { timeout: 180_000 }, async (t) => {
  const video = [{ id: 'large', width: 640, height: 360, bitrate: 600_000 }, { id: 'small', width: 320, height: 180, bitrate: 300_000 }];
  await server.api('POST', '', { name: 'ladder', video });
  await until('the stream runs', 60, async () => (await server.api('GET', '/ladder')).answer.phase === 'running');
  const page = await emptyPage();
  for (const { id, height } of video) {
    const seen = await watch(page, { url: `${server.url}/live/ladder/whep?video=${id}`, seconds: 8, listens: true });
    t.diagnostic(`${id}: first picture ${seen.firstPictureMs.toFixed()} ms, ${seen.shown.length} pictures, ${seen.freezes} freezes, ` +
      `sound ${seen.soundLateMs?.toFixed()} ms after the picture`);
    assert.equal(seen.height, height);
    assert.ok(seen.shown.length > 50, `${seen.shown.length} pictures`);
    assert.ok(seen.soundSamples > 48_000, `${seen.soundSamples} samples`);
  }
  await server.api('DELETE', '/ladder');
  await page.context().close();
});

test('a client without UDP plays over TCP', { timeout: 120_000 }, async () => {
  const page = await emptyPage();
  const seen = await watch(page, { url: `${server.url}/live/test/whep`, seconds: 5, only: 'tcp' });
  assert.equal(seen.transport, 'tcp');
  assert.ok(seen.shown.length > 50, `${seen.shown.length} pictures`);
  await page.context().close();
});

test('a private stream plays with a token only, and a session is a viewer', { timeout: 120_000 }, async () => {
  await server.api('POST', '', { name: 'private', access: 'private', video: [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }] });
  const { answer } = await server.api('POST', '/private/tokens', {});
  const page = await emptyPage();
  await assert.rejects(watch(page, { url: `${server.url}/live/private/whep`, seconds: 1 }), /403 .*viewer_token_needed/);
  const viewers = async () => (await server.api('GET', '/private')).answer.viewers.by_format.webrtc;
  const [seen] = await Promise.all([
    watch(page, { url: new URL(answer.urls.webrtc, server.url).href, seconds: 6 }),
    until('the session is a viewer', 20, async () => (await viewers()) === 1),
  ]);
  assert.ok(seen.shown.length > 20, `${seen.shown.length} pictures`);
  await until('the viewer is gone', 10, async () => (await viewers()) === 0);
  await page.context().close();
});
