// @ts-check
// The shipped configurations of nginx: listening addresses, and what pages of other origins may read.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';

import { startEverywhere } from './players/nginx.mjs';

const HAS_IPV6 = Object.values(networkInterfaces()).flat().some((address) => address?.address === '::1');

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>} whether a connection can be made
 */
function accepts(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

for (const name of /** @type {const} */ (['edge.conf', 'volume.conf', 'rtmp.conf'])) {
  for (const ipv6 of [true, false]) {
    test(`${name} listens on IPv4, and ${ipv6 ? 'on IPv6' : 'on that only where there is no IPv6'}`, async () => {
      const { port, rtmp, stop } = await startEverywhere(name, ipv6);
      try {
        for (const each of name === 'rtmp.conf' ? [port, rtmp] : [port]) {
          assert.equal(await accepts('127.0.0.1', each), true);
          assert.equal(await accepts('::1', each), ipv6 && HAS_IPV6);
        }
      } finally {
        await stop();
      }
    });
  }
}

for (const name of /** @type {const} */ (['volume.conf', 'rtmp.conf'])) {
  test(`${name} lets pages of any origin play, and read errors`, async () => {
    const { port, stop } = await startEverywhere(name, false);
    try {
      const url = `http://127.0.0.1:${port}`;
      for (const [path, status] of /** @type {const} */ ([['/time', 200], ['/live/none/hls.m3u8', 404], ['/live/none/1.m4s', 404]])) {
        const answer = await fetch(url + path);
        assert.equal(answer.status, status, path);
        assert.equal(answer.headers.get('access-control-allow-origin'), '*', path);
        assert.equal(answer.headers.get('timing-allow-origin'), '*', path);
        assert.match(answer.headers.get('access-control-expose-headers') ?? '', /\bdate\b.*\bcontent-length\b/, path);
      }
      const preflight = await fetch(`${url}/live/none/1.m4s`, {
        method: 'OPTIONS',
        headers: { Origin: 'http://a.example', 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'range' },
      });
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /\bGET\b/);
      assert.equal(preflight.headers.get('access-control-allow-headers'), '*');
    } finally {
      await stop();
    }
  });
}
