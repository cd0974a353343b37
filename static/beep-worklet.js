// @ts-check
// Runs in the audio thread: reports the moment at which each beep begins, in seconds of the audio context.

/** A beep begins where the sound reaches this share of the last beeps' peak, after SILENT_S of less. */
const SHARE = 0.25;
const LEAST_PEAK = 0.004;
const SILENT_S = 0.2;
/** The peak of the last beeps fades by this much a sample, so that a quieter stream is heard after seconds. */
const FADE = 0.999_99;

class BeepDetector extends AudioWorkletProcessor {
  #peak = 0;
  #quietFor = 0;

  /** @param {Float32Array[][]} inputs @returns {boolean} whether the processor goes on */
  process([input]) {
    const channel = input?.[0];
    if (channel === undefined) return true;
    for (let i = 0; i < channel.length; i += 1) {
      const level = Math.abs(channel[i] ?? 0);
      this.#peak = Math.max(level, this.#peak * FADE);
      if (level < Math.max(LEAST_PEAK, this.#peak * SHARE)) {
        this.#quietFor += 1;
        continue;
      }
      if (this.#quietFor > SILENT_S * sampleRate) this.port.postMessage(currentTime + i / sampleRate);
      this.#quietFor = 0;
    }
    return true;
  }
}

registerProcessor('beep-detector', BeepDetector);
