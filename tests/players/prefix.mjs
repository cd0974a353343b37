// @ts-check
// A reverse proxy that serves a server below a path prefix, like nginx with `location /x/ { proxy_pass http://…/; }`.

import { createServer, request } from 'node:http';

/** @param {string} upstream URL of the server, without a slash at the end @param {string} prefix like `/x/` */
export async function startPrefixProxy(upstream, prefix) {
  /** Requested paths that are not below the prefix. @type {string[]} */
  const outside = [];
  const proxy = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    if (!url.startsWith(prefix)) {
      outside.push(url);
      outgoing.writeHead(404).end();
      return;
    }
    const { host } = new URL(upstream);
    const target = `${upstream}/${url.slice(prefix.length)}`;
    const onward = request(target, { method, headers: { ...headers, host } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(null)));
  const address = proxy.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    outside,
    url: `http://127.0.0.1:${port}${prefix}`,
    close: () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}
