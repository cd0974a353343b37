// @ts-check
// What docker/install-packages.sh prints on systems without apt-get. Each system is a directory of commands.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { remove, temporaryDirectory } from './players/leftovers.mjs';

const SCRIPT = fileURLToPath(new URL('../docker/install-packages.sh', import.meta.url));
/** Commands of every system that the script uses. */
const COMMON = ['awk', 'dirname', 'grep', 'sh'];

/**
 * @param {string} kernel what `uname -s` prints
 * @param {Record<string, string>} commands scripts of the package manager
 * @param {string[]} lists
 */
function run(kernel, commands, ...lists) {
  const directory = temporaryDirectory('system');
  after(() => remove(directory));
  for (const name of COMMON) {
    symlinkSync(spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim(), join(directory, name));
  }
  for (const [name, script] of Object.entries({ uname: `echo ${kernel}`, ...commands })) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const { status, stderr } = spawnSync('/bin/sh', [SCRIPT, ...lists], { encoding: 'utf8', env: { PATH: directory } });
  return { status, stderr };
}

test('Fedora gets the names of the packages that are missing', () => {
  const { status, stderr } = run('Linux', { dnf: '', rpm: '[ "$3" = gcc ]' }, 'build', 'run');
  assert.equal(status, 1);
  assert.match(stderr, /sudo dnf install make pkgconf-pkg-config gstreamer1-devel .*gstreamer1-plugins-ugly\n/);
  assert.match(stderr, /RPM Fusion/);
});

test('Arch gets each name once', () => {
  const { status, stderr } = run('Linux', { pacman: 'exit 1' }, 'build', 'run');
  assert.equal(status, 1);
  assert.match(stderr, /sudo pacman -S --needed base-devel pkgconf gstreamer gst-plugins-base glib-networking gst-plugins-good gst-plugins-bad gst-plugins-ugly\n/);
});

test('macOS gets the formulas of Homebrew', () => {
  const { status, stderr } = run('Darwin', { brew: 'exit 1' }, 'build', 'run');
  assert.equal(status, 1);
  assert.match(stderr, /brew install pkgconf gstreamer glib-networking\n/);
});

test('a system that has every package passes in silence', () => {
  assert.deepEqual(run('Linux', { pacman: '' }, 'build', 'run'), { status: 0, stderr: '' });
});

test('a package without a name on the system is named as in Debian', () => {
  const { status, stderr } = run('Darwin', { brew: '' }, 'test');
  assert.equal(status, 1);
  assert.match(stderr, /what Debian calls chromium curl /);
});

test('a system without a known package manager gets the names of Debian and goes on', () => {
  const { status, stderr } = run('Linux', {}, 'run');
  assert.equal(status, 0);
  assert.match(stderr, /gstreamer1\.0-plugins-ugly/);
});

test('Windows gets Docker and WSL', () => {
  const { status, stderr } = run('MINGW64_NT-10.0', {}, 'build', 'run');
  assert.equal(status, 1);
  assert.match(stderr, /Docker .* WSL 2/);
});

test('each package that a build or a run needs has a name on every system', () => {
  const read = (/** @type {string} */ name) => readFileSync(new URL(`../docker/packages.${name}`, import.meta.url), 'utf8').trim().split('\n');
  const named = read('names').filter((line) => !line.startsWith('#')).map((line) => line.split(' | '));
  for (const columns of named) assert.equal(columns.length, 4, columns.join(' | '));
  assert.deepEqual([...read('build'), ...read('run')].sort(), named.map(([debian]) => debian).sort());
});
