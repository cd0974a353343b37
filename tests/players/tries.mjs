// @ts-check
// Judgements that a busy machine spoils now and then.

/**
 * The result of the first try that does not throw. A program that waits for a processor spoils single tries; a fault of the
 * server or of the page spoils each. The errors of the tries before it are diagnostics of the test.
 * @template T
 * @param {import('node:test').TestContext} t
 * @param {() => Promise<T>} once
 * @param {number} [most] number of tries
 * @returns {Promise<T>}
 */
export async function withinTries(t, once, most = 3) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await once();
    } catch (error) {
      if (tries === most) throw error;
      t.diagnostic(`try ${tries} of ${most}: ${error}`);
    }
  }
}
