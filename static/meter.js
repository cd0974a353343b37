// @ts-check
// Measures how well a video element plays: from its pictures (latency, frames) and from its position (stalls, buffer).

import { serverNow } from './clock.js';
import { readStripFromVideo } from './strip.js';

/**
 * @typedef {object} Figures
 * @property {boolean} begun whether playback has started
 * @property {boolean} stalled whether playback stands still without being paused
 * @property {string} size of the picture in pixels, empty before the first picture
 * @property {number | null} bufferedSeconds
 * @property {number} droppedFrames frames that the strip says were never shown
 * @property {number} repeatedFrames pictures that were shown again in place of the next one
 * @property {number} frozen number of times that the position moved and the picture did not, for FROZEN_MS or longer
 * @property {number} lateFrames frames that the browser says it decoded too late to show them
 * @property {number} totalFrames
 * @property {number} stalls
 * @property {number | null} latencySeconds the server's time minus the time in the picture; null if the picture has no readable strip
 */
/** @typedef {{ frame: number, timeMs: number, mediaTime: number, presented: number, seenAt: number, latencyMs: number | null }} Seen */

/** Playback that stands still for this long counts as a stall. */
const STALL_MS = 500;
/** A picture that stays for this long while the position moves counts as frozen. */
const FROZEN_MS = 500;
/** A picture that was read this long ago says how late it is now, not how late it was when it came. */
const FRESH_MS = 1000;
/** Smaller changes of the position are rounding errors. */
const STEP_SECONDS = 0.001;
/** More frames than this between two pictures are a seek, not a loss. */
const MOST_LOST_FRAMES = 250;

export class Meter {
  #video;
  #readEveryMs;
  #canvas = document.createElement('canvas');
  #stalls = 0;
  #begun = false;
  #stalled = false;
  #position = 0;
  #movedAt = performance.now();
  #dropped = 0;
  #repeated = 0;
  #frozen = 0;
  #isFrozen = false;
  #closed = false;
  #presentedAt = performance.now();
  /** The last picture with a strip. @type {Seen | null} */
  #seen = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {number} readEveryMs time from one reading of the strip to the next
   */
  constructor(video, readEveryMs) {
    this.#video = video;
    this.#readEveryMs = readEveryMs;
    this.#expectFrame();
  }

  close() {
    this.#closed = true;
  }

  /** Checks whether playback moves; call it several times within STALL_MS. */
  watch() {
    const now = performance.now();
    const { currentTime, paused, playbackRate, seeking } = this.#video;
    const moved = Math.abs(currentTime - this.#position) > STEP_SECONDS;
    this.#position = currentTime;
    if (moved || paused || seeking || document.hidden) {
      // A player that fills its buffer before the start sets the rate to 0.
      if (!this.#begun && moved && !seeking && !paused && playbackRate > 0) {
        this.#begun = true;
        // A player may skip from its first picture to the live edge.
        this.#seen = null;
      }
      this.#stalled = false;
      this.#movedAt = now;
    } else if (this.#begun && !this.#stalled && now - this.#movedAt >= STALL_MS) {
      this.#stalled = true;
      this.#stalls += 1;
    }
    this.#watchPicture(now, moved && !paused && !seeking && !document.hidden);
  }

  /** The last picture whose strip was read. */
  get seen() {
    return this.#seen;
  }

  /** @returns {Figures} */
  read() {
    const quality = this.#video.getVideoPlaybackQuality();
    return {
      begun: this.#begun,
      stalled: this.#stalled,
      size: this.#video.videoWidth === 0 ? '' : `${this.#video.videoWidth}×${this.#video.videoHeight}`,
      bufferedSeconds: this.#buffered(),
      droppedFrames: this.#dropped,
      repeatedFrames: this.#repeated,
      frozen: this.#frozen,
      lateFrames: quality.droppedVideoFrames,
      totalFrames: quality.totalVideoFrames,
      stalls: this.#stalls,
      latencySeconds: this.#latency(),
    };
  }

  /** A browser without requestVideoFrameCallback has its pictures read when their latency is. */
  #expectFrame() {
    this.#video.requestVideoFrameCallback?.((now, { mediaTime, presentedFrames }) => {
      if (this.#closed) return;
      this.#presentedAt = now;
      this.#isFrozen = false;
      if (now - (this.#seen?.seenAt ?? -Infinity) >= this.#readEveryMs) this.#see(mediaTime, presentedFrames);
      this.#expectFrame();
    });
  }

  /** @param {number} mediaTime @param {number} presented number of pictures shown so far */
  #see(mediaTime, presented) {
    const strip = readStripFromVideo(this.#video, this.#canvas);
    const now = serverNow();
    if (strip === null) {
      this.#seen = null;
      return;
    }
    const seen = { ...strip, mediaTime, presented, seenAt: performance.now(), latencyMs: now === null ? null : now - strip.timeMs };
    if (this.#seen !== null) this.#compare(this.#seen, seen);
    this.#seen = seen;
  }

  /** Counts frames between two pictures that were lost or repeated. @param {Seen} before @param {Seen} after */
  #compare(before, after) {
    const frames = after.frame - before.frame;
    const pictures = after.presented - before.presented;
    if (frames < 0 || frames > MOST_LOST_FRAMES || pictures <= 0 || this.#video.seeking) return;
    this.#dropped += Math.max(0, frames - pictures);
    this.#repeated += Math.max(0, pictures - frames);
  }

  /** @param {number} now @param {boolean} plays */
  #watchPicture(now, plays) {
    if (!plays || !this.#begun) this.#presentedAt = Math.max(this.#presentedAt, now - FROZEN_MS / 2);
    if (this.#isFrozen || now - this.#presentedAt < FROZEN_MS || !this.#video.requestVideoFrameCallback) return;
    this.#isFrozen = true;
    this.#frozen += 1;
  }

  #buffered() {
    const { buffered, currentTime } = this.#video;
    for (let i = 0; i < buffered.length; i += 1) {
      const isHere = buffered.start(i) <= currentTime && currentTime <= buffered.end(i);
      if (isHere) return buffered.end(i) - currentTime;
    }
    return this.#begun ? 0 : null;
  }

  #latency() {
    if (this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    if (!this.#video.requestVideoFrameCallback) this.#see(this.#video.currentTime, 0);
    const [now, seen] = [serverNow(), this.#seen];
    if (now === null || seen === null) return null;
    const isFresh = performance.now() - seen.seenAt < FRESH_MS && seen.latencyMs !== null;
    return (isFresh ? Number(seen.latencyMs) : now - seen.timeMs) / 1000;
  }
}
