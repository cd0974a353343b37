// @ts-check
// The vendored players behind one small face, with the settings that they come with, but for one of shaka-player.

/**
 * @typedef {object} Engine
 * @property {() => number | null} programTimeMs Unix time of the video's current position, as the player knows it
 * @property {(height: number) => void} pin shows this rendition, and no other, as soon as it can
 */
/** @typedef {(fatal: boolean, what: string) => void} OnError */
/** @typedef {(video: HTMLVideoElement, source: { url: string, lowLatency: boolean }, onError: OnError) => Engine} Open */

/**
 * Without it shaka-player starts with what is left of the segment that the live edge is in, and may not ask for the next
 * within its update interval, which is a second.
 */
const BUFFER_BEFORE_START_S = 2;

const { Hls, dashjs, shaka } = /** @type {any} */ (window);

/** @type {Record<string, Open>} */
export const engines = {
  'hls.js'(video, { url, lowLatency }, onError) {
    const hls = new Hls({ lowLatencyMode: lowLatency });
    hls.on(Hls.Events.ERROR, (/** @type {any} */ _, /** @type {any} */ data) => {
      const { fatal, details, reason, error, frag } = data;
      // A request that hls.js itself calls off, for a better one.
      if (details === Hls.ErrorDetails.INTERNAL_ABORTED) return;
      onError(fatal, `${details} ${reason ?? error?.message ?? ''} ${frag?.url ?? data.url ?? ''}`);
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      video.play().catch((error) => onError(true, String(error)));
    });
    hls.attachMedia(video);
    hls.loadSource(url);
    return {
      programTimeMs: () => hls.playingDate?.getTime() ?? null,
      pin: (height) => (hls.nextLevel = hls.levels.findIndex((/** @type {any} */ level) => level.height === height)),
    };
  },

  'dash.js'(video, { url }, onError) {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ debug: { logLevel: 0 } });
    /** Of a segment that could not be had: dash.js goes on with the next. */
    const goesOn = 27;
    const report = (/** @type {any} */ { error }) => onError(error?.code !== goesOn, `${error?.code} ${error?.message}`);
    dash.on('error', report);
    dash.on('playbackError', report);
    dash.initialize(video, url, true);
    return {
      programTimeMs: () => dash.timeAsUTC() * 1000,
      pin: () => {
        throw new Error('no test asks for this');
      },
    };
  },

  'shaka-player'(video, { url, lowLatency }, onError) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    const rebufferingGoal = lowLatency ? 0 : BUFFER_BEFORE_START_S;
    player.configure({ streaming: { lowLatencyMode: lowLatency, rebufferingGoal } });
    const report = (/** @type {any} */ error) => {
      onError(error.severity !== 1, `${error.code} ${JSON.stringify(error.data ?? String(error))}`);
    };
    player.addEventListener('error', (/** @type {any} */ event) => report(event.detail));
    const begin = async () => {
      await player.attach(video);
      await player.load(url);
      await video.play();
    };
    begin().catch(report);
    return {
      programTimeMs: () => player.getPlayheadTimeAsDate()?.getTime() ?? null,
      pin: (height) => {
        player.configure({ abr: { enabled: false } });
        const tracks = player.getVariantTracks();
        player.selectVariantTrack(tracks.find((/** @type {any} */ track) => track.height === height));
      },
    };
  },
};
