// @ts-check
// The vendored players and the browser's own behind one interface, with their default settings except one of shaka-player.

/**
 * @typedef {object} Engine
 * @property {() => number | null} programTimeMs Unix time of the current position, according to the player
 * @property {() => number} startS first position of the media that can be played
 * @property {() => void} [stay] ends corrections of the distance from the live edge
 * @property {(height: number) => void} pin switches to this rendition as soon as possible and stays with it
 */
/** @typedef {(fatal: boolean, what: string) => void} OnError */
/** @typedef {(video: HTMLVideoElement, source: { url: string, lowLatency: boolean }, onError: OnError) => Engine} Open */

/**
 * Without this setting shaka-player starts with the rest of the segment at the live edge, and may not request the next
 * one within its update interval of a second.
 */
const BUFFER_BEFORE_START_S = 2;

const { Hls, dashjs, shaka } = /** @type {any} */ (window);

const pin = () => {
  throw new Error('no test asks for this');
};

/** @type {Record<string, Open>} */
export const engines = {
  'video element'(video, { url }, onError) {
    // Without this the pictures of another origin cannot be read.
    video.crossOrigin = 'anonymous';
    video.addEventListener('error', () => onError(true, video.error?.message ?? 'no reason'));
    video.src = url;
    video.play().catch((error) => onError(true, String(error)));
    // Timestamps are Unix time.
    return { programTimeMs: () => video.currentTime * 1000, startS: () => video.seekable.start(0), pin };
  },

  'hls.js'(video, { url, lowLatency }, onError) {
    const hls = new Hls({ lowLatencyMode: lowLatency });
    hls.on(Hls.Events.ERROR, (/** @type {any} */ _, /** @type {any} */ data) => {
      const { fatal, details, reason, error, frag } = data;
      // hls.js aborts a request in favour of a better one.
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
      startS: () => hls.latestLevelDetails.fragmentStart,
      pin: (height) => (hls.nextLevel = hls.levels.findIndex((/** @type {any} */ level) => level.height === height)),
    };
  },

  'dash.js'(video, { url }, onError) {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ debug: { logLevel: 0 } });
    /** Code of an error of a missing segment, after which dash.js continues with the next one. */
    const goesOn = 27;
    const report = (/** @type {any} */ { error }) => onError(error?.code !== goesOn, `${error?.code} ${error?.message}`);
    dash.on('error', report);
    dash.on('playbackError', report);
    dash.initialize(video, url, true);
    return {
      programTimeMs: () => dash.timeAsUTC() * 1000,
      startS: () => dash.getDvrWindow().start,
      stay: () => dash.updateSettings({ streaming: { liveCatchup: { enabled: false } } }),
      pin,
    };
  },

  'shaka-player'(video, { url, lowLatency }, onError) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    const rebufferingGoal = lowLatency ? 0 : BUFFER_BEFORE_START_S;
    player.configure({ streaming: { lowLatencyMode: lowLatency, rebufferingGoal } });
    const report = (/** @type {any} */ error) => {
      onError(error.severity !== 1, `${error.code ?? error.name} ${JSON.stringify(error.data ?? String(error))}`);
    };
    player.addEventListener('error', (/** @type {any} */ event) => report(event.detail));
    /** Unix time of position 0 in HLS: that of the first segment in the playlist that begins first. */
    let beginsMs = Infinity;
    player.getNetworkingEngine().registerResponseFilter((/** @type {any} */ _, /** @type {any} */ { data }) => {
      beginsMs = Math.min(beginsMs, firstDateMs(data) ?? Infinity);
    });
    const begin = async () => {
      await player.attach(video);
      await player.load(url);
      await video.play();
    };
    begin().catch(report);
    return {
      // In HLS, shaka-player counts its own date from the first segment of the playlist that it read last, which is a
      // segment too late if a segment ends between the requests for the playlists.
      programTimeMs: () => {
        if (beginsMs < Infinity) return beginsMs + video.currentTime * 1000;
        return player.getPlayheadTimeAsDate()?.getTime() ?? null;
      },
      startS: () => player.seekRange().start,
      pin: (height) => {
        player.configure({ abr: { enabled: false } });
        const tracks = player.getVariantTracks();
        player.selectVariantTrack(tracks.find((/** @type {any} */ track) => track.height === height));
      },
    };
  },
};

/** @param {BufferSource} data @returns {number | null} Unix time of the first segment of a media playlist */
function firstDateMs(data) {
  const text = new TextDecoder().decode(data);
  const date = text.startsWith('#EXTM3U') ? /^#EXT-X-PROGRAM-DATE-TIME:(.*)$/m.exec(text) : null;
  return date === null ? null : Date.parse(date[1]);
}
