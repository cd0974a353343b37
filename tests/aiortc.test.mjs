// @ts-check
// aiortc, a stack of WebRTC that shares no code with browsers, watches by WHEP, publishes by WHIP and receives a push by WHIP.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { until } from './players/deadline.mjs';
import { own } from './players/leftovers.mjs';
import { SMALL_VIDEO, Server } from './players/server.mjs';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const server = await Server.small();
after(() => server.stop());

/** Starts the client. @param {string[]} args */
function client(...args) {
  const child = own(spawn(path('aiortc/venv/bin/python'), [path('aiortc/client.py'), ...args]));
  const errors = text(child.stderr);
  return { child, output: text(child.stdout), ended: once(child, 'exit').then(async ([status]) => assert.equal(status, 0, await errors)) };
}

/** @param {string} stream @returns {Promise<{ width: number, height: number, samples: number }>} what aiortc has decoded */
async function watched(stream) {
  const { output, ended } = client('watch', `${server.url}/live/${stream}/whep`);
  await ended;
  return JSON.parse(await output);
}

test('aiortc decodes pictures and sound of the test signal', { timeout: 180_000 }, async () => {
  const { samples, ...size } = await watched('test');
  assert.deepEqual(size, { width: 320, height: 180 });
  assert.ok(samples >= 48_000, `${samples} samples`);
});

test('aiortc decodes what aiortc publishes', { timeout: 180_000 }, async (t) => {
  await server.api('POST', '', { name: 'guest', source: 'publish' });
  const { token } = (await server.api('POST', '/guest/tokens', { purpose: 'publish' })).answer;
  const publisher = client('publish', `${server.url}/live/guest/whip`, token);
  t.after(() => publisher.child.kill());
  const phase = async () => (await server.api('GET', '/guest')).answer.phase;
  await until('the publisher sends', 60, async () => (await phase()) === 'running');
  const { samples, ...size } = await watched('guest');
  assert.deepEqual(size, { width: 640, height: 480 });
  assert.ok(samples >= 48_000, `${samples} samples`);
  publisher.child.stdin.end();
  await publisher.ended;
  await until('nobody publishes', 20, async () => (await phase()) === 'waiting');
});

test('aiortc decodes pictures and sound of a push', { timeout: 180_000 }, async (t) => {
  const TOKEN = 'a/token+that-nobody.sees=';
  const child = own(spawn(path('aiortc/venv/bin/python'), [path('aiortc/server.py'), TOKEN]));
  t.after(() => child.kill());
  const errors = text(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) assert.fail(await errors);
    return JSON.parse(value);
  };
  const port = await next();
  const url = `whip://${encodeURIComponent(TOKEN)}@127.0.0.1:${port}/whip`;
  await server.api('POST', '', { name: 'pushed', video: SMALL_VIDEO, push: [{ url }] });
  const { samples, ...size } = await next();
  assert.deepEqual(size, { width: 320, height: 180 });
  assert.ok(samples >= 48_000 * 0.9, `${samples} samples`);
  const [target] = (await server.api('GET', '/pushed')).answer.targets;
  assert.deepEqual([target.phase, target.error, target.url], ['running', null, `whip://***@127.0.0.1:${port}/whip`]);
  await server.api('POST', '/pushed/stop');
  assert.equal(await next(), 'ended');
});
