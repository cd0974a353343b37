// @ts-check
// The package for Node.js, installed as its users install it: it starts barstone, a player plays, and nothing runs on afterwards.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { launch } from './players/browser.mjs';
import { until } from './players/deadline.mjs';
import { own, remove, temporaryDirectory } from './players/leftovers.mjs';
import { Play } from './players/play.mjs';
import { SMALL_VIDEO } from './players/server.mjs';
import { everyPictureIsRead } from './players/verdict.mjs';

/** @typedef {typeof import('../packages/node/index.js')} Package */
/** @typedef {import('../packages/node/index.js').Barstone} Barstone */

const PACKAGE = fileURLToPath(new URL('../packages/node', import.meta.url));
const BINARY = process.env.BARSTONE_BIN ?? fileURLToPath(new URL('../target/debug/barstone', import.meta.url));
const HOUR_MS = 3_600_000;
/** Seconds within which a server ends whose parent has ended. */
const ENDS_WITHIN_S = 20;

const directory = temporaryDirectory('package');
after(() => remove(directory));
const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', directory, PACKAGE], { encoding: 'utf8' });
assert.equal(packed.status, 0, packed.stderr);
const installed = spawnSync('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${packed.stdout.trim()}`], { cwd: directory, encoding: 'utf8' });
assert.equal(installed.status, 0, installed.stderr);
const MODULE = pathToFileURL(join(directory, 'node_modules/barstone/index.js')).href;
/** @type {Package} */
const barstone = await import(MODULE);

/** @param {Parameters<Package['start']>[0]} options */
function start(options = {}) {
  return barstone.start({ binary: BINARY, streams: [{ name: 'test', video: SMALL_VIDEO }], ...options });
}

/** @param {string} base */
async function hasEnded(base) {
  await until('the server has ended', ENDS_WITHIN_S, () => fetch(`${base}/livez`).then(() => false, () => true));
}

test('hls.js plays what was started, now and as it was an hour ago', { timeout: 120_000 }, async () => {
  const server = await start();
  const browser = await launch();
  try {
    for (const [url, agoMs] of /** @type {const} */ ([
      [server.url('test', 'llhls'), 0],
      [server.url('test', 'llhls', { shift: '1h' }), HOUR_MS],
    ])) {
      const play = await Play.open(browser, 'hls.js', url);
      try {
        const report = await play.played(2);
        everyPictureIsRead(report);
        const [{ wallMs, stripMs }] = report.samples;
        const latencyMs = wallMs - Number(stripMs) - agoMs;
        assert.ok(latencyMs > 0 && latencyMs < 20_000, `a latency of ${latencyMs} ms`);
      } finally {
        await play.close();
      }
    }
  } finally {
    await browser.close();
    await server.stop();
  }
  await hasEnded(server.base);
});

test('it runs the streams that it is given, and changes them', { timeout: 60_000 }, async () => {
  const server = await start({ streams: [{ name: 'test', video: SMALL_VIDEO }, { name: 'off', enabled: false }] });
  try {
    const names = async () => (await server.api('GET', '/streams')).map((/** @type {any} */ { name }) => name);
    assert.deepEqual(await names(), ['off', 'test']);
    assert.match(await (await fetch(server.url('test', 'dash'))).text(), /<Period id="1" start="PT0S">/, 'no change of an earlier stream');
    await server.api('POST', '/streams/test/stop');
    await server.api('DELETE', '/streams/off');
    assert.deepEqual(await names(), ['test']);
    assert.match(server.log, /listening/);
  } finally {
    await server.stop();
  }
});

test('URLs have the canonical form', { timeout: 60_000 }, async () => {
  const server = await start();
  try {
    const status = ['503:on=segments:every=7', '404:on=init'];
    const conditions = { status, 'utc-timing': 'http-iso+direct', from: '2026-11-21T03:40:28Z', addressing: 'time-timeline', patch: undefined };
    const several = Object.entries(conditions).flatMap(([name, values]) => [values].flat().map((value) => ({ name, value })));
    const args = several.filter(({ value }) => value !== undefined).map(({ name, value }) => `${name}=${value}`);
    const { stdout } = spawnSync(BINARY, ['url', server.url('test', 'dash'), ...args], { encoding: 'utf8' });
    assert.equal(server.url('test', 'dash', conditions), stdout.trim());
    assert.equal(server.url('test', 'llhls', { 'no-hints': true, delay: '3s', 'no-deltas': false }), `${server.base}/with/delay=3s,no-hints/live/test/llhls.m3u8`);
    assert.equal(server.url('test', 'ts', { delay: '3s' }), `${server.base}/with/delay=3s/live/test/stream.ts`);
    assert.throws(() => server.url('test', /** @type {any} */ ('hsl')), /unknown format "hsl": use one of hls, llhls/);
    assert.equal((await fetch(server.url('test', 'hls', { delay: 'a/b' }))).status, 400, 'a value never changes the path');
  } finally {
    await server.stop();
  }
});

test('errors say what is wrong', { timeout: 60_000 }, async () => {
  await assert.rejects(start({ binary: '/nowhere/barstone' }), /there is no program at \/nowhere\/barstone \(option `binary`, or BARSTONE_BIN\)/);
  await assert.rejects(start({ args: ['--nonsense'] }), /ended with exit code 2; its log:\n[^]*--nonsense/);
  await assert.rejects(start({ streams: [{ name: 'test', fps: 'fast' }] }), /POST \/streams: .*fps/);
  const busy = createServer().listen(0, '127.0.0.1');
  await once(busy, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (busy.address());
  try {
    await assert.rejects(start({ port }), new RegExp(`ended with exit code \\d+; its log:\n[^]*cannot listen on 127\\.0\\.0\\.1:${port}: another program uses this port`));
  } finally {
    busy.close();
  }
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', `(await import('${MODULE}')).start()`], {
    encoding: 'utf8',
    env: { PATH: directory },
  });
  assert.equal(status, 1);
  assert.match(stderr, /barstone is not on PATH: install it, or set BARSTONE_BIN to the binary, or BARSTONE_IMAGE to the image/);
});

