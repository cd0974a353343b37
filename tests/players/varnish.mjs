// @ts-check
// Varnish with the shipped configuration, as the cache in front of several servers. It writes only to a directory of
// its own.

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { remove, temporaryDirectory } from './leftovers.mjs';
import { freePort } from './ports.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/varnishd';
const SHIPPED = fileURLToPath(new URL('../../docker/varnish/', import.meta.url));

/** @param {string[]} urls of the servers behind the cache */
export async function startVarnish(urls) {
  const own = temporaryDirectory('varnish');
  cpSync(SHIPPED, own, { recursive: true });
  writeFileSync(join(own, 'origins.vcl'), origins(urls));
  const port = await freePort();
  const varnish = new Process(BINARY, [
    ...['-F', '-j', 'none', '-n', join(own, 'run'), '-a', `127.0.0.1:${port}`, '-s', 'malloc,128m'],
    ...['-p', `vcl_path=${own}`, '-f', join(own, 'edge.vcl')],
  ]);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await varnish.stop();
    remove(own);
  };
  try {
    await varnish.ready('it answers', async () => (await fetch(`${url}/edge/livez`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, pid: Number(varnish.pid) };
}

/** @param {string[]} urls */
function origins(urls) {
  const backends = urls.map((url, at) => {
    const { hostname, port } = new URL(url);
    return `backend replica_${at} { .host = "${hostname}"; .port = "${port}"; .probe = ready; }`;
  });
  const added = urls.map((_, at) => `origins.add_backend(replica_${at});`);
  return [...backends, 'sub vcl_init {', ...added, '}', ''].join('\n');
}
