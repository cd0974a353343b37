// @ts-check
// The examples of tests in examples/ci, run as their heads say, with the packages that they import.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { startEdge } from './players/nginx.mjs';
import { BINARY, Server } from './players/server.mjs';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

const directory = temporaryDirectory('examples');
after(() => remove(directory));
cpSync(path('../examples/ci'), directory, { recursive: true });
mkdirSync(join(directory, 'node_modules'));
symlinkSync(path('../packages/node'), join(directory, 'node_modules/barstone'));
symlinkSync(path('players/node_modules/playwright-core'), join(directory, 'node_modules/playwright-core'));

const server = await Server.small();
after(() => server.stop());
const edge = await startEdge([server.url]);
after(() => edge.stop());
/** For the soak of a CDN. The options leave out what a busy machine breaks. */
const SOAK = {
  MANIFESTS: `${edge.url}/live/test/hls.m3u8 ${edge.url}/live/test/dash.mpd`,
  CLIENTS: '5',
  DURATION: '8s',
  LOAD_OPTIONS: '--max-stalls 1000',
  CHECK_OPTIONS: '--skip D8,H10,H11,T8',
};

for (const name of readdirSync(directory).filter((file) => file.endsWith('.test.mjs'))) {
  test(`examples/ci/${name} passes`, { timeout: 120_000 }, (t) => {
    // The variable tells a nested test runner to write for its parent.
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const env = { ...inherited, ...SOAK, BARSTONE_BIN: BINARY };
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', name], { cwd: directory, encoding: 'utf8', env });
    t.diagnostic(stdout);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^ℹ pass [1-9]\d*$/m);
  });
}