/** A program of a user that starts barstone and never stops it. @param {string} end what it does then */
function forgetful(end) {
  const program = `
    const server = await (await import('${MODULE}')).start({ binary: '${BINARY}' });
    console.log(server.base);
    ${end}`;
  const child = own(spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] }));
  /** @type {Promise<string>} */
  const base = new Promise((resolve) => child.stdout.setEncoding('utf8').once('data', (text) => resolve(text.trim())));
  return { child, base, ended: once(child, 'exit') };
}

test('a killed parent leaves no server behind', { timeout: 60_000 }, async () => {
  const { child, base, ended } = forgetful('setInterval(() => {}, 1000);');
  const url = await base;
  assert.ok((await fetch(`${url}/livez`)).ok);
  child.kill('SIGKILL');
  await ended;
  await hasEnded(url);
});

test('a server that nobody stops does not keep a program alive', { timeout: 60_000 }, async () => {
  const { base, ended } = forgetful('');
  const url = await base;
  assert.deepEqual(await ended, [0, null]);
  await hasEnded(url);
});

/** A container engine that runs the binary, and writes down what it was asked for. */
const ENGINE = `#!/bin/bash
echo "$@" >>${directory}/engine.log
[ "$1" = run ] || { sed -n 's/.*address=//p' ${directory}/container.log | cut -d ' ' -f 1; exit; }
for arg; do [ "$arg" = serve ] && break; shift; done
exec ${BINARY} "$@" --listen 127.0.0.1:0 2> >(tee ${directory}/container.log >&2)
`;

test('it runs an image', { timeout: 60_000 }, async () => {
  const engine = join(directory, 'engine');
  writeFileSync(engine, ENGINE, { mode: 0o755 });
  const server = await barstone.start({ image: 'barstone:0.2', engine, port: 8123, env: { BARSTONE_MAX_VIEWERS: '7' }, args: ['--log', 'info'] });
  try {
    assert.ok((await fetch(server.url('test'))).ok);
    const [run, port] = readFileSync(join(directory, 'engine.log'), 'utf8').split('\n');
    assert.match(run, /^run --rm --name (barstone-\w{12}) --publish 127\.0\.0\.1:8123:8080 --env BARSTONE_MAX_VIEWERS --env BARSTONE_API_TOKEN barstone:0\.2 serve --log info$/);
    assert.equal(port, `port ${run.split(' ')[3]} 8080/tcp`);
    assert.match(server.log, /max_viewers = 7/);
  } finally {
    await server.stop();
  }
});
