// @ts-check
// Where a program of a test runs: on this machine, or in a network namespace as on a machine of its own.

import { freePort } from './ports.mjs';

/** Whoever has the address to himself can take the same port every time. */
const PORT = 8080;

export class Host {
  /** That programs there listen on. */
  address;
  /** @type {string | null} */
  #namespace;

  /** @param {string} address @param {string | null} namespace */
  constructor(address, namespace) {
    this.address = address;
    this.#namespace = namespace;
  }

  /** @returns {Promise<number>} one that nobody listens on */
  async port() {
    return this.#namespace === null ? freePort() : PORT;
  }

  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @returns {[program: string, args: string[]]} what runs it there
   */
  command(program, args) {
    if (this.#namespace === null) return [program, [...args]];
    return ['ip', ['netns', 'exec', this.#namespace, program, ...args]];
  }
}

export const HERE = new Host('127.0.0.1', null);
