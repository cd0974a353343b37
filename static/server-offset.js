// @ts-check
// Which measurement of the server's clock to believe. A busy page or a slow network makes the round trip longer, and with it the error.

/**
 * The server's clock minus the page's. The server read its clock at some moment of the round trip, so the middle of the round trip is
 * wrong by half of it at most.
 * @typedef {object} Measurement
 * @property {number} offsetMs
 * @property {number} errorMs at most
 * @property {number} at the page's clock in milliseconds
 */

/** Milliseconds by which two clocks part in a millisecond, at most: quartz clocks differ by much less. */
const DRIFT = 1e-4;

/**
 * @param {number} askedAt the page's clock when the request was sent
 * @param {number} serverAt the server's clock in its answer
 * @param {number} answeredAt the page's clock when the answer was there
 * @returns {Measurement}
 */
export function measured(askedAt, serverAt, answeredAt) {
  return { offsetMs: serverAt - (askedAt + answeredAt) / 2, errorMs: (answeredAt - askedAt) / 2, at: answeredAt };
}

/**
 * @param {Measurement | null} known
 * @param {Measurement} fresh
 * @returns {Measurement} the more exact one; the fresh one too if both cannot be true, because somebody has set a clock
 */
export function better(known, fresh) {
  if (known === null) return fresh;
  const errorMs = known.errorMs + (fresh.at - known.at) * DRIFT;
  const isSet = Math.abs(fresh.offsetMs - known.offsetMs) > errorMs + fresh.errorMs;
  return isSet || fresh.errorMs <= errorMs ? fresh : known;
}
