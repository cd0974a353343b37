// @ts-check
// A child process: it waits for lines of its output and ends it within a deadline.

import { spawn } from 'node:child_process';

import { until } from './deadline.mjs';
import { own } from './leftovers.mjs';

const STARTS_WITHIN_S = 60;
const ENDS_WITHIN_MS = 15_000;

export class Process {
  /** Standard error so far. */
  log = '';
  #child;
  #ended;

  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @param {NodeJS.ProcessEnv} [env]
   */
  constructor(program, args, env = process.env) {
    this.#child = own(spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] }));
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', (error) => {
        this.log += error.message;
        resolve(error);
      });
    });
  }

  get pid() {
    return this.#child.pid;
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /**
   * @template T
   * @param {string} what
   * @param {() => T | Promise<T>} ask
   * @returns {Promise<T>} the first truthy answer; fails immediately if the program ends before
   */
  async ready(what, ask) {
    const answer = await until(what, STARTS_WITHIN_S, () => this.hasEnded || ask());
    if (answer !== true || !this.hasEnded) return /** @type {T} */ (answer);
    await this.#ended;
    throw new Error(`the program ended before ${what}:\n${this.log}`);
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#child.kill(signal);
  }

  /** Sends SIGTERM, and kills the program if it does not end. */
  async stop() {
    if (this.hasEnded) return;
    this.#child.kill('SIGTERM');
    const tooLate = setTimeout(() => this.#child.kill('SIGKILL'), ENDS_WITHIN_MS);
    await this.#ended;
    clearTimeout(tooLate);
  }

  /** Kills the program, like a power failure. */
  async kill9() {
    if (this.hasEnded) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
