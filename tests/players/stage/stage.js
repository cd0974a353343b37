// @ts-check
// Functions that tests call in the browser: `stage.play`, then `stage.report`.

import { SoundOffset } from '/static/sound-offset.js';
import { readStrip } from '/static/strip.js';

import { engines } from './engines.js';
import { Measure } from './measure.js';

/** @typedef {{ fatal: boolean, what: string }} PlayerError */

const FOLLOW_EVERY_MS = 50;
/** Distance from the wanted position above which playback jumps there. */
const JUMP_MS = 500;
/** Longest time by which a second of playback is shorter or longer. */
const MOST_HURRY = 0.1;

const video = /** @type {HTMLVideoElement} */ (document.querySelector('video'));
/** @type {PlayerError[]} */
const errors = [];
/** @type {import('./engines.js').Engine | null} */
let engine = null;
/** @type {Measure | null} */
let measure = null;
/** @type {SoundOffset | null} */
let sound = null;
/** Distance from the position that playback follows. @type {number | null} */
let offMs = null;

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
  report: () => ({ .../** @type {Measure} */ (measure).report(), errors, ended: video.ended, offMs, soundLateMs: sound?.milliseconds ?? null }),
  async listen() {
    sound = new SoundOffset(video, true, () => measure?.seen ?? null);
    await sound.start();
  },
  /** @param {number} seconds after the first position that can be played */
  seek(seconds) {
    video.currentTime = /** @type {import('./engines.js').Engine} */ (engine).startS() + seconds;
    return video.currentTime;
  },
  /**
   * Plays at a distance from UTC from now on, by the clock of this browser and the time that the player knows.
   * @param {number} latencyMs
   */
  follow(latencyMs) {
    engine?.stay?.();
    setInterval(() => {
      const programMs = engine?.programTimeMs() ?? null;
      if (programMs === null || video.seeking) return;
      offMs = performance.timeOrigin + performance.now() - programMs - latencyMs;
      if (Math.abs(offMs) > JUMP_MS) video.currentTime += offMs / 1000;
      else video.playbackRate = 1 + Math.max(-MOST_HURRY, Math.min(offMs / 1000, MOST_HURRY));
    }, FOLLOW_EVERY_MS);
  },
  bottomStrip() {
    const { videoWidth: width, videoHeight: height } = video;
    const context = /** @type {CanvasRenderingContext2D} */ (
      Object.assign(document.createElement('canvas'), { width, height }).getContext('2d')
    );
    context.drawImage(video, 0, 0);
    // The two rows of a strip are 1/15 of the picture.
    const { data } = context.getImageData(0, (height * 14) / 15, width, height / 15);
    return readStrip({ data, width, height });
  },
  pin: (/** @type {number} */ height) => engine?.pin(height),
};

Object.assign(window, { stage });
