// @ts-check
// Measures how late the sound is against the picture: a beep begins on each full second, and the strip says which picture that is.
// Both are compared on the timeline of the player, or by the server's clock where a player has no timeline, as with WebRTC. Neither
// the screen nor the loudspeaker counts.

import { serverNow } from './clock.js';
import { quantile } from './history.js';

/** `latencyMs` is needed where the player has no timeline. @typedef {{ timeMs: number, mediaTime: number, latencyMs?: number | null }} Seen */

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
  #muted = true;
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
   * @param {() => Seen | null} seen the last picture with a strip
   */
  constructor(video, muted, seen) {
    this.#video = video;
    this.#seen = seen;
    this.#context = new AudioContext({ sampleRate: 48_000 });
    this.#gain = new GainNode(this.#context);
    this.#gain.connect(this.#context.destination);
    this.muted = muted;
    this.#timer = setInterval(() => this.#pair(), SAMPLE_EVERY_MS);
  }

  /** Starts to measure; rejects if the browser has no audio worklet. */
  async start() {
    await this.#context.audioWorklet.addModule(new URL('beep-worklet.js', import.meta.url));
    const { srcObject } = this.#video;
    const isStream = srcObject instanceof MediaStream;
    const source = isStream ? this.#context.createMediaStreamSource(srcObject) : this.#context.createMediaElementSource(this.#video);
    const detector = new AudioWorkletNode(this.#context, 'beep-detector', { channelCount: 1, channelCountMode: 'explicit' });
    detector.port.onmessage = ({ data }) => this.#beep(Number(data));
    source.connect(this.#gain);
    source.connect(detector).connect(new GainNode(this.#context, { gain: 0 })).connect(this.#context.destination);
    // Sound of a muted element is silent here too; the gain mutes it from now on. A stream is heard past its element.
    this.#video.muted = isStream;
    await this.#context.resume();
  }

  /** @param {boolean} muted */
  set muted(muted) {
    this.#muted = muted;
    this.#setGain();
  }

  /** @param {number} volume 0 to 1 */
  set volume(volume) {
    this.#video.volume = volume;
    this.#setGain();
  }

  /** How late the sound is in milliseconds, negative if it is early; null before the first beeps. */
  get milliseconds() {
    return this.#offsets.length < 2 ? null : quantile([...this.#offsets].sort((a, b) => a - b), 0.5);
  }

  close() {
    clearInterval(this.#timer);
    void this.#context.close();
  }

  /** The volume of an element applies to its own sound, not to that of a stream. */
  #setGain() {
    const { srcObject, volume } = this.#video;
    this.#gain.gain.value = this.#muted ? 0 : srcObject === null ? 1 : volume;
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
    if (seen === null) return;
    const pictureMs = this.#video.srcObject === null ? this.#byTimeline(at, seen) : this.#byClock(at, seen);
    if (pictureMs === null) return;
    this.#offsets.push(pictureMs - Math.round(pictureMs / 1000) * 1000);
    if (this.#offsets.length > BEEPS) this.#offsets.shift();
  }

  /** The time in the picture at a moment. @param {number} at time of the audio context @param {Seen} seen @returns {number | null} */
  #byTimeline(at, seen) {
    const ahead = quantile([...this.#pairs].sort((a, b) => a - b), LEAST_AHEAD);
    if (ahead === null || this.#pairs.length < PAIRS / 2) return null;
    return seen.timeMs + (at + ahead - seen.mediaTime) * 1000;
  }

  /** As `#byTimeline`. @param {number} at @param {Seen} seen @returns {number | null} */
  #byClock(at, seen) {
    const now = serverNow();
    if (now === null || typeof seen.latencyMs !== 'number') return null;
    return now - (this.#context.currentTime - at) * 1000 - seen.latencyMs;
  }
}
