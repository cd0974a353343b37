// @ts-check
// Plays with dash.js.

import { rendition } from '../words.js';

/** Level of fatal errors; the page shows the others itself. */
const LOG_FATAL_ONLY = 1;

/** The download of a segment failed; dash.js goes on with the next segment. */
const SEGMENT_UNAVAILABLE = 27;

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'dash.all.min.js',

  open({ video, url, onError, onBlocked }) {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ debug: { logLevel: LOG_FATAL_ONLY } });
    const report = (/** @type {{ error?: { code?: number, message?: string } }} */ { error }) => {
      onError({ fatal: error?.code !== SEGMENT_UNAVAILABLE, text: error?.message || (error?.code === undefined ? 'unknown error' : `error ${error.code}`) });
    };
    dash.on('error', report);
    dash.on('playbackError', report);
    dash.on('playbackNotAllowed', onBlocked);
    dash.initialize(video, url, true);
    const renditions = () => (dash.isReady() ? dash.getRepresentationsByType('video') : []);
    let held = /** @type {string | null} */ (null);
    return {
      close: async () => dash.destroy(),
      qualities: () => renditions().map(({ id, height, bandwidth }) => ({ id, label: rendition(height, bandwidth) })).reverse(),
      quality: () => ({ held, playing: dash.isReady() ? dash.getCurrentRepresentationForType('video')?.id ?? null : null }),
      hold: (id) => {
        held = id;
        dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === null } } } });
        if (id !== null) dash.setRepresentationForTypeById('video', id);
      },
      bandwidth: () => (dash.isReady() ? dash.getAverageThroughput('video') * 1000 || null : null),
      range: () => {
        const { start, end } = (dash.isReady() && dash.getDvrWindow()) || { start: NaN, end: NaN };
        return Number.isFinite(end) ? { start, end } : null;
      },
    };
  },
};
