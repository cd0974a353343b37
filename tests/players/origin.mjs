// @ts-check
// Serves the test page with the players and the strip reader of the product, on another origin than the server under
// test.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const STAGE = new URL('stage/', import.meta.url);
const STATIC = new URL('../../static/', import.meta.url);
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

export async function startOrigin() {
  const server = createServer(async (request, response) => {
    const file = fileOf(new URL(request.url ?? '/', 'http://stage').pathname);
    try {
      const body = await readFile(file);
      const type = TYPES[extname(file.pathname)] ?? 'application/octet-stream';
      response.writeHead(200, { 'Content-Type': type }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** @param {string} path without `..`, as URL parsers return it */
function fileOf(path) {
  if (path.startsWith('/static/')) return new URL(path.slice('/static/'.length), STATIC);
  return new URL(path === '/' ? 'index.html' : path.slice(1), STAGE);
}
