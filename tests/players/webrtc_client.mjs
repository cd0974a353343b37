// @ts-check
// Tests of a client of WHEP and WHIP that others wrote. The script `client.py` runs it with the parameters `watch URL`, and
// prints what the client has decoded, or with `publish URL TOKEN`, and sends pictures of 640 x 480 until standard input ends.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { until } from './deadline.mjs';
import { own } from './leftovers.mjs';
import { SMALL_VIDEO } from './server.mjs';

const TEST = { timeout: 180_000 };
const LEAST_SAMPLES = 48_000;

/**
 * @param {string} name of the client
 * @param {[interpreter: string, script: string]} program
 * @param {import('./server.mjs').Server} server of small pictures
 */
export function testWebrtcClient(name, [interpreter, script], server) {
  /** Starts the client. It ends with the test. @param {import('node:test').TestContext} t @param {string[]} args */
  const start = (t, ...args) => {
    const child = own(spawn(interpreter, [script, ...args]));
    t.after(() => child.kill());
    const errors = text(child.stderr);
    const ended = once(child, 'exit').then(async ([status]) => assert.equal(status, 0, await errors));
    return { child, output: text(child.stdout), ended };
  };
  /** @param {import('node:test').TestContext} t @param {string} stream @param {{ width: number, height: number }} size */
  const decodes = async (t, stream, size) => {
    const { output, ended } = start(t, 'watch', `${server.url}/live/${stream}/whep`);
    await ended;
    const { samples, ...decoded } = JSON.parse(await output);
    assert.deepEqual(decoded, size);
    assert.ok(samples >= LEAST_SAMPLES, `${samples} samples`);
  };

  test(`${name} decodes pictures and sound of the test signal`, TEST, (t) => decodes(t, 'test', { width: 320, height: 180 }));

  test(`${name} decodes what ${name} publishes`, TEST, async (t) => {
    await server.api('POST', '', { name: 'guest', source: 'publish', video: SMALL_VIDEO });
    const { token } = (await server.api('POST', '/guest/tokens', { purpose: 'publish' })).answer;
    const publisher = start(t, 'publish', `${server.url}/live/guest/whip`, token);
    const phase = async () => (await server.api('GET', '/guest')).answer.phase;
    await until('the publisher sends', 60, async () => (await phase()) === 'running');
    await decodes(t, 'guest', { width: 640, height: 480 });
    publisher.child.stdin.end();
    await publisher.ended;
    await until('nobody publishes', 20, async () => (await phase()) === 'waiting');
  });
}
