// @ts-check
// Measures the playback of a video: the contents of its pictures, and times at which it stands still.

import { readStripFromVideo } from '/static/strip.js';

/**
 * A sample of one picture.
 * @typedef {object} Sample
 * @property {number} wallMs Unix time at which the picture was visible
 * @property {number} mediaMs time of the picture on the timeline of the video
 * @property {number | null} programMs Unix time of the picture according to the player
 * @property {number | null} stripMs Unix time in the strip of the picture; null if it cannot be read
 * @property {number} height height of the rendition
 */
/**
 * @typedef {object} Report
 * @property {number | null} startupMs time from the call to the first picture that moved
 * @property {number} playedMs media time played since then
 * @property {number[]} stallsMs durations of stalls for lack of media
 * @property {number[]} waitsMs the same, including those that are too short for a stall
 * @property {number[]} hiccupsMs durations of stalls with media available, on a machine that was too slow
 * @property {boolean} stands whether playback stands still now
 * @property {Sample[]} samples
 * @property {number} audioBytes decoded bytes of audio
 * @property {number} frames
 * @property {number} droppedFrames
 */

const WATCH_EVERY_MS = 50;
const SAMPLE_EVERY_MS = 200;
/** Minimum duration of a visible stall in ms. */
const STALL_MS = 400;
const HICCUP_MS = 100;
/** Buffered media in seconds below which a player lacks media. */
const ENOUGH_AHEAD_S = 0.5;

export class Measure {
  #video;
  #programTimeMs;
  #canvas = document.createElement('canvas');
  #begunAt = performance.now();
  /** @type {number | null} */
  #startupMs = null;
  #position = 0;
  #movedAt = 0;
  #playedMs = 0;
  /** @type {number[]} */
  #stallsMs = [];
  /** @type {number[]} */
  #waitsMs = [];
  /** @type {number[]} */
  #hiccupsMs = [];
  /** Minimum of the buffered media since the position last moved. */
  #aheadS = Infinity;
  /** @type {Sample[]} */
  #samples = [];

  /**
   * @param {HTMLVideoElement} video
   * @param {() => number | null} programTimeMs Unix time of the current position of the video
   */
  constructor(video, programTimeMs) {
    this.#video = video;
    this.#programTimeMs = programTimeMs;
    setInterval(() => this.#watch(), WATCH_EVERY_MS);
    video.requestVideoFrameCallback((_, frame) => this.#see(frame));
  }

  /** @returns {Report} */
  report() {
    const quality = this.#video.getVideoPlaybackQuality();
    return {
      startupMs: this.#startupMs,
      playedMs: this.#playedMs,
      stallsMs: this.#stallsMs,
      waitsMs: this.#waitsMs,
      hiccupsMs: this.#hiccupsMs,
      stands: this.#startupMs !== null && performance.now() - this.#movedAt > STALL_MS,
      samples: this.#samples,
      audioBytes: /** @type {any} */ (this.#video).webkitAudioDecodedByteCount,
      frames: quality.totalVideoFrames,
      droppedFrames: quality.droppedVideoFrames,
    };
  }

  /** The last picture whose strip was read: its time, and its place on the timeline of the video in seconds. */
  get seen() {
    const { stripMs = null, mediaMs = NaN } = this.#samples.at(-1) ?? {};
    return stripMs === null ? null : { timeMs: stripMs, mediaTime: mediaMs / 1000 };
  }

  #watch() {
    const now = performance.now();
    const { currentTime, seeking, playbackRate } = this.#video;
    const stepMs = (currentTime - this.#position) * 1000;
    this.#aheadS = Math.min(this.#aheadS, this.#ahead());
    if (stepMs === 0) return;
    this.#position = currentTime;
    if (this.#startupMs === null) {
      // Before the start a step is a seek to the live edge. A player that still fills its buffer has the rate 0.
      if (!seeking && playbackRate > 0 && this.#samples.length > 0) this.#startupMs = now - this.#begunAt;
    } else {
      this.#judge(Math.round(now - this.#movedAt - stepMs));
      this.#playedMs += stepMs;
    }
    this.#movedAt = now;
    this.#aheadS = this.#ahead();
  }

  /** @param {number} heldMs time by which the position has fallen behind since it last moved */
  #judge(heldMs) {
    const isShort = this.#aheadS < ENOUGH_AHEAD_S;
    if (isShort && heldMs > STALL_MS) this.#stallsMs.push(heldMs);
    if (isShort && heldMs > HICCUP_MS) this.#waitsMs.push(heldMs);
    if (!isShort && heldMs > HICCUP_MS) this.#hiccupsMs.push(heldMs);
  }

  /** @returns {number} seconds of media after the position */
  #ahead() {
    const { buffered, currentTime } = this.#video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i)) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  /** @param {VideoFrameCallbackMetadata} frame */
  #see(frame) {
    const wallMs = performance.timeOrigin + performance.now();
    if (wallMs - (this.#samples.at(-1)?.wallMs ?? 0) >= SAMPLE_EVERY_MS) {
      const mediaMs = frame.mediaTime * 1000;
      const programMs = this.#programTimeMs();
      this.#samples.push({
        wallMs,
        mediaMs,
        programMs: programMs === null ? null : programMs + mediaMs - this.#video.currentTime * 1000,
        stripMs: readStripFromVideo(this.#video, this.#canvas)?.timeMs ?? null,
        height: frame.height,
      });
    }
    this.#video.requestVideoFrameCallback((_, next) => this.#see(next));
  }
}
