// @ts-check
// nginx as the second server of a media directory, or before several servers, with nothing outside a directory of its own.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { remove, temporaryDirectory } from './leftovers.mjs';
import { freePort } from './ports.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/nginx';

/**
 * @param {string} server what stands in the server block
 * @param {string} beside what stands beside it
 * @param {string} own for its pid, logs and temporary files
 */
function configuration(server, beside, own) {
  return `
daemon off;
master_process off;
pid ${own}/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${own}/body;
  proxy_temp_path ${own}/proxy;
  fastcgi_temp_path ${own}/fastcgi;
  uwsgi_temp_path ${own}/uwsgi;
  scgi_temp_path ${own}/scgi;
  ${beside}
  server {
    ${server}
  }
}
`;
}

/** @param {string} mediaDirectory is served at the root */
export function startNginx(mediaDirectory) {
  return start((port) => `
    listen 127.0.0.1:${port};
    root ${mediaDirectory};
    add_header Access-Control-Allow-Origin *;
    types {
      application/vnd.apple.mpegurl m3u8;
      application/dash+xml mpd;
      video/mp4 mp4 m4s;
    }
    # The MPD's UTCTiming, which dash.js insists on; whole seconds will do.
    location = /time {
      return 200 $time_iso8601;
    }`);
}

/** @param {string[]} urls of the servers that take turns, request by request */
export function startProxy(urls) {
  const servers = urls.map((url) => `server ${new URL(url).host};`).join(' ');
  return start((port) => `
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://replicas;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }`, `upstream replicas { ${servers} keepalive 32; }`);
}

/**
 * @param {(port: number) => string} server
 * @param {string} [beside]
 */
async function start(server, beside = '') {
  const own = temporaryDirectory('nginx');
  const port = await freePort();
  const file = join(own, 'nginx.conf');
  writeFileSync(file, configuration(server(port), beside, own));
  const nginx = new Process(BINARY, ['-e', 'stderr', '-p', own, '-c', file]);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await nginx.stop();
    remove(own);
  };
  try {
    await nginx.ready('it answers', async () => (await fetch(url)).status > 0);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}
