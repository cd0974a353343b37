// @ts-check
// The fixture of most test files: one server and one browser, which end with the file.

import { after } from 'node:test';

import { launch } from './browser.mjs';
import { Server } from './server.mjs';

/** @param {() => Promise<Server>} start */
export async function open(start = () => Server.start()) {
  const server = await start();
  after(() => server.stop());
  const browser = await launch();
  after(() => browser.close());
  return { server, browser };
}
