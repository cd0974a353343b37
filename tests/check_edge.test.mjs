// @ts-check
// The shipped caches in front of two servers break no rule of the checker, which requests no more from them than a player does.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { startEdge } from './players/nginx.mjs';
import { BINARY, Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';
import { startVarnish } from './players/varnish.mjs';

/** Time for which each manifest is checked; by default ten target durations. */
const SECONDS = Number(process.env.CHECK_SECONDS ?? 20);
/** Most manifests a second. Without a cache, low latency takes about ten. */
const MOST_MANIFESTS = 25;
const FILES = ['hls.m3u8', 'llhls.m3u8', 'dash.mpd', 'lldash.mpd'];
const CACHES = { nginx: startEdge, Varnish: startVarnish };

/** @type {Server[]} */
let servers = [];
/** @type {Record<string, { url: string, stop: () => unknown }>} */
const edges = {};

before(async () => {
  servers = await Promise.all([Server.small(), Server.small()]);
  const urls = servers.map(({ url }) => url);
  for (const [name, start] of Object.entries(CACHES)) edges[name] = await start(urls);
});
after(async () => {
  for (const edge of Object.values(edges)) await edge.stop();
  for (const server of servers) await server.stop();
});

/** The report of the checker, and its exit code. @param {string} url @returns {Promise<{ code: unknown, report: string }>} */
function check(url) {
  return new Promise((resolve) => {
    execFile(BINARY, ['check', url, '--duration', `${SECONDS}s`, '--json'], (error, report, errors) => resolve({ code: error?.code ?? 0, report: report + errors }));
  });
}

describe('checks through caches', { concurrency: true }, () => {
  for (const name of Object.keys(CACHES)) {
    for (const file of FILES) {
      test(`${name} breaks no rule of ${file}`, { timeout: 240_000 + 6_000 * SECONDS }, async (t) => {
        const report = await withinTries(t, async () => {
          const { code, report } = await check(`${edges[name].url}/live/test/${file}`);
          assert.equal(code, 0, report);
          return report;
        });
        const { seconds, manifests, requests } = JSON.parse(report);
        t.diagnostic(`${manifests} manifests, ${requests} requests in ${seconds.toFixed(1)} s`);
        assert.ok(manifests <= MOST_MANIFESTS * seconds, `${manifests} manifests in ${seconds} s`);
      });
    }
  }
});
