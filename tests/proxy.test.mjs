// @ts-check
// Behind nginx with its defaults on the same machine: whoever comes through it may change nothing without the token.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startPlain } from './players/nginx.mjs';
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
