// @ts-check
// The server under test: the real binary on a port of its own, with a media directory of its own.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { remove, temporaryDirectory } from './leftovers.mjs';
import { Process } from './process.mjs';

const BINARY = process.env.BARSTONE_BIN ?? fileURLToPath(new URL('../../target/debug/barstone', import.meta.url));

export class Server {
  mediaDirectory = temporaryDirectory('media');
  /** Of the root, without a slash at the end. */
  url = '';
  /** @type {string[]} */
  #more;
  #process;

  /** @param {string[]} more arguments */
  constructor(more) {
    this.#more = more;
    this.#process = new Process(BINARY, this.#args('127.0.0.1:0'), environment());
  }

  /**
   * @param {string[]} more arguments
   * @returns {Promise<Server>} one that listens, and whose streams are playable
   */
  static async start(...more) {
    const server = new Server(more);
    try {
      await server.#ready();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts it again, after `kill9`, where it was. */
  async restart() {
    this.#process = new Process(BINARY, this.#args(new URL(this.url).host), environment());
    await this.#ready();
  }

  async kill9() {
    await this.#process.kill9();
  }

  /** Asks it to end; `restart` starts it again. */
  async end() {
    await this.#process.stop();
  }

  async stop() {
    await this.end();
    remove(this.mediaDirectory);
  }

  /** @param {string} path @returns {Promise<string>} what a GET of it answers */
  async text(path) {
    const response = await fetch(this.url + path);
    assert.equal(response.status, 200, path);
    return response.text();
  }

  /**
   * @param {string} method
   * @param {string} path below `/api/v1/streams`
   * @param {unknown} [body]
   */
  async api(method, path = '', body) {
    const response = await fetch(`${this.url}/api/v1/streams${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
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
  #args(listen) {
    return ['--listen', listen, '--media-dir', this.mediaDirectory, ...this.#more];
  }
}

/** Without settings of whoever runs the tests. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BARSTONE_')));
}
