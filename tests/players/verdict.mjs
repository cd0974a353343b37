// @ts-check
// Requirements on the report of a player, as pure functions.

import assert from 'node:assert/strict';

/** @typedef {import('./play.mjs').Report} Report */
/** @typedef {import('./stage/measure.js').Sample} Sample */

/** A picture is visible for 40 ms and may be sampled at its end. */
const PROGRAM_TIME_TOLERANCE_MS = 100;
/** Maximum deviation over a whole play, on an idle machine. */
const REAL_TIME_TOLERANCE_MS = 300;
/** A busy machine may delay a play for as long as programs waited for a processor, up to this limit. */
const MOST_HELD_UP_MS = 5000;
/** Number of pictures at the beginning and at the end that are compared. Single pictures may be late. */
const COMPARED = 5;
/** Milliseconds in which a player settles at the live edge before it plays evenly. */
const SETTLED_AFTER_MS = 2000;

/**
 * Error of hls.js when its check for stalls precedes its seek from 0 to the first fragment of a live stream, which
 * happens on a busy machine.
 */
const GOES_TO_ITS_START = /^bufferSeekOverHole .* seeking from 0 to /;
/** Error of hls.js at each event `waiting`, however short the wait is. The length of waits is measured for all players. */
const WAITS = /^bufferStalledError /;

/** Checks that the player reports no error. @param {Report} report */
export function hasNoError({ errors }) {
  const isHarmless = (/** @type {string} */ what) => [GOES_TO_ITS_START, WAITS].some((error) => error.test(what));
  assert.deepEqual(errors.filter(({ fatal, what }) => fatal || !isHarmless(what)), []);
}

/** Checks for no error, no stall, and no unreadable picture. @param {Report} report */
export function playedCleanly(report) {
  const { stallsMs, waitsMs, hiccupsMs } = report;
  hasNoError(report);
  assert.deepEqual(stallsMs, []);
  const heldUpMs = [...waitsMs, ...hiccupsMs].reduce((sum, ms) => sum + ms, 0);
  assert.ok(heldUpMs <= realTimeToleranceMs(report), `waits of ${waitsMs} ms, hiccups of ${hiccupsMs} ms`);
  everyPictureIsRead(report);
}

/** Checks that pictures are readable and continue. @param {Report} report */
export function everyPictureIsRead({ samples }) {
  assert.ok(samples.length > 0, 'no picture');
  assert.deepEqual(samples.filter(({ stripMs }) => stripMs === null), [], 'pictures that cannot be read');
  const backwards = samples.filter(({ stripMs }, i) => Number(stripMs) <= Number(samples[i - 1]?.stripMs ?? -1));
  assert.deepEqual(backwards, [], 'pictures that are not later than the one before');
}

/** Checks that pictures advance with media time, and with wall time as far as the machine allows. @param {Report} report */
export function advancesInRealTime(report) {
  const settled = report.samples.filter(({ wallMs }) => wallMs - report.samples[0].wallMs >= SETTLED_AFTER_MS);
  assert.ok(settled.length >= 2 * COMPARED, 'too few pictures');
  const [begin, end] = [settled.slice(0, COMPARED), settled.slice(-COMPARED)];
  const gain = (/** @type {(sample: Sample) => number} */ lag) => median(begin.map(lag)) - median(end.map(lag));
  within(gain(({ mediaMs, stripMs }) => mediaMs - Number(stripMs)), PROGRAM_TIME_TOLERANCE_MS, 'media time');
  within(gain(({ wallMs, stripMs }) => wallMs - Number(stripMs)), realTimeToleranceMs(report), 'wall time');
}

/** Checks that the player knows the UTC of every picture. @param {Report} report */
export function agreesWithProgramTime({ samples }) {
  for (const { stripMs, programMs } of samples) {
    assert.ok(programMs !== null, 'the player knows no time');
    within(Number(stripMs) - programMs, PROGRAM_TIME_TOLERANCE_MS, 'the time that the player knows');
  }
}

/** Median latency in ms from the clock in the picture to UTC. @param {Report} report @returns {number} */
export function latencyMs({ samples }) {
  return median(samples.map(({ wallMs, stripMs }) => wallMs - Number(stripMs)));
}

/** @param {Report} report @returns {string} a line for the log of the test */
export function figures(report) {
  const { startupMs, playedMs, stallsMs, waitsMs, hiccupsMs, samples, frames, droppedFrames, waitedMs } = report;
  return [
    `start ${Math.round(startupMs ?? NaN)} ms`,
    `played ${(playedMs / 1000).toFixed(1)} s`,
    `stalls ${JSON.stringify(stallsMs)}`,
    `waits ${JSON.stringify(waitsMs)}`,
    `hiccups ${JSON.stringify(hiccupsMs)}`,
    `latency ${(latencyMs(report) / 1000).toFixed(2)} s`,
    `dropped ${droppedFrames} of ${frames} frames`,
    `${samples.length} pictures read`,
    `waited for a processor ${(waitedMs / 1000).toFixed(1)} s`,
  ].join(', ');
}

/** @param {Report} report */
function realTimeToleranceMs({ waitedMs }) {
  return REAL_TIME_TOLERANCE_MS + Math.min(waitedMs, MOST_HELD_UP_MS);
}

/** @param {number[]} values @returns {number} */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** @param {number} ms @param {number} toleranceMs @param {string} what */
function within(ms, toleranceMs, what) {
  assert.ok(Math.abs(ms) <= toleranceMs, `the strip is ${ms.toFixed(0)} ms off ${what}`);
}
