// @ts-check
// Runs the tests of the package for Python with pytest, with the package installed as its users install it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { remove, temporaryDirectory } from './players/leftovers.mjs';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
/** A virtual environment with pytest and the package's build system. */
const PYTHON = path('schemathesis/venv/bin/python');
const BINARY = process.env.BARSTONE_BIN ?? path('../target/debug/barstone');

test('pytest finds the fixture in the installed package, and its tests pass', { timeout: 120_000 }, (t) => {
  const directory = temporaryDirectory('python');
  after(() => remove(directory));
  // The tests run beside a copy, so that nothing but the installed package can be imported.
  const source = join(directory, 'source');
  cpSync(path('../packages/python'), source, { recursive: true });
  const target = join(directory, 'installed');
  const pip = spawnSync(PYTHON, [
    ...['-m', 'pip', '--quiet', '--disable-pip-version-check', 'install'],
    ...['--no-index', '--no-build-isolation', '--no-deps', '--target', target, source],
  ], { encoding: 'utf8' });
  assert.equal(pip.status, 0, pip.stderr);
  const env = { ...process.env, PYTHONPATH: target, PYTHONDONTWRITEBYTECODE: '1', BARSTONE_BIN: BINARY };
  const pytest = spawnSync(PYTHON, ['-m', 'pytest', '-p', 'no:cacheprovider', '--durations=3', join(source, 'tests')], { encoding: 'utf8', env });
  t.diagnostic(pytest.stdout);
  assert.equal(pytest.status, 0, pytest.stdout + pytest.stderr);
});
