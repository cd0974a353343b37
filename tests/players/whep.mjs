// @ts-check
// A viewer over WebRTC in Chromium: a WHEP client of a few lines, and what it has seen.

/**
 * @typedef {{ at: number, frame: number, latencyMs: number, rtpTimestamp: number }} Shown a shown picture, read from its strip
 * `nacks` are packets that the browser requested again; `soundLateMs` is null unless the viewer listens.
 * @typedef {{ firstPictureMs: number, height: number, shown: Shown[], freezes: number, frozenMs: number, nacks: number, streams: number,
 *   soundSamples: number, concealed: number, soundLateMs: number | null, transport: string, codec: string,
 *   location: string | null }} Seen
 * `only` removes the candidates of the other transport; `udpPort` replaces the server's UDP port; `listens` measures how late the
 * sound is.
 * @typedef {{ url: string, seconds: number, only?: 'udp' | 'tcp', udpPort?: number, listens?: boolean }} What
 */

/** Duration of a frame of the default stream. */
export const FRAME_MS = 40;

/**
 * Watches a stream over WebRTC for some seconds, then ends the session.
 * @param {import('playwright-core').Page} page of the server
 * @param {What} what
 * @returns {Promise<Seen>}
 */
export function watch(page, what) {
  return page.evaluate(async (what) => {
    const [{ readStripFromVideo }, { SoundOffset }, { followServerTime }] = await Promise.all(
      ['strip', 'sound-offset', 'clock'].map((name) => import(/** @type {any} */ (`/static/${name}.js`))),
    );
    const connection = new RTCPeerConnection();
    const video = document.createElement('video');
    Object.assign(video, { muted: true, autoplay: true });
    document.body.append(video);
    /** @type {Set<string>} */
    const streams = new Set();
    connection.ontrack = ({ streams: [stream] }) => {
      streams.add(stream.id);
      video.srcObject = stream;
    };
    connection.addTransceiver('video', { direction: 'recvonly' });
    connection.addTransceiver('audio', { direction: 'recvonly' });
    const begin = performance.now();
    await connection.setLocalDescription(await connection.createOffer());
    const body = connection.localDescription?.sdp;
    const answer = await fetch(what.url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    const candidate = (/** @type {string} */ line) => /^a=candidate:\S+ \d+ (\w+) /i.exec(line)?.[1].toLowerCase();
    const lines = (await answer.text()).split('\r\n').filter((line) => !what.only || [undefined, what.only].includes(candidate(line)));
    const sdp = lines.map((line) => {
      return what.udpPort && candidate(line) === 'udp' ? line.replace(/\d+(?= typ )/, `${what.udpPort}`) : line;
    }).join('\r\n');
    await connection.setRemoteDescription({ type: 'answer', sdp });
    /** @type {any[]} */
    const shown = [];
    const canvas = document.createElement('canvas');
    /** @type {any} */
    let seen = null;
    /** @type {any} */
    let sound = null;
    let firstPictureMs = NaN;
    const note = (/** @type {number} */ _, /** @type {any} */ { rtpTimestamp, mediaTime }) => {
      const at = performance.now();
      if (Number.isNaN(firstPictureMs)) {
        firstPictureMs = at - begin;
        if (what.listens) {
          followServerTime();
          sound = new SoundOffset(video, true, () => seen);
          void sound.start();
        }
      }
      const strip = readStripFromVideo(video, canvas);
      if (strip) {
        const latencyMs = performance.timeOrigin + at - strip.timeMs;
        seen = { timeMs: strip.timeMs, mediaTime, latencyMs };
        shown.push({ at, frame: strip.frame, latencyMs, rtpTimestamp });
      }
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    await new Promise((resolve) => setTimeout(resolve, what.seconds * 1000));
    const reports = [...(await connection.getStats()).values()];
    const of = (/** @type {string} */ type, /** @type {any} */ more = {}) =>
      reports.find((report) => report.type === type && Object.entries(more).every(([key, value]) => report[key] === value));
    const pair = of('candidate-pair', { id: of('transport')?.selectedCandidatePairId });
    const [pictures, audio] = ['video', 'audio'].map((kind) => of('inbound-rtp', { kind }));
    const soundLateMs = sound?.milliseconds ?? null;
    sound?.close();
    const location = answer.headers.get('Location');
    const { videoHeight: height } = video;
    if (location) await fetch(new URL(location, what.url), { method: 'DELETE' });
    connection.close();
    video.remove();
    return {
      firstPictureMs, height, shown, streams: streams.size, location, soundLateMs,
      freezes: pictures?.freezeCount ?? -1,
      frozenMs: (pictures?.totalFreezesDuration ?? NaN) * 1000,
      nacks: pictures?.nackCount ?? 0,
      soundSamples: audio?.totalSamplesReceived ?? 0,
      concealed: audio ? audio.concealedSamples / audio.totalSamplesReceived : 1,
      transport: reports.find((report) => report.id === pair?.remoteCandidateId)?.protocol ?? 'none',
      codec: reports.find((report) => report.id === pictures?.codecId)?.sdpFmtpLine ?? '',
    };
  }, what);
}

/** When a picture was shown, Unix time in ms. @param {Shown} picture */
export function shownAt({ frame, latencyMs }) {
  return frame * FRAME_MS + latencyMs;
}

/** Times in ms between pictures and the newer picture that is shown next. @param {Shown[]} shown @returns {number[]} */
export function gapsMs(shown) {
  const newer = shown.filter(({ frame }, index) => shown.slice(0, index).every((before) => before.frame < frame));
  return newer.slice(1).map(({ at }, index) => at - newer[index].at);
}

/** @param {number[]} values @param {number} share @returns {number} the value that a share of the values does not exceed */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
