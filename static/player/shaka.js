// @ts-check
// Plays with shaka-player.

import { rendition, words } from '../words.js';

/**
 * Without it shaka-player starts with the rest of the segment at the live edge, and may not request the next segment before
 * that has ended, because it updates once a second.
 */
const BUFFER_BEFORE_START_S = 2;

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'shaka-player.compiled.js',

  open({ video, url, lowLatency, onError, onBlocked }) {
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
      // `destroy` interrupts a load.
      if (closed) return;
      if (error.name === 'NotAllowedError') onBlocked();
      else onError('severity' in error ? failure(error) : { fatal: false, text: error.message });
    });
    let held = /** @type {string | null} */ (null);
    const variants = () => (closed ? [] : instance.getVariantTracks()).sort((a, b) => b.bandwidth - a.bandwidth);
    return {
      close: () => {
        closed = true;
        // An operation that this interrupts rejects it, and is of no interest any more.
        return instance.destroy().catch(() => {});
      },
      qualities: () => variants().map(({ id, height, bandwidth }) => ({ id: String(id), label: rendition(height, bandwidth) })),
      quality: () => ({ held, playing: variants().find(({ active }) => active)?.id.toString() ?? null }),
      hold: (id) => {
        held = id;
        instance.configure({ abr: { enabled: id === null } });
        const track = variants().find((each) => String(each.id) === id);
        if (track) instance.selectVariantTrack(track);
      },
      bandwidth: () => (closed ? null : instance.getStats().estimatedBandwidth || null),
      range: () => {
        const { start, end } = closed ? { start: 0, end: 0 } : instance.seekRange();
        return end > start ? { start, end } : null;
      },
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
