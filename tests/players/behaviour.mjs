// @ts-check
// What a player did when it met a fault, in words.

/** @typedef {import('./play.mjs').Report} Report */
/** @typedef {import('./answers.mjs').Answer} Answer */

/** @typedef {{ condition: string, player: string, file: string, did: string }} Outcome */

/** File in which the test of faults writes what each player did. */
export const OUTCOMES = new URL('out/faults.json', import.meta.url);

/** Pictures that are further apart than the time between them by more than this are a skip. */
const SKIP_MS = 400;

/** Whether the player has ended the playback because of an error. @param {Report} report */
export const hasStopped = ({ errors }) => errors.some(({ fatal }) => fatal);

/** Whether pictures move. @param {Report} report */
export const moves = ({ startupMs, stands }) => startupMs !== null && !stands;

/** @param {Report} report @param {readonly Answer[]} faulty answers that the fault changed @returns {string} */
export function behaviour(report, faulty) {
  const { errors, samples, startupMs, stallsMs, soundLateMs } = report;
  const fatal = errors.find((error) => error.fatal);
  const others = new Set(errors.filter((error) => !error.fatal).map(({ what }) => name(what)));
  const tries = Math.max(0, ...counts(faulty.map(({ url }) => url)));
  const skippedMs = skips(samples);
  const stalledMs = stallsMs.reduce((sum, ms) => sum + ms, 0);
  const words = [
    fatal ? `stops: ${name(fatal.what)}` : startupMs === null ? 'does not start' : moves(report) ? 'plays on' : 'stands still',
    tries > 1 ? `requests the segment ${tries} times` : '',
    skippedMs > 0 ? `skips ${seconds(skippedMs)}` : '',
    stalledMs > 0 ? `stalls ${seconds(stalledMs)}` : '',
    soundLateMs === null ? '' : `sound ${Math.round(soundLateMs)} ms late`,
    others.size > 0 ? `reports ${[...others].sort().join(', ')}` : '',
  ];
  return words.filter(Boolean).join('; ');
}

/** Time that was left out between pictures. @param {Report['samples']} samples @returns {number} milliseconds */
function skips(samples) {
  const steps = samples.slice(1).map((sample, i) => {
    const before = samples[i];
    return Number(sample.stripMs) - Number(before.stripMs) - (sample.wallMs - before.wallMs);
  });
  return steps.filter((step) => step > SKIP_MS).reduce((sum, step) => sum + step, 0);
}

/** @param {readonly string[]} values @returns {number[]} how often each occurs */
function counts(values) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return [...found.values()];
}

/** Name or code of an error. @param {string} what */
const name = (what) => what.split(' ')[0];

/** @param {number} ms */
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
