// @ts-check
// Plays with hls.js.

import { words } from '../words.js';

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
    return async () => hls.destroy();
  },
};

/** @param {HlsErrorData} data */
function sentence({ details, reason, response }) {
  const why = response?.code ? `status ${response.code}` : reason;
  return why ? `${words(details)}: ${why}` : words(details);
}
