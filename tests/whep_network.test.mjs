// @ts-check
// Chromium watches over WebRTC while the network loses, delays and blocks datagrams. Pictures come back by retransmission, by the
// group of pictures again, and by TCP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import { Network } from './players/network.mjs';
import { freePort } from './players/ports.mjs';
import { Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';
import { FRAME_MS, gapsMs, quantile, shownAt, watch } from './players/whep.mjs';

/** Several packets in a picture, and cheap to decode. */
const STREAM = { name: 'lossy', video: [{ id: 'v', width: 640, height: 360, bitrate: 1_500_000 }] };
const LOSS = 0.05;
/** Delay of 20 ms with a jitter of 20 ms. @type {[number, number]} */
const DELAY_MS = [0, 40];
const SECONDS = 30;
const LONGEST_GAP_MS = 500;
/** Cuts, which begin at different moments of a group of pictures, 1.92 s. */
const [CUTS_S, BETWEEN_S] = [[2, 2, 2, 4], 3.2];
/** A stream with groups of pictures of 8 s, and a cut that begins before an IDR picture and ends 5 s after it. */
const [LONG, LONG_GROUP_S, LONG_CUT_S, LONG_AFTER_S] = [{ ...STREAM, name: 'long', segment_frames: 200, chunk_frames: 5 }, 8, 7, 5];
const RECOVERS_WITHIN_MS = 500;
/** The rate at which a busy machine shows pictures is lower than 25 a second. */
const LEAST_SHOWN = 0.6;

const port = await freePort();
const { server, browser } = await open(() => Server.start('--webrtc-listen', `127.0.0.1:${port}`));
const url = `${server.url}/live/${STREAM.name}/whep`;
await server.api('POST', '', STREAM);
await until('the stream runs', 60, async () => (await server.api('GET', `/${STREAM.name}`)).answer.phase === 'running');

/** @param {(page: import('playwright-core').Page, network: Network) => Promise<void>} use */
async function withNetwork(use) {
  const network = await Network.before(port);
  const page = await (await browser.newContext()).newPage();
  try {
    await page.goto(`${server.url}/livez`);
    await use(page, network);
  } finally {
    await page.context().close();
    network.close();
  }
}

/** @returns {Promise<Record<'nacks' | 'plis' | 'replays', number>>} counters of the server */
async function counters() {
  const metrics = await server.text('/metrics');
  const value = (/** @type {string} */ name) => Number(new RegExp(`^barstone_webrtc_${name}_total (\\d+)`, 'm').exec(metrics)?.[1]);
  return { nacks: value('nacks'), plis: value('plis'), replays: value('replays') };
}

/** What the server has counted during `use`. @template T @param {() => Promise<T>} use */
async function counted(use) {
  const before = await counters();
  const result = await use();
  const after = await counters();
  return { result, nacks: after.nacks - before.nacks, plis: after.plis - before.plis, replays: after.replays - before.replays };
}

/** What clients requested, and got. @param {{ nacks: number, plis: number, replays: number }} counts */
function sent({ nacks, plis, replays }) {
  return `${nacks} NACK, ${plis} PLI, ${replays} replays`;
}

/** Time from the end of a cut until a new picture is shown. @param {import('./players/whep.mjs').Shown[]} shown @param {number} end */
function recoveryMs(shown, end) {
  const before = Math.max(...shown.filter((picture) => shownAt(picture) <= end).map(({ frame }) => frame));
  const first = shown.find((picture) => shownAt(picture) > end && picture.frame > before);
  return first ? shownAt(first) - end : Infinity;
}

/** @param {number[]} values */
function distribution(values) {
  const of = (/** @type {number} */ share) => quantile(values, share).toFixed();
  return `median ${of(0.5)}, 95 % ${of(0.95)}, 99 % ${of(0.99)}, longest ${of(1)} ms`;
}

test('a network that loses 5 % and delays up to 40 ms: the picture never stands still for long', { timeout: 300_000 }, async (t) => {
  await withNetwork(async (page, network) => {
    [network.loss, network.delayMs] = [LOSS, DELAY_MS];
    const before = await counters();
    await withinTries(t, async () => {
      const { result: seen, ...counts } = await counted(() => watch(page, { url, seconds: SECONDS, only: 'udp', udpPort: network.port }));
      const gaps = gapsMs(seen.shown);
      t.diagnostic(`first picture ${seen.firstPictureMs.toFixed()} ms, gaps between new pictures: ${distribution(gaps)}`);
      t.diagnostic(`latency: ${distribution(seen.shown.map(({ latencyMs }) => latencyMs))}`);
      t.diagnostic(`${network.lost} of ${network.lost + network.passed} datagrams lost, ${sent(counts)}, ` +
        `${seen.freezes} freezes of ${seen.frozenMs.toFixed()} ms together`);
      assert.ok(gaps.length > (SECONDS * 1000 * LEAST_SHOWN) / FRAME_MS, `${gaps.length} pictures`);
      assert.ok(quantile(gaps, 1) <= LONGEST_GAP_MS);
      assert.ok(seen.concealed < 0.2, `${seen.concealed} of the sound is concealed`);
    });
    assert.ok((await counters()).nacks > before.nacks, 'no packet was requested again');
  });
});

test('after seconds without the network, the picture is back within half a second', { timeout: 300_000 }, async (t) => {
  await withNetwork(async (page, network) => {
    await withinTries(t, async () => {
      const cuts = async () => {
        const ends = [];
        for (const seconds of CUTS_S) {
          await pause(BETWEEN_S * 1000);
          ends.push(await network.cut(seconds));
        }
        return ends;
      };
      const seconds = CUTS_S.reduce((sum, cut) => sum + cut + BETWEEN_S, BETWEEN_S);
      const { result, ...counts } = await counted(() => Promise.all([
        watch(page, { url, seconds, only: 'udp', udpPort: network.port }),
        cuts(),
      ]));
      const [{ shown }, ends] = result;
      const recoveries = ends.map((end) => recoveryMs(shown, end));
      t.diagnostic(`new pictures ${recoveries.map((ms) => ms.toFixed()).join(', ')} ms after the cuts, ${sent(counts)}`);
      assert.ok(recoveries.every((ms) => ms <= RECOVERS_WITHIN_MS));
      assert.ok(counts.nacks + counts.plis > 0, 'the client has requested nothing');
    });
  });
});

test('without the last IDR picture of a long group, the picture is back within half a second', { timeout: 300_000 }, async (t) => {
  await server.api('POST', '', LONG);
  await until('the stream runs', 60, async () => (await server.api('GET', `/${LONG.name}`)).answer.phase === 'running');
  await withNetwork(async (page, network) => {
    await withinTries(t, async () => {
      const cut = async () => {
        // The player starts meanwhile.
        await pause(3000);
        const begin = LONG_GROUP_S + LONG_AFTER_S - LONG_CUT_S;
        await pause((LONG_GROUP_S + begin - (Date.now() / 1000) % LONG_GROUP_S) % LONG_GROUP_S * 1000);
        return network.cut(LONG_CUT_S);
      };
      const seconds = 3 + LONG_GROUP_S + LONG_CUT_S + BETWEEN_S;
      const what = { url: `${server.url}/live/${LONG.name}/whep`, seconds, only: /** @type {const} */ ('udp'), udpPort: network.port };
      const { result: [{ shown }, end], ...counts } = await counted(() => Promise.all([watch(page, what), cut()]));
      const recovery = recoveryMs(shown, end);
      t.diagnostic(`a new picture ${recovery.toFixed()} ms after the cut, ${sent(counts)}`);
      assert.ok(recovery <= RECOVERS_WITHIN_MS);
    });
  });
  await server.api('DELETE', `/${LONG.name}`);
});

test('a network that drops all UDP: the picture comes by TCP', { timeout: 120_000 }, async (t) => {
  await withNetwork(async (page, network) => {
    network.loss = 1;
    const seen = await watch(page, { url, seconds: 8, udpPort: network.port });
    t.diagnostic(`first picture ${seen.firstPictureMs.toFixed()} ms, gaps between new pictures: ${distribution(gapsMs(seen.shown))}`);
    assert.ok(network.lost > 0, 'the client has not tried UDP');
    assert.equal(seen.transport, 'tcp');
    assert.ok(seen.shown.length > 50, `${seen.shown.length} pictures`);
  });
});
