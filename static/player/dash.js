// @ts-check
// Plays by dash.js.

/** dash.js logs warnings and errors from level 2 on; the page shows them itself. */
const LOG_NOTHING_BELOW_FATAL = 1;

/** One segment could not be had; dash.js goes on with the next. */
const CONTENT_ERROR = 27;

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: 'dash.all.min.js',

  open({ video, url, onError }) {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ debug: { logLevel: LOG_NOTHING_BELOW_FATAL } });
    const report = (/** @type {{ error?: { code?: number, message?: string } }} */ { error }) => {
      onError({ fatal: error?.code !== CONTENT_ERROR, text: error?.message || `error ${error?.code ?? 'of unknown kind'}` });
    };
    dash.on('error', report);
    dash.on('playbackError', report);
    dash.initialize(video, url, true);
    return async () => dash.destroy();
  },
};
