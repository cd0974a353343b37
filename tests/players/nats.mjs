// @ts-check
// A NATS server as the store that replicas share. It writes only to a directory of its own.

import { HERE } from './host.mjs';
import { remove, temporaryDirectory } from './leftovers.mjs';
import { Process } from './process.mjs';

const BINARY = '/usr/sbin/nats-server';

/** @param {import('./host.mjs').Host} [host] */
export async function startNats(host = HERE) {
  const own = temporaryDirectory('nats');
  const port = await host.port();
  const nats = new Process(...host.command(BINARY, ['-js', '-a', host.address, '-p', String(port), '-sd', own]));
  const stop = async () => {
    await nats.stop();
    remove(own);
  };
  try {
    await nats.ready('it takes connections', () => nats.log.includes('Server is ready'));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `nats://${host.address}:${port}`, stop };
}
