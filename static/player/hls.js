// @ts-check
// Plays by hls.js.

import { words } from '../words.js';

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'hls.min.js',

  open({ video, url, lowLatency, onError }) {
    const hls = new Hls({ lowLatencyMode: lowLatency });
    hls.on(Hls.Events.ERROR, (_, data) => onError({ fatal: data.fatal, text: sentence(data) }));
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      video.play().catch((error) => onError({ fatal: false, text: error.message }));
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
