// @ts-check
// nginx with the shipped configurations: as a server of a media directory, as a cache in front of servers, or as a
// receiver of pushes; and as a plain reverse proxy. It writes only to a directory of its own.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { HERE } from './host.mjs';
import { remove, temporaryDirectory } from './leftovers.mjs';
import { freePort } from './ports.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/nginx';
const SHIPPED = new URL('../../docker/nginx/', import.meta.url);
const OWN = new URL('.', import.meta.url);
const LISTEN = 'listen 8080 ';
/** Path of the configuration in the image. */
const INSTALLED = '/etc/barstone/';
/** This file exists on a host with IPv6. */
const IPV6 = '/proc/sys/net/ipv[6]/';

/** @param {string} mediaDirectory directory that is served at the root */
export function startVolume(mediaDirectory) {
  return start('volume.conf', [['root /media;', `root ${mediaDirectory};`]]);
}

/** @param {string[]} urls of the servers behind the cache */
export function startEdge(urls) {
  return start('edge.conf', [], { beside: origins(urls) });
}

/**
 * @param {string[]} urls of the servers behind a cache that logs each request
 * @param {import('./host.mjs').Host} [host]
 */
export function startLoggedEdge(urls, host = HERE) {
  const format = '$status $upstream_cache_status $uri $msec $request_time $upstream_addr $upstream_response_time';
  const log = `log_format requests '${format}'; access_log requests.log requests;`;
  return start('edge.conf', [['access_log off;', log]], { beside: origins(urls), host });
}

/** @param {string[]} urls of the servers that take turns request by request, without a cache */
export function startProxy(urls) {
  return start('edge.conf', [['proxy_cache_lock on;', 'proxy_no_cache 1; proxy_cache_bypass 1;']], { beside: origins(urls) });
}

/** A reverse proxy that forwards no client address, with the same server below `/tv/`. @param {string} url of the server behind it @param {number} [port] */
export function startPlain(url, port) {
  const { host } = new URL(url);
  const places = ['location / { proxy_pass http://', 'location /tv/ { proxy_pass http://'];
  return start('plain.conf', places.map((place) => [`${place}127.0.0.1:1`, place + host]), { of: OWN, port });
}

/**
 * Listens on all addresses of the host. `own` is its directory.
 *
 * @param {'edge.conf' | 'volume.conf' | 'rtmp.conf'} name
 * @param {boolean} ipv6 whether the host appears to have IPv6
 */
export async function startEverywhere(name, ipv6) {
  const own = temporaryDirectory('nginx');
  const [port, rtmp] = [await freePort(), await freePort()];
  const changes = [['8080', `${port}`], ['1935', `${rtmp}`], [INSTALLED, `${own}/`], ['/media', own]];
  for (const file of [name, 'ipv6-http.conf', 'ipv6-rtmp.conf']) {
    let text = readFileSync(new URL(file, SHIPPED), 'utf8');
    for (const [from, to] of ipv6 ? changes : [...changes, [IPV6, '/proc/sys/net/no-ipv[6]/']]) {
      text = text.replaceAll(from, to);
    }
    writeFileSync(join(own, file), text);
  }
  writeFileSync(join(own, 'origins.conf'), 'server 127.0.0.1:9;');
  return { ...await run(own, name, `http://127.0.0.1:${port}`), port, rtmp };
}

/** Writes the streams that it receives to `media`, a directory of its own. `rtmp` is the URL to push to. */
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
  return { ...nginx, rtmp: `rtmp://127.0.0.1:${port}/live`, media, stop };
}

/** @param {string[]} urls */
function origins(urls) {
  const hosts = urls.map((url) => new URL(url).host);
  const first = hosts.map((host) => `server ${host} max_fails=1 fail_timeout=5s;`);
  return [...first, ...hosts.map((host) => `server ${host} max_fails=0 backup;`)].join('\n');
}

/**
 * @param {string} name of the file
 * @param {[string, string][]} changes texts in the file and their replacements
 * @param {{ of?: URL, beside?: string, host?: import('./host.mjs').Host, port?: number }} more directory of the file,
 * text of `origins.conf`, and where nginx listens
 */
async function start(name, changes, { of = SHIPPED, beside = '', host = HERE, port: given } = {}) {
  const own = temporaryDirectory('nginx');
  const port = given ?? (await host.port());
  let text = readFileSync(new URL(name, of), 'utf8');
  for (const [from, to] of [...changes, [LISTEN, `listen ${host.address}:${port} `]]) {
    assert.equal(text.split(from).length, 2, `${from} stands once in ${name}`);
    text = text.replace(from, to);
  }
  text = text.replaceAll(/^ *include .*ipv6-.*\n/gm, '');
  writeFileSync(join(own, name), text);
  writeFileSync(join(own, 'origins.conf'), beside);
  return run(own, name, `http://${host.address}:${port}`, host);
}

/**
 * @param {string} own directory of its files, which is deleted when it stops
 * @param {string} name of the file
 * @param {string} url that it listens on
 * @param {import('./host.mjs').Host} [host]
 */
async function run(own, name, url, host = HERE) {
  // A single process, so that one signal ends it.
  const args = ['-e', 'stderr', '-p', own, '-c', join(own, name), '-g', 'daemon off; master_process off;'];
  const begin = () => new Process(...host.command(BINARY, args));
  let nginx = begin();
  const ready = () => nginx.ready('it answers', async () => (await fetch(`${url}/edge/livez`)).ok);
  const stop = async () => {
    await nginx.stop();
    remove(own);
  };
  const kill9 = () => nginx.kill9();
  /** @param {'SIGSTOP' | 'SIGCONT'} name */
  const signal = (name) => process.kill(Number(nginx.pid), name);
  /** Starts it again at the same place, after `kill9`. */
  const restart = async () => {
    nginx = begin();
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
