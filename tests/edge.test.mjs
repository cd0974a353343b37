// @ts-check
// The shipped caches in front of two servers: how many requests reach the servers, which answers are stored separately,
// and that no client notices when a server ends.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { launch } from './players/browser.mjs';
import { until } from './players/deadline.mjs';
import { startEdge } from './players/nginx.mjs';
import { playsCleanly } from './players/plays.mjs';
import { BINARY, Server } from './players/server.mjs';
import { startVarnish } from './players/varnish.mjs';

/** Whether blocked requests are answered as soon as one of them is, and a segment that is being made is requested once. */
const CACHES = [
  { name: 'nginx', start: startEdge, shares: false },
  { name: 'varnish', start: startVarnish, shares: true },
];
const CLIENTS = 100;
const TRACK = '/live/test/v';
const TRIES = 3;
/** Seconds until a requested segment exists, two segments; a patient edge waits ten seconds before it tries another server. */
const STUCK_MS = 9000;

/** @type {Server[]} */
let servers = [];
/** @type {Awaited<ReturnType<typeof startEdge>>} */
let edge;
const browser = await launch();
after(() => browser.close());

/** @param {string} path @param {Record<string, string>} [headers] */
async function get(path, headers = {}) {
  const response = await fetch(edge.url + path, { headers });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, cache: response.headers.get('x-cache-status'), headers: response.headers, body };
}

/** @param {string} kind @returns {Promise<number>} requests of this kind that both servers have answered */
async function originRequests(kind) {
  let sum = 0;
  for (const server of servers) {
    const samples = (await server.text('/metrics')).matchAll(/^barstone_http_requests_total\{(.*)\} (\d+)$/gm);
    for (const [, labels, count] of samples) if (labels.includes(`kind="${kind}"`)) sum += Number(count);
  }
  return sum;
}

/** @param {string} playlist @returns {{ sequence: number, segments: string[] }} segments, the newest last */
function listed(playlist) {
  const sequence = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(playlist)?.[1]);
  return { sequence, segments: playlist.split('\n').filter((line) => /\.m4s$/.test(line) && !line.startsWith('#')) };
}

async function newest() {
  const { sequence, segments } = listed((await get(`${TRACK}/hls.m3u8`)).body.toString());
  return { number: sequence + segments.length - 1, path: `${TRACK}/${segments.at(-1)}` };
}

/** @param {string} path @returns {Promise<Buffer[]>} the pieces of the body */
async function inPieces(path) {
  const response = await fetch(edge.url + path);
  assert.equal(response.status, 200);
  if (response.headers.has('content-length')) throw new Error(`${path} was whole when it was requested`);
  const pieces = [];
  for await (const piece of response.body ?? []) pieces.push(Buffer.from(piece));
  return pieces;
}

/**
 * Many clients request a segment before it exists and receive it in pieces. Tries another segment if, on a busy machine, one
 * breaks off or is whole before all clients have requested it.
 * @param {number} clients
 */
async function growingSegment(clients) {
  for (let more = TRIES; ; more -= 1) {
    const { number, path } = await newest();
    const growing = path.replace(`${number}.m4s`, `${number + 2}.m4s`);
    const requestsBefore = await originRequests('media');
    try {
      const all = await Promise.all(Array.from({ length: clients }, () => inPieces(growing)));
      return { growing, all, cost: (await originRequests('media')) - requestsBefore };
    } catch (error) {
      if (more === 1 || error instanceof assert.AssertionError) throw error;
    }
  }
}

