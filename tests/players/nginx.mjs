// @ts-check
// nginx with the configuration that is shipped: as the second server of a media directory, as the cache before several
// servers, or as one that streams are pushed to; and as a plain reverse proxy. It writes nothing outside a directory of
// its own.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { HERE } from './host.mjs';
import { remove, temporaryDirectory } from './leftovers.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/nginx';
const SHIPPED = new URL('../../docker/nginx/', import.meta.url);
const OWN = new URL('.', import.meta.url);
const LISTEN = 'listen 8080 ';

/** @param {string} mediaDirectory is served at the root */
export function startVolume(mediaDirectory) {
  return start('volume.conf', [['root /media;', `root ${mediaDirectory};`]]);
}

/** @param {string[]} urls of the servers behind the cache */
export function startEdge(urls) {
  return start('edge.conf', [], { beside: origins(urls) });
}

/**
 * @param {string[]} urls of the servers behind a cache that writes each request down
 * @param {import('./host.mjs').Host} [host]
 */
export function startLoggedEdge(urls, host = HERE) {
  const format = '$status $upstream_cache_status $uri $msec $request_time $upstream_addr $upstream_response_time';
  const log = `log_format requests '${format}'; access_log requests.log requests;`;
  return start('edge.conf', [['access_log off;', log]], { beside: origins(urls), host });
}

/** @param {string[]} urls of the servers that take turns, request by request, because nothing is kept */
export function startProxy(urls) {
  return start('edge.conf', [['proxy_cache_lock on;', 'proxy_no_cache 1; proxy_cache_bypass 1;']], { beside: origins(urls) });
}

/** A reverse proxy that says nothing of its clients, with the same below `/tv/`. @param {string} url of the server behind it */
export function startPlain(url) {
  const { host } = new URL(url);
  const places = ['location / { proxy_pass http://', 'location /tv/ { proxy_pass http://'];
  return start('plain.conf', places.map((place) => [`${place}127.0.0.1:1`, place + host]), { of: OWN });
}

/** What it makes of streams it keeps in a directory of its own; `rtmp` is where they are pushed to. */
export async function startRtmp() {
  const media = temporaryDirectory('rtmp');
  const port = await HERE.port();
  const nginx = await start('rtmp.conf', [
    ['listen 1935;', `listen 127.0.0.1:${port};`],
    ['hls_path /media/hls;', `hls_path ${media}/hls;`],
    ['dash_path /media/dash;', `dash_path ${media}/dash;`],
    ['root /media;', `root ${media};`],
  ]);
  const stop = async () => {
    await nginx.stop();
    remove(media);
  };
  return { ...nginx, rtmp: `rtmp://127.0.0.1:${port}/live`, stop };
}

/** @param {string[]} urls */
function origins(urls) {
  const hosts = urls.map((url) => new URL(url).host);
  const first = hosts.map((host) => `server ${host} max_fails=1 fail_timeout=5s;`);
  return [...first, ...hosts.map((host) => `server ${host} max_fails=0 backup;`)].join('\n');
}

/**
 * @param {string} name of the file
 * @param {[string, string][]} changes what stands there, and what is to
 * @param {{ of?: URL, beside?: string, host?: import('./host.mjs').Host }} more directory of the file, and what
 *   `origins.conf` says
 */
async function start(name, changes, { of = SHIPPED, beside = '', host = HERE } = {}) {
  const own = temporaryDirectory('nginx');
  const port = await host.port();
  let text = readFileSync(new URL(name, of), 'utf8');
  for (const [from, to] of [...changes, [LISTEN, `listen ${host.address}:${port} `]]) {
    assert.equal(text.split(from).length, 2, `${from} stands once in ${name}`);
    text = text.replace(from, to);
  }
  const file = join(own, name);
  writeFileSync(file, text);
  writeFileSync(join(own, 'origins.conf'), beside);
  // One process, which is ended as one.
  const args = ['-e', 'stderr', '-p', own, '-c', file, '-g', 'daemon off; master_process off;'];
  const run = () => new Process(...host.command(BINARY, args));
  let nginx = run();
  const url = `http://${host.address}:${port}`;
  const ready = () => nginx.ready('it answers', async () => (await fetch(`${url}/edge/livez`)).ok);
  const stop = async () => {
    await nginx.stop();
    remove(own);
  };
  const kill9 = () => nginx.kill9();
  /** @param {'SIGSTOP' | 'SIGCONT'} name */
  const signal = (name) => process.kill(Number(nginx.pid), name);
  /** After `kill9`, where it was. */
  const restart = async () => {
    nginx = run();
    await ready();
  };
  try {
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, kill9, restart, signal, pid: Number(nginx.pid), requests: join(own, 'requests.log') };
}
