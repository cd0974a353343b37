// @ts-check
// Measures how well a video element plays.

import { serverNow } from './clock.js';
import { readStripFromVideo } from './strip.js';

/**
 * @typedef {object} Figures
 * @property {boolean} begun whether playback has started
 * @property {boolean} stalled whether playback stands still without being paused
 * @property {string} size of the picture in pixels, empty before the first picture
 * @property {number | null} bufferedSeconds
 * @property {number} droppedFrames
 * @property {number} totalFrames
 * @property {number} stalls
 * @property {number | null} latencySeconds the server's time minus the time in the picture; null if the picture has no readable strip
 */

/** Playback that stands still for this long counts as a stall. */
const STALL_MS = 500;
/** Smaller changes of the position are rounding errors. */
const STEP_SECONDS = 0.001;

export class Meter {
  #video;
  #canvas = document.createElement('canvas');
  #stalls = 0;
  #begun = false;
  #stalled = false;
  #position = 0;
  #movedAt = performance.now();

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
  }

  /** Checks whether playback moves; call it several times within STALL_MS. */
  watch() {
    const now = performance.now();
    const { currentTime, paused, playbackRate, seeking } = this.#video;
    const moved = Math.abs(currentTime - this.#position) > STEP_SECONDS;
    this.#position = currentTime;
    if (moved || paused || seeking || document.hidden) {
      // A player that fills its buffer before the start sets the rate to 0.
      this.#begun ||= moved && !seeking && !paused && playbackRate > 0;
      this.#stalled = false;
      this.#movedAt = now;
    } else if (this.#begun && !this.#stalled && now - this.#movedAt >= STALL_MS) {
      this.#stalled = true;
      this.#stalls += 1;
    }
  }

  /** @returns {Figures} */
  read() {
    const quality = this.#video.getVideoPlaybackQuality();
    return {
      begun: this.#begun,
      stalled: this.#stalled,
      size: this.#video.videoWidth === 0 ? '' : `${this.#video.videoWidth}×${this.#video.videoHeight}`,
      bufferedSeconds: this.#buffered(),
      droppedFrames: quality.droppedVideoFrames,
      totalFrames: quality.totalVideoFrames,
      stalls: this.#stalls,
      latencySeconds: this.#latency(),
    };
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
    const now = serverNow();
    if (now === null || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    const strip = readStripFromVideo(this.#video, this.#canvas);
    return strip === null ? null : (now - strip.timeMs) / 1000;
  }
}
