// A soak of a CDN: many clients play through the CDN, while the checker watches the same manifests. To run this file:
//   MANIFESTS='https://cdn.example/live/test/llhls.m3u8 https://cdn.example/live/test/lldash.mpd' node --test examples/ci/cdn.test.mjs
// CLIENTS is the number of clients for each manifest, DURATION the length of the soak, BARSTONE_BIN the path of barstone.
// CHECK_OPTIONS and LOAD_OPTIONS are further options of `barstone check` and `barstone load`. For a CDN on another machine,
// `barstone load` limits its requests, unless LOAD_OPTIONS contains --unlimited.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';

const { MANIFESTS = 'http://localhost:8080/live/test/llhls.m3u8', CLIENTS = '20', DURATION = '60s', BARSTONE_BIN = 'barstone' } = process.env;
const CHECK_OPTIONS = words(process.env.CHECK_OPTIONS);
const LOAD_OPTIONS = words(process.env.LOAD_OPTIONS);

function words(text = '') {
  return text.split(' ').filter((word) => word !== '');
}

/** Runs a command of barstone, and fails with its report if the exit code is not 0. */
function barstone(...args) {
  return new Promise((resolve, reject) => {
    execFile(BARSTONE_BIN, [...args, '--duration', DURATION], (error, report, errors) => {
      if (error) reject(new Error(`barstone ${args.join(' ')}\n${report}${errors}`));
      else resolve(report);
    });
  });
}

describe('a soak', { concurrency: true }, () => {
  for (const manifest of words(MANIFESTS)) {
    test(`${CLIENTS} clients play ${manifest} without errors and stalls`, async (t) => {
      const report = await barstone('load', manifest, '--clients', CLIENTS, '--json', ...LOAD_OPTIONS);
      const { total } = JSON.parse(report);
      assert.equal(total.clients, Number(CLIENTS));
      t.diagnostic(`${total.requests} requests, ${total.bytes} bytes; milliseconds of latency: ${JSON.stringify(total.latency_ms)}`);
    });
    test(`${manifest} breaks no rule`, () => barstone('check', manifest, ...CHECK_OPTIONS));
  }
});
