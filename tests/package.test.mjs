// @ts-check
// The files of a release. Of the Debian package: contents, dependencies, unit. `make package` installs it in fresh roots.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { remove, temporaryDirectory } from './players/leftovers.mjs';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const BINARY = process.env.BARSTONE_BIN ?? path('../target/debug/barstone');
const UNIT = path('../packages/debian/barstone.service');
const CONFIGURATION = '/etc/barstone/barstone.toml';
/** Exposure according to systemd, from 0 to 100. */
const MOST_EXPOSURE = 20;

/** @param {string} program @param {string[]} args @returns {string} standard output */
function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, COMPRESSION: '0', XZ_OPT: '-0' } });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const directory = temporaryDirectory('debian');
after(() => remove(directory));
const [deb, bill, archive] = run(path('../packages/release.sh'), BINARY, directory).trim().split('\n');
const root = join(directory, 'root');
run('dpkg-deb', '--raw-extract', deb, root);

/** @param {string} name @returns {string} a field of the package */
const field = (name) => run('dpkg-deb', '--field', deb, name).trim();

test('the package has the program, its unit, man page, completions and configuration, of root', () => {
  const lines = run('dpkg-deb', '--contents', deb).trim().split('\n').map((line) => line.split(/\s+/));
  const files = new Map(lines.map(([mode, owner, , , , name]) => [name.slice(1), { mode, owner }]));
  for (const name of [
    '/usr/bin/barstone', '/usr/lib/systemd/system/barstone.service', CONFIGURATION, '/usr/share/man/man1/barstone.1.gz',
    '/usr/share/bash-completion/completions/barstone', '/usr/share/zsh/vendor-completions/_barstone',
    '/usr/share/fish/vendor_completions.d/barstone.fish', '/usr/share/doc/barstone/copyright', '/usr/share/doc/barstone/changelog.gz',
  ]) {
    assert.ok(files.has(name), name);
    assert.ok(statSync(join(root, name)).size > 0, `${name} is not empty`);
  }
  for (const [name, { mode, owner }] of files) {
    assert.equal(owner, 'root/root', name);
    assert.equal(mode[5] + mode[8], '--', `${name} can be written by root only`);
  }
  assert.equal(readFileSync(join(root, 'DEBIAN/conffiles'), 'utf8').trim(), CONFIGURATION);
  run('sh', '-c', `cd ${root} && md5sum --check --quiet DEBIAN/md5sums`);
});

test('it has the version of the program, and depends on its libraries and plugins', () => {
  assert.equal(`barstone ${field('Version')}`, `${run(BINARY, '--version').trim()}-1`);
  const needed = field('Depends').split(', ').map((one) => one.split(' ')[0]);
  const plugins = readFileSync(path('../docker/packages.run'), 'utf8').trim().split('\n');
  assert.deepEqual([...plugins, 'libc6', 'libgstreamer1.0-0'].filter((name) => !needed.includes(name)), []);
  assert.match(run('apt-get', 'install', '--simulate', '--no-install-recommends', deb), /^Inst barstone /m);
});

test('its configuration stores streams and no media', () => {
  const binary = join(root, 'usr/bin/barstone');
  const shown = run(binary, 'config', 'show', '--config', join(root, CONFIGURATION));
  assert.match(shown, /^state_dir = "\/var\/lib\/barstone"$/m);
  assert.match(shown, /^media_dir = "none"$/m);
});

test('its unit is valid and has few rights', () => {
  const exposure = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSURE}`, UNIT];
  assert.match(run('systemd-analyze', ...exposure), /Overall exposure level .*: \d\.\d/);
  const unit = readFileSync(UNIT, 'utf8');
  const [, program, configuration] = /^ExecStart=(\S+) serve --config (\S+)$/m.exec(unit) ?? [];
  assert.deepEqual([program, configuration], ['/usr/bin/barstone', CONFIGURATION]);
  assert.match(unit, /^StateDirectory=barstone$/m);
});

test('its scripts are valid, and delete state only when it is purged', () => {
  for (const name of ['postinst', 'prerm', 'postrm']) {
    const script = join(root, 'DEBIAN', name);
    run('sh', '-n', script);
    assert.equal(statSync(script).mode & 0o777, 0o755);
    const [before, ...purge] = readFileSync(script, 'utf8').split(/^purge\)$/m);
    assert.doesNotMatch(before, /\brm\b/);
    assert.equal(purge.length, name === 'postrm' ? 1 : 0);
  }
});

test('the archive has the program, and the bill of materials its crates and players', () => {
  const [name] = basename(archive).split('.tar.xz');
  assert.match(name, /^barstone-\d+\.\d+\.\d+-linux-\w+$/);
  run('tar', '--extract', '--file', archive, '--directory', directory);
  assert.match(run(join(directory, name, 'bin/barstone'), '--version'), /^barstone \d/);
  for (const file of ['share/man/man1/barstone.1.gz', 'share/bash-completion/completions/barstone', 'barstone.toml', 'packages.run', 'LICENSE-MIT']) {
    assert.ok(statSync(join(directory, name, file)).size > 0, file);
  }
  const { metadata, components } = JSON.parse(readFileSync(bill, 'utf8'));
  assert.deepEqual(metadata.component, { type: 'application', name: 'barstone' });
  const names = components.map((/** @type {any} */ { name: component }) => component);
  assert.deepEqual(['axum', 'gstreamer', 'hls.js', 'shaka-player'].filter((component) => !names.includes(component)), []);
});
