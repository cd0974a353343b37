// @ts-check
// What most test files play with: one server and one browser, which end with the file.

import { after } from 'node:test';

import { launch } from './browser.mjs';
import { Server } from './server.mjs';

export async function open() {
  const server = await Server.start();
  after(() => server.stop());
  const browser = await launch();
  after(() => browser.close());
  return { server, browser };
}
