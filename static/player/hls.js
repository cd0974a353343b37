// @ts-check
// Plays with hls.js.

import { rendition, words } from '../words.js';

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'hls.min.js',

  open({ video, url, lowLatency, onError, onBlocked }) {
    const hls = new Hls({ lowLatencyMode: lowLatency });
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
    return {
      close: async () => hls.destroy(),
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

/** @param {HlsErrorData} data */
function sentence({ details, reason, response }) {
  const why = response?.code ? `status ${response.code}` : reason;
  return why ? `${words(details)}: ${why}` : words(details);
}
