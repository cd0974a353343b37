// @ts-check
// webrtcbin of GStreamer, a stack of WebRTC that shares no code with browsers, watches by WHEP and publishes by WHIP.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { until } from './players/deadline.mjs';
import { own } from './players/leftovers.mjs';
import { Server, SMALL_VIDEO } from './players/server.mjs';

const server = await Server.small();
after(() => server.stop());

/** Starts the client. @param {string[]} args */
function client(...args) {
  const script = fileURLToPath(new URL('gstreamer/client.py', import.meta.url));
  const child = own(spawn('/usr/bin/python3', [script, ...args]));
  const errors = text(child.stderr);
  return { child, output: text(child.stdout), ended: once(child, 'exit').then(async ([status]) => assert.equal(status, 0, await errors)) };
}

/** @param {string} stream @returns {Promise<{ width: number, height: number, samples: number }>} what webrtcbin has decoded */
async function watched(stream) {
  const { output, ended } = client('watch', `${server.url}/live/${stream}/whep`);
  await ended;
  return JSON.parse(await output);
}

test('webrtcbin decodes pictures and sound of the test signal', { timeout: 180_000 }, async () => {
  const { samples, ...size } = await watched('test');
  assert.deepEqual(size, { width: 320, height: 180 });
  assert.ok(samples >= 48_000, `${samples} samples`);
});

test('webrtcbin decodes what webrtcbin publishes', { timeout: 180_000 }, async () => {
  await server.api('POST', '', { name: 'guest', source: 'publish', video: SMALL_VIDEO });
  const { token } = (await server.api('POST', '/guest/tokens', { purpose: 'publish' })).answer;
  const publisher = client('publish', `${server.url}/live/guest/whip`, token);
  const phase = async () => (await server.api('GET', '/guest')).answer.phase;
  await until('the publisher sends', 60, async () => (await phase()) === 'running');
  const { samples, ...size } = await watched('guest');
  assert.deepEqual(size, { width: 640, height: 480 });
  assert.ok(samples >= 48_000, `${samples} samples`);
  publisher.child.stdin.end();
  await publisher.ended;
  await until('nobody publishes', 20, async () => (await phase()) === 'waiting');
});
