// @ts-check
// A program under test as a child process: waits for what it says, ends it within a deadline.

import { spawn } from 'node:child_process';

import { until } from './deadline.mjs';
import { own } from './leftovers.mjs';

const STARTS_WITHIN_S = 20;
const ENDS_WITHIN_MS = 15_000;

export class Process {
  /** What it has written to standard error. */
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
   * @returns {Promise<T>} the first answer that is true; fails at once if the program ends before
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

  /** Asks it to end, and makes it end if it does not. */
  async stop() {
    if (this.hasEnded) return;
    this.#child.kill('SIGTERM');
    const tooLate = setTimeout(() => this.#child.kill('SIGKILL'), ENDS_WITHIN_MS);
    await this.#ended;
    clearTimeout(tooLate);
  }

  /** Ends it as a power cut would. */
  async kill9() {
    if (this.hasEnded) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
