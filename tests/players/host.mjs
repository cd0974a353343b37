// @ts-check
// The place where a program of a test runs: this machine, or a network namespace that stands for another machine.

import { freePort } from './ports.mjs';

/** A namespace has its own addresses, so programs in it can always use the same port. */
const PORT = 8080;

export class Host {
  /** Address that programs in the namespace listen on. */
  address;
  /** @type {string | null} */
  #namespace;

  /** @param {string} address @param {string | null} namespace */
  constructor(address, namespace) {
    this.address = address;
    this.#namespace = namespace;
  }

  /** @returns {Promise<number>} a free port */
  async port() {
    return this.#namespace === null ? freePort() : PORT;
  }

  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @returns {[program: string, args: string[]]} the command that runs the program there
   */
  command(program, args) {
    if (this.#namespace === null) return [program, [...args]];
    return ['ip', ['netns', 'exec', this.#namespace, program, ...args]];
  }
}

export const HERE = new Host('127.0.0.1', null);
