// @ts-check
// Plays by shaka-player.

import { words } from '../words.js';

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'shaka-player.compiled.js',

  open({ video, url, lowLatency, onError }) {
    shaka.polyfill.installAll();
    const instance = new shaka.Player();
    let closed = false;
    instance.addEventListener('error', ({ detail }) => onError(failure(detail)));
    instance.configure({ streaming: { lowLatencyMode: lowLatency } });
    const begin = async () => {
      await instance.attach(video);
      await instance.load(url);
      await video.play();
    };
    begin().catch((error) => {
      // Closing interrupts a load that is under way.
      if (!closed) onError('severity' in error ? failure(error) : { fatal: false, text: error.message });
    });
    return () => {
      closed = true;
      return instance.destroy();
    };
  },
};

/** @param {ShakaError} error @returns {import('../playback.js').PlaybackError} */
function failure({ severity, code, data }) {
  const name = Object.entries(shaka.util.Error.Code).find(([, value]) => value === code)?.[0];
  const what = name ? words(name) : `error ${code}`;
  const status = name === 'BAD_HTTP_STATUS' ? ` ${data[1]}` : '';
  return { fatal: severity === shaka.util.Error.Severity.CRITICAL, text: what + status };
}
