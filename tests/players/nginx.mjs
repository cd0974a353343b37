// @ts-check
// nginx with the configuration that is shipped: as the second server of a media directory, or as the cache before several
// servers. It writes nothing outside a directory of its own.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { remove, temporaryDirectory } from './leftovers.mjs';
import { freePort } from './ports.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/nginx';
const SHIPPED = new URL('../../docker/nginx/', import.meta.url);
const LISTEN = 'listen 8080 ';

/** @param {string} mediaDirectory is served at the root */
export function startVolume(mediaDirectory) {
  return start('volume.conf', [['root /media;', `root ${mediaDirectory};`]]);
}

/** @param {string[]} urls of the servers behind the cache */
export function startEdge(urls) {
  return start('edge.conf', [], origins(urls));
}

/** @param {string[]} urls of the servers that take turns, request by request, because nothing is kept */
export function startProxy(urls) {
  return start('edge.conf', [['proxy_cache_lock on;', 'proxy_no_cache 1; proxy_cache_bypass 1;']], origins(urls));
}

/** @param {string[]} urls */
function origins(urls) {
  return urls.map((url) => `server ${new URL(url).host} max_fails=3 fail_timeout=2s;`).join('\n');
}

/**
 * @param {string} name of the file
 * @param {[string, string][]} changes what stands there, and what is to
 * @param {string} [beside] what `origins.conf` says
 */
async function start(name, changes, beside = '') {
  const own = temporaryDirectory('nginx');
  const port = await freePort();
  let text = readFileSync(new URL(name, SHIPPED), 'utf8');
  for (const [from, to] of [...changes, [LISTEN, `listen 127.0.0.1:${port} `]]) {
    assert.equal(text.split(from).length, 2, `${from} stands once in ${name}`);
    text = text.replace(from, to);
  }
  const file = join(own, name);
  writeFileSync(file, text);
  writeFileSync(join(own, 'origins.conf'), beside);
  // One process, which is ended as one.
  const nginx = new Process(BINARY, ['-e', 'stderr', '-p', own, '-c', file, '-g', 'daemon off; master_process off;']);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await nginx.stop();
    remove(own);
  };
  try {
    await nginx.ready('it answers', async () => (await fetch(`${url}/edge/livez`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}
