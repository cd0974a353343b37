// @ts-check
// What a report of a player has to say for the play to count as good; pure.

import assert from 'node:assert/strict';

/** @typedef {import('./play.mjs').Report} Report */
/** @typedef {import('./stage/measure.js').Sample} Sample */

/** A picture is shown for 40 ms, and may be seen at its end. */
const PROGRAM_TIME_TOLERANCE_MS = 100;
/** Over a whole play, on a machine that has nothing else to do. */
const REAL_TIME_TOLERANCE_MS = 300;
/** A machine may hold a play up for as long as programs waited for a processor, but not for longer than this. */
const MOST_HELD_UP_MS = 5000;
/** Pictures at the beginning and the end of a play that are compared; single ones may come late. */
const COMPARED = 5;
/** Players settle at the live edge before they play evenly. */
const SETTLED_AFTER_MS = 2000;

/**
 * How hls.js goes from 0, where a video begins, to the first fragment of a live stream, if its look for stalls comes before its
 * seek, as it may on a busy machine.
 */
const GOES_TO_ITS_START = /^bufferSeekOverHole .* seeking from 0 to /;

/** No error, no stall, and every picture could be read. @param {Report} report */
export function playedCleanly(report) {
  assert.deepEqual(report.errors.filter(({ fatal, what }) => fatal || !GOES_TO_ITS_START.test(what)), []);
  assert.deepEqual(report.stallsMs, []);
  const heldUpMs = report.hiccupsMs.reduce((sum, ms) => sum + ms, 0);
  assert.ok(heldUpMs <= realTimeToleranceMs(report), `hiccups of ${report.hiccupsMs} ms`);
  everyPictureIsRead(report);
}

/** Pictures that can be read, and go on. @param {Report} report */
export function everyPictureIsRead({ samples }) {
  assert.ok(samples.length > 0, 'no picture');
  assert.deepEqual(samples.filter(({ stripMs }) => stripMs === null), [], 'pictures that cannot be read');
  const backwards = samples.filter(({ stripMs }, i) => Number(stripMs) <= Number(samples[i - 1]?.stripMs ?? -1));
  assert.deepEqual(backwards, [], 'pictures that are not later than the one before');
}

/** The pictures advance as media time does, and as wall time does when the machine lets it. @param {Report} report */
export function advancesInRealTime(report) {
  const settled = report.samples.filter(({ wallMs }) => wallMs - report.samples[0].wallMs >= SETTLED_AFTER_MS);
  assert.ok(settled.length >= 2 * COMPARED, 'too few pictures');
  const [begin, end] = [settled.slice(0, COMPARED), settled.slice(-COMPARED)];
  const gain = (/** @type {(sample: Sample) => number} */ lag) => median(begin.map(lag)) - median(end.map(lag));
  within(gain(({ mediaMs, stripMs }) => mediaMs - Number(stripMs)), PROGRAM_TIME_TOLERANCE_MS, 'media time');
  within(gain(({ wallMs, stripMs }) => wallMs - Number(stripMs)), realTimeToleranceMs(report), 'wall time');
}

/** The player knows of every picture when it is. @param {Report} report */
export function agreesWithProgramTime({ samples }) {
  for (const { stripMs, programMs } of samples) {
    assert.ok(programMs !== null, 'the player knows no time');
    within(Number(stripMs) - programMs, PROGRAM_TIME_TOLERANCE_MS, 'the time that the player knows');
  }
}

/** From the clock in the picture to the clock on the wall, in the middle. @param {Report} report @returns {number} */
export function latencyMs({ samples }) {
  return median(samples.map(({ wallMs, stripMs }) => wallMs - Number(stripMs)));
}

/** @param {Report} report @returns {string} for the test's log */
export function figures(report) {
  const { startupMs, playedMs, stallsMs, hiccupsMs, samples, frames, droppedFrames, waitedMs } = report;
  return [
    `start ${Math.round(startupMs ?? NaN)} ms`,
    `played ${(playedMs / 1000).toFixed(1)} s`,
    `stalls ${JSON.stringify(stallsMs)}`,
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
function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** @param {number} ms @param {number} toleranceMs @param {string} what */
function within(ms, toleranceMs, what) {
  assert.ok(Math.abs(ms) <= toleranceMs, `the strip is ${ms.toFixed(0)} ms off ${what}`);
}
