// @ts-check
// aiortc, a stack of WebRTC that shares no code with browsers, watches by WHEP, publishes by WHIP and receives a push by WHIP.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { own } from './players/leftovers.mjs';
import { SMALL_VIDEO, Server } from './players/server.mjs';
import { testWebrtcClient } from './players/webrtc_client.mjs';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const server = await Server.small();
after(() => server.stop());

testWebrtcClient('aiortc', [path('aiortc/venv/bin/python'), path('aiortc/client.py')], server);

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
