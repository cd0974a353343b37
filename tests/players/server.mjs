// @ts-check
// The server under test: the real binary on a free port, with a media directory of its own.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HERE } from './host.mjs';
import { remove, temporaryDirectory } from './leftovers.mjs';
import { Process } from './process.mjs';

export const BINARY = process.env.BARSTONE_BIN ?? fileURLToPath(new URL('../../target/debug/barstone', import.meta.url));

/** Video that is cheap to encode and to play. */
export const SMALL_VIDEO = [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }];
const SMALL = `
  [[streams]]
  name = "test"
  video = [{ id = "v", width = 320, height = 180, bitrate = 400000 }]`;

export class Server {
  mediaDirectory = temporaryDirectory('media');
  /** Directory in which the server publishes its API token. */
  #runtimeDirectory = temporaryDirectory('runtime');
  /** URL of the server, without a slash at the end. */
  url = '';
  /** @type {string[]} */
  #more;
  #host;
  #process;

  /** @param {string[]} more arguments @param {import('./host.mjs').Host} host @param {number} port 0 for any */
  constructor(more, host, port) {
    this.#more = more;
    this.#host = host;
    this.#process = this.#begin(`${host.address}:${port}`);
  }

  /**
   * @param {string[]} more arguments
   * @returns {Promise<Server>} a listening server whose streams are playable
   */
  static start(...more) {
    return Server.#started(new Server(more, HERE, 0));
  }

  /**
   * For tests that do not depend on the size of the picture: the video of the stream `test` is `SMALL_VIDEO`.
   * @param {string[]} more arguments
   * @returns {Promise<Server>} a listening server whose stream is playable
   */
  static async small(...more) {
    const config = join(temporaryDirectory('config'), 'barstone.toml');
    writeFileSync(config, SMALL);
    return Server.start('--config', config, ...more);
  }

  /**
   * @param {import('./host.mjs').Host} host
   * @param {string[]} more arguments
   * @returns {Promise<Server>}
   */
  static async startOn(host, ...more) {
    return Server.#started(new Server(more, host, await host.port()));
  }

  /** @param {Server} server @returns {Promise<Server>} */
  static async #started(server) {
    try {
      await server.#ready();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts the server again at the same place, after `kill9`. */
  async restart() {
    this.#process = this.#begin(new URL(this.url).host);
    await this.#ready();
  }

  /** The API token, which every change needs. */
  get token() {
    return readFileSync(join(this.#runtimeDirectory, 'barstone', new URL(this.url).host), 'utf8').trim();
  }

  /** The header with the API token. */
  get authorization() {
    return { Authorization: `Bearer ${this.token}` };
  }

  get pid() {
    return Number(this.#process.pid);
  }

  /** Log since the last start. */
  get log() {
    return this.#process.log;
  }

  async kill9() {
    await this.#process.kill9();
  }

  /** Sends SIGTERM; `restart` starts the server again. */
  async end() {
    await this.#process.stop();
  }

  /** Suspends the process. The kernel still accepts its connections, and nobody answers them. */
  freeze() {
    this.#process.signal('SIGSTOP');
  }

  thaw() {
    this.#process.signal('SIGCONT');
  }

  async stop() {
    await this.end();
    remove(this.mediaDirectory);
    remove(this.#runtimeDirectory);
  }

  /** @param {string} path @returns {Promise<string>} body of a GET request */
  async text(path) {
    const response = await fetch(this.url + path);
    assert.equal(response.status, 200, path);
    return response.text();
  }

  /**
   * Sends a request to the API, changes with the token.
   * @param {string} method
   * @param {string} path below `/api/v1/streams`
   * @param {unknown} [body]
   * @param {RequestInit} [more] of the request
   */
  async api(method, path = '', body, more = {}) {
    const response = await fetch(`${this.url}/api/v1/streams${path}`, {
      ...more,
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'GET' ? {} : this.authorization),
        ...more.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, answer: text === '' ? null : JSON.parse(text) };
  }

  async #ready() {
    const address = await this.#process.ready('it listens', () => /\baddress=(\S+)/.exec(this.#process.log)?.[1]);
    this.url = `http://${address}`;
    await this.#process.ready('its streams are playable', async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  /** @param {string} listen */
  #begin(listen) {
    const args = ['--listen', listen, '--media-dir', this.mediaDirectory, ...this.#more];
    const environment = { ...withoutSettings(), XDG_RUNTIME_DIR: this.#runtimeDirectory };
    return new Process(...this.#host.command(BINARY, args), environment);
  }
}

/** The environment without settings of the server. */
function withoutSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BARSTONE_')));
}
