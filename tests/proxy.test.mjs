// @ts-check
// Behind nginx with default settings on the same machine: changes need the token, and URLs are right for clients, also
// below a path prefix.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startPlain } from './players/nginx.mjs';
import { freePort } from './players/ports.mjs';
import { Server } from './players/server.mjs';

/** @type {Server} */
let server;
/** @type {Awaited<ReturnType<typeof startPlain>>} */
let proxy;

before(async () => {
  server = await Server.start();
  proxy = await startPlain(server.url);
});
after(async () => {
  await proxy?.stop();
  await server?.stop();
});

test('a change through a plain reverse proxy needs the token', async () => {
  const body = JSON.stringify({ name: 'intruder', enabled: false });
  /** @param {string} base @param {Record<string, string>} headers */
  const create = (base, headers) => fetch(`${base}/api/v1/streams`, {
    method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers },
  });
  for (const base of [server.url, proxy.url, `${proxy.url}/tv`]) {
    for (const headers of [{}, { 'X-Forwarded-For': '127.0.0.1' }, { Origin: proxy.url, 'Sec-Fetch-Site': 'same-origin' }]) {
      const answer = await create(base, /** @type {Record<string, string>} */ (headers));
      assert.deepEqual([answer.status, (await answer.json()).code], [401, 'token_needed'], base);
    }
    assert.equal((await create(base, { Authorization: 'Bearer guess' })).status, 401);
    assert.equal((await fetch(`${base}/api/v1/streams/intruder`)).status, 404);
    assert.equal((await create(base, server.authorization)).status, 201, base);
    assert.equal((await server.api('DELETE', '/intruder')).status, 204);
  }
});

test('URLs in answers of the API work below a path prefix', async () => {
  const streams = `${proxy.url}/tv/api/v1/streams`;
  const headers = { 'Content-Type': 'application/json', ...server.authorization };
  const body = JSON.stringify({ name: 'made', enabled: false });
  for (const [method, url] of [['POST', streams], ['PUT', `${streams}/made`]]) {
    const answer = await fetch(url, { method, body, headers });
    assert.equal(answer.status, 201);
    const location = new URL(answer.headers.get('Location') ?? '', url).href;
    assert.equal(location, `${streams}/made`);
    assert.equal((await (await fetch(location)).json()).name, 'made');
    if (method === 'POST') {
      const page = await fetch(`${streams}?limit=1`);
      const [, next] = /^<(.*)>; rel="next"$/.exec(page.headers.get('Link') ?? '') ?? [];
      assert.equal(new URL(next, page.url).href, `${streams}?limit=1&after=made`);
    }
    assert.equal((await server.api('DELETE', '/made')).status, 204);
  }
});

test('a server with a public URL answers absolute URLs', async () => {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/tv`;
  const known = await Server.start('--public-url', base);
  const front = await startPlain(known.url, port);
  try {
    const { urls } = (await known.api('GET', '/test')).answer;
    assert.equal(urls.dash, `${base}/live/test/dash.mpd`);
    for (const [format, url] of /** @type {[string, string][]} */ (Object.entries(urls))) {
      // WHEP reserves GET, so there is nothing to get.
      assert.equal((await fetch(url)).status, format === 'webrtc' ? 204 : 200, url);
    }
    const mpd = await (await fetch(urls.lldash)).text();
    const [, time] = /<UTCTiming[^>]* value="([^"]+)"/.exec(mpd) ?? [];
    assert.equal(time, `${base}/time`);
    assert.match(await (await fetch(time)).text(), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  } finally {
    await front.stop();
    await known.stop();
  }
});
