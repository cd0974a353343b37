// @ts-check
// Plays by shaka-player.

import { words } from '../words.js';

/**
 * Without it shaka-player starts with what is left of the segment that the live edge is in, and may not ask for the next
 * within its update interval, which is a second.
 */
const BUFFER_BEFORE_START_S = 2;

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'shaka-player.compiled.js',

  open({ video, url, lowLatency, onError }) {
    shaka.polyfill.installAll();
    const instance = new shaka.Player();
    let closed = false;
    instance.addEventListener('error', ({ detail }) => onError(failure(detail)));
    const rebufferingGoal = lowLatency ? 0 : BUFFER_BEFORE_START_S;
    instance.configure({ streaming: { lowLatencyMode: lowLatency, rebufferingGoal } });
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
