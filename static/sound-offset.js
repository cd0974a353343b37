// @ts-check
// Measures how late the sound is against the picture: a beep begins on each full second, and the strip says which picture that is.
// Both are compared on the timeline of the player, so neither the screen nor the loudspeaker counts.

import { quantile } from './history.js';

/** Beeps whose median is shown. */
const BEEPS = 7;
const SAMPLE_EVERY_MS = 20;
/** Pairs of the two clocks, of the last second. */
const PAIRS = 50;
/**
 * The audio context is ahead of the player by up to one of its buffers, and by least just before it fills the next one. A share below
 * 1 leaves out single wrong pairs.
 */
const LEAST_AHEAD = 0.9;

export class SoundOffset {
  #video;
  #context;
  #gain;
  #timer;
  /** Position of the player minus time of the audio context, in seconds. @type {number[]} */
  #pairs = [];
  /** @type {number[]} */
  #offsets = [];
  #seen;

  /**
   * Call it when the user acts, because a browser makes no sound before that.
   * @param {HTMLVideoElement} video is heard through this from now on
   * @param {boolean} muted
   * @param {() => import('./meter.js').Seen | null} seen the last picture with a strip
   */
  constructor(video, muted, seen) {
    this.#video = video;
    this.#seen = seen;
    this.#context = new AudioContext({ sampleRate: 48_000 });
    this.#gain = new GainNode(this.#context, { gain: muted ? 0 : 1 });
    this.#gain.connect(this.#context.destination);
    this.#timer = setInterval(() => this.#pair(), SAMPLE_EVERY_MS);
  }

  /** Starts to measure; rejects if the browser has no audio worklet. */
  async start() {
    await this.#context.audioWorklet.addModule(new URL('beep-worklet.js', import.meta.url));
    const source = this.#context.createMediaElementSource(this.#video);
    const detector = new AudioWorkletNode(this.#context, 'beep-detector', { channelCount: 1, channelCountMode: 'explicit' });
    detector.port.onmessage = ({ data }) => this.#beep(Number(data));
    source.connect(this.#gain);
    source.connect(detector).connect(new GainNode(this.#context, { gain: 0 })).connect(this.#context.destination);
    // Sound of a muted element is silent here too; the gain mutes it from now on.
    this.#video.muted = false;
    await this.#context.resume();
  }

  /** @param {boolean} muted */
  set muted(muted) {
    this.#gain.gain.value = muted ? 0 : 1;
  }

  /** @param {number} volume 0 to 1 */
  set volume(volume) {
    this.#video.volume = volume;
  }

  /** How late the sound is in milliseconds, negative if it is early; null before the first beeps. */
  get milliseconds() {
    return this.#offsets.length < 2 ? null : quantile([...this.#offsets].sort((a, b) => a - b), 0.5);
  }

  close() {
    clearInterval(this.#timer);
    void this.#context.close();
  }

  #pair() {
    if (this.#context.state !== 'running' || this.#video.paused || this.#video.seeking) {
      this.#pairs = [];
      return;
    }
    this.#pairs.push(this.#video.currentTime - this.#context.currentTime);
    if (this.#pairs.length > PAIRS) this.#pairs.shift();
  }

  /** @param {number} at time of the audio context */
  #beep(at) {
    const seen = this.#seen();
    const ahead = quantile([...this.#pairs].sort((a, b) => a - b), LEAST_AHEAD);
    if (seen === null || ahead === null || this.#pairs.length < PAIRS / 2) return;
    const pictureMs = seen.timeMs + (at + ahead - seen.mediaTime) * 1000;
    this.#offsets.push(pictureMs - Math.round(pictureMs / 1000) * 1000);
    if (this.#offsets.length > BEEPS) this.#offsets.shift();
  }
}
