// @ts-check
// Plays with hls.js.

import { rendition, words } from '../words.js';

/**
 * Seconds of played media that stay in the buffer after a removal. Without removals, the memory of a page that is open for hours
 * grows. If hls.js removes media while it appends a part, it requests no more sound until the picture has stood still for three
 * seconds. With a constant length, hls.js would remove media with every segment.
 */
const PLAYED_S = 20;
const REMOVES_EVERY_MS = 300_000;
/** Longer than a segment, so that hls.js removes media once. */
const REMOVES_WITHIN_MS = 2500;
/** Highest rate at which hls.js plays until it has its latency again. By default, hls.js does not play faster. */
const CATCH_UP_RATE = 1.5;
/** Seconds that each stall adds to the latency of hls.js; 1 by default. */
const STALL_ADDS_S = 0.1;
/** Seconds behind its latency from which the player jumps to the live edge. If hls.js is so late, it does not play faster. */
const JUMPS_FROM_S = 2;

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'hls.min.js',

  open({ video, url, lowLatency, onError, onBlocked }) {
    const hls = new Hls({
      lowLatencyMode: lowLatency,
      backBufferLength: Infinity,
      maxLiveSyncPlaybackRate: CATCH_UP_RATE,
      liveSyncOnStallIncrease: STALL_ADDS_S,
    });
    hls.on(Hls.Events.ERROR, (_, data) => {
      // On a slow machine hls.js reports its first seek, from 0 to the live edge, as an error.
      if (data.details === Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE && video.played.length === 0) return;
      onError({ fatal: data.fatal, text: sentence(data) });
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      video.play().catch((error) => {
        if (error.name === 'NotAllowedError') onBlocked();
        else onError({ fatal: false, text: error.message });
      });
    });
    hls.attachMedia(video);
    hls.loadSource(url);
    const remover = setInterval(() => {
      hls.config.backBufferLength = PLAYED_S;
      setTimeout(() => (hls.config.backBufferLength = Infinity), REMOVES_WITHIN_MS);
    }, REMOVES_EVERY_MS);
    const closed = new AbortController();
    if (lowLatency) returnToLive(hls, video, closed.signal);
    return {
      close: async () => {
        clearInterval(remover);
        closed.abort();
        hls.destroy();
      },
      qualities: () => hls.levels.map((level, place) => ({ id: String(place), label: rendition(level.height, level.bitrate) })).reverse(),
      quality: () => ({
        held: hls.autoLevelEnabled ? null : String(hls.manualLevel),
        playing: hls.currentLevel < 0 ? null : String(hls.currentLevel),
      }),
      // The next segment, not the present one, so that nothing in the buffer is thrown away.
      hold: (id) => (hls.nextLevel = id === null ? -1 : Number(id)),
      bandwidth: () => hls.bandwidthEstimate || null,
    };
  },
};

/** Jumps to the live edge if a stall has made a live picture late. @param {Hls} hls @param {HTMLVideoElement} video @param {AbortSignal} signal */
function returnToLive(hls, video, signal) {
  const lateS = () => hls.latency - (hls.targetLatency ?? Infinity);
  /** Position at which the live picture stood still. */
  let stalledAt = NaN;
  video.addEventListener('waiting', () => {
    if (!video.seeking && lateS() < JUMPS_FROM_S) stalledAt = video.currentTime;
  }, { signal });
  video.addEventListener('playing', () => {
    // hls.js moves the position a little to end a stall; the user moves it further.
    const continues = Math.abs(video.currentTime - stalledAt) < 1;
    if (continues && lateS() >= JUMPS_FROM_S && hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
  }, { signal });
}

/** @param {HlsErrorData} data */
function sentence({ details, reason, response }) {
  const why = response?.code ? `status ${response.code}` : reason;
  return why ? `${words(details)}: ${why}` : words(details);
}
