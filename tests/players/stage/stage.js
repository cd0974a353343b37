// @ts-check
// Functions that tests call in the browser: `stage.play`, then `stage.report`.

import { engines } from './engines.js';
import { Measure } from './measure.js';

/** @typedef {{ fatal: boolean, what: string }} PlayerError */

const video = /** @type {HTMLVideoElement} */ (document.querySelector('video'));
/** @type {PlayerError[]} */
const errors = [];
/** @type {import('./engines.js').Engine | null} */
let engine = null;
/** @type {Measure | null} */
let measure = null;

const stage = {
  /**
   * @param {string} name of the player
   * @param {string} url of a low-latency manifest if its name says so
   */
  play(name, url) {
    const lowLatency = /\/ll\w+\.\w+$/.test(url);
    const opened = engines[name](video, { url, lowLatency }, (fatal, what) => errors.push({ fatal, what }));
    engine = opened;
    measure = new Measure(video, opened.programTimeMs);
  },
  report: () => ({ .../** @type {Measure} */ (measure).report(), errors, ended: video.ended }),
  /** @param {number} seconds after the first position that can be played */
  seek(seconds) {
    video.currentTime = /** @type {import('./engines.js').Engine} */ (engine).startS() + seconds;
    return video.currentTime;
  },
  pin: (/** @type {number} */ height) => engine?.pin(height),
};

Object.assign(window, { stage });