CACHES.forEach(({ name, start, shares }) => describe(name, () => {
  before(async () => {
    servers = await Promise.all([Server.small(), Server.small()]);
    edge = await start(servers.map(({ url }) => url));
  });
  after(async () => {
    await edge?.stop();
    for (const server of servers) await server.stop();
  });

  test('media is requested once', async () => {
    const { path } = await newest();
    const requestsBefore = await originRequests('media');
    const all = await Promise.all(Array.from({ length: CLIENTS }, () => get(path)));
    for (const { status, body } of all) assert.deepEqual([status, body.equals(all[0].body)], [200, true]);
    assert.ok((await originRequests('media')) - requestsBefore <= 3, 'it grows with the clients');
    const again = await get(`${path}?CMCD=a`, { Range: 'bytes=0-99' });
    assert.deepEqual([again.status, again.cache, again.body.length], [206, 'HIT', 100]);
  });

  test('clients that wait for the same part cost a few requests, and each gets the part', async (t) => {
    const { number } = await newest();
    const path = `${TRACK}/llhls.m3u8?_HLS_msn=${number + 2}&_HLS_part=0`;
    const requestsBefore = await originRequests('manifest');
    const all = await Promise.all(Array.from({ length: CLIENTS }, () => get(path)));
    for (const { status, body } of all) assert.deepEqual([status, body.equals(all[0].body)], [200, true]);
    assert.ok(all[0].body.includes(`${number + 2}.0.m4s`), 'it is not yet there');
    // Clients wait for two segments, during which one client polls every 0.1 s. A slow machine adds some requests.
    const cost = (await originRequests('manifest')) - requestsBefore;
    const kept = all.filter(({ cache }) => cache === 'HIT').length;
    t.diagnostic(`${cost} requests for ${CLIENTS} clients, ${kept} answered from the cache`);
    assert.ok(shares ? cost <= 3 : cost < CLIENTS && kept > 0);
  });

  test('the order of directives and other parameters make no difference', async () => {
    const { number } = await newest();
    await get(`${TRACK}/llhls.m3u8?_HLS_msn=${number}&_HLS_part=1&_HLS_skip=YES`);
    const other = await get(`${TRACK}/llhls.m3u8?_HLS_skip=YES&session=7&_HLS_part=1&_HLS_msn=${number}`);
    assert.deepEqual([other.status, other.cache], [200, 'HIT']);
    assert.match(other.body.toString(), /#EXT-X-SKIP/);
    const whole = await get(`${TRACK}/llhls.m3u8?_HLS_msn=${number}&_HLS_part=1`);
    assert.equal(whole.cache, 'MISS');
    assert.doesNotMatch(whole.body.toString(), /#EXT-X-SKIP/);
  });

  test('a still is painted once for all clients that request the same moment and width', async () => {
    const still = `/live/test/still.png?at=1795232428&width=160`;
    const requestsBefore = await originRequests('still');
    const all = await Promise.all(Array.from({ length: CLIENTS }, () => get(still)));
    for (const { status, body } of all) assert.deepEqual([status, body.equals(all[0].body)], [200, true]);
    // A slow machine repeats some.
    assert.ok((await originRequests('still')) - requestsBefore <= 10, 'it grows with the clients');
    const other = await get('/live/test/still.png?session=7&width=160&at=1795232428');
    assert.deepEqual([other.status, other.cache, other.body.equals(all[0].body)], [200, 'HIT', true]);
    const later = await get('/live/test/still.png?at=1795232429&width=160');
    assert.deepEqual([later.status, later.cache, later.body.equals(all[0].body)], [200, 'MISS', false]);
  });

  test('an incident is made once for all its viewers', async () => {
    const relative = await fetch(`${edge.url}/with/from=-10m,until=-9m50s${TRACK}/hls.m3u8`, { redirect: 'manual' });
    assert.deepEqual([relative.status, relative.headers.get('cache-control')], [302, 'no-store']);
    const incident = new URL(String(relative.headers.get('location')), relative.url);
    const play = async () => {
      const { segments } = listed((await get(incident.pathname)).body.toString());
      const all = [];
      for (const segment of segments) all.push(await get(new URL(segment, incident).pathname));
      return all;
    };
    const first = await play();
    const requestsBefore = await originRequests('media');
    const second = await play();
    assert.deepEqual([second.length >= 6, second.length], [true, first.length]);
    for (const [place, { status, cache, body }] of second.entries()) {
      assert.deepEqual([status, cache, body.equals(first[place].body)], [200, 'HIT', true]);
    }
    assert.equal(await originRequests('media'), requestsBefore);
  });

  test('compressed and plain playlists are cached separately', async () => {
    const { number } = await newest();
    const path = `${TRACK}/llhls.m3u8?_HLS_msn=${number}`;
    for (const [accepted, coding] of [['br, gzip', 'gzip'], ['gzip;q=0', null], ['identity', null], ['gzip', 'gzip']]) {
      const answer = await get(path, { 'Accept-Encoding': String(accepted) });
      assert.equal(answer.headers.get('content-encoding'), coding, String(accepted));
      assert.ok(answer.body.toString().startsWith('#EXTM3U'));
    }
    assert.equal((await get(path, { 'Accept-Encoding': 'gzip, deflate' })).cache, 'HIT');
  });

  test('segments are those of the definition', async () => {
    const options = ['--definition', servers[0].url, '--segments', '3', '--json'];
    const { stdout } = await promisify(execFile)(BINARY, ['verify', `${edge.url}/live/test/hls.m3u8`, ...options]);
    const { same, different } = JSON.parse(stdout);
    assert.deepEqual({ same, different }, { same: 6, different: 0 });
  });

  test('a segment that is being made is sent chunk by chunk', async () => {
    const { growing, all, cost } = await growingSegment(shares ? CLIENTS : 2);
    if (shares) assert.ok(cost <= 2, 'it grows with the clients');
    await get(growing);
    const whole = await get(growing);
    assert.equal(whole.cache, 'HIT');
    for (const pieces of all) assert.ok(Buffer.concat(pieces).equals(whole.body) && pieces.length > 1);
  });

  const plays = [['llhls.m3u8', 'hls.js'], ['lldash.mpd', 'dash.js']];
  describe('plays', { concurrency: plays.length }, () => plays.forEach(([manifest, player]) => {
    test(`${manifest} in ${player}`, { timeout: 120_000 }, (t) =>
      playsCleanly(t, browser, { player, url: `${edge.url}/live/test/${manifest}`, seconds: 10 }));
  }));

  test('a change through the edge needs the token, and probes and metrics are not exposed', async () => {
    const stop = await fetch(`${edge.url}/api/v1/streams/test/stop`, { method: 'POST' });
    assert.equal(stop.status, 401);
    assert.equal((await stop.json()).code, 'token_needed');
    for (const path of ['/metrics', '/whoami']) assert.equal((await get(path)).status, 404, path);
    assert.equal((await get('/readyz')).status, 200);
  });

  test('the edge avoids a server that is stuck', async () => {
    servers[0].freeze();
    try {
      const { number } = await newest();
      const begun = performance.now();
      for (let part = 0; part < 6; part += 1) {
        assert.equal((await get(`${TRACK}/llhls.m3u8?_HLS_msn=${number + 1}&_HLS_part=${part}`)).status, 200);
      }
      assert.equal((await get(`/t/any${TRACK}/llhls.m3u8?_HLS_msn=${number + 2}&_HLS_part=0`)).status, 200);
      assert.ok(performance.now() - begun < STUCK_MS, 'somebody has waited for it');
    } finally {
      servers[0].thaw();
    }
  });

  test('no request fails when a server ends', async () => {
    const failed = /** @type {string[]} */ ([]);
    let over = false;
    let answered = 0;
    const client = async () => {
      let { number } = await newest();
      while (!over) {
        const { status, body } = await get(`${TRACK}/llhls.m3u8?_HLS_msn=${(number += 1)}`);
        answered += 1;
        if (status !== 200) failed.push(`${status} of ${number}`);
        const { segments } = listed(body.toString());
        const media = await get(`${TRACK}/${segments.at(-1)}`);
        if (media.status !== 200) failed.push(`${media.status} of ${segments.at(-1)}`);
      }
    };
    const clients = [client(), client(), client()];
    /** @param {number} more */
    const go = async (more) => {
      const goal = answered + more;
      await until('requests are answered', 60, () => answered >= goal);
    };
    await go(6);
    await servers[0].kill9();
    await go(6);
    await servers[0].restart();
    await go(6);
    await servers[1].end();
    await go(6);
    over = true;
    await Promise.all(clients);
    assert.deepEqual(failed, []);
  });
}));
