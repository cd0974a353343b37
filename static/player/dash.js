// @ts-check
// Plays with dash.js.

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
    return async () => dash.destroy();
  },
};
