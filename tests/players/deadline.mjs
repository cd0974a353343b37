// @ts-check
// Waiting by polling with a deadline, never by sleeping.

import { setTimeout as pause } from 'node:timers/promises';

const ASK_EVERY_MS = 100;

/**
 * @template T
 * @param {string} what for the error
 * @param {number} seconds
 * @param {() => T | Promise<T>} ask an error that it throws means "not yet"
 * @returns {Promise<T>} the first truthy answer
 */
export async function until(what, seconds, ask) {
  const deadline = performance.now() + seconds * 1000;
  /** @type {unknown} */
  let cause;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      cause = answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`, { cause });
    await pause(ASK_EVERY_MS);
  }
}
