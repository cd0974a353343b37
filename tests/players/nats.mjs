// @ts-check
// The store that replicas share, with nothing outside a directory of its own.

import { remove, temporaryDirectory } from './leftovers.mjs';
import { connects, freePort } from './ports.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/nats-server';

export async function startNats() {
  const own = temporaryDirectory('nats');
  const port = await freePort();
  const nats = new Process(BINARY, ['-js', '-a', '127.0.0.1', '-p', String(port), '-sd', own]);
  const stop = async () => {
    await nats.stop();
    remove(own);
  };
  try {
    await nats.ready('it takes connections', () => connects(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `nats://127.0.0.1:${port}`, stop };
}
