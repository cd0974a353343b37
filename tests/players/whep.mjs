// @ts-check
// A viewer over WebRTC in Chromium: a WHEP client of a few lines, and what it has seen.

/**
 * @typedef {{ at: number, frame: number, latencyMs: number, rtpTimestamp: number }} Shown a shown picture, read from its strip
 * @typedef {{ firstPictureMs: number, shown: Shown[], freezes: number, streams: number, soundSamples: number,
 *   concealed: number, transport: string, codec: string, location: string | null }} Seen
 */

/**
 * Watches a stream over WebRTC for some seconds, then ends the session.
 * @param {import('playwright-core').Page} page of the server
 * @param {{ url: string, seconds: number, onlyTcp?: boolean }} what
 * @returns {Promise<Seen>}
 */
export function watch(page, { url, seconds, onlyTcp = false }) {
  return page.evaluate(async (what) => {
    const { readStripFromVideo } = await import(/** @type {any} */ ('/static/strip.js'));
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
    const text = await answer.text();
    const sdp = what.onlyTcp ? text.split('\r\n').filter((line) => !/^a=candidate:.* udp /i.test(line)).join('\r\n') : text;
    await connection.setRemoteDescription({ type: 'answer', sdp });
    /** @type {any[]} */
    const shown = [];
    const canvas = document.createElement('canvas');
    let firstPictureMs = NaN;
    const note = (/** @type {number} */ _, /** @type {any} */ { rtpTimestamp }) => {
      const at = performance.now();
      if (Number.isNaN(firstPictureMs)) firstPictureMs = at - begin;
      const strip = readStripFromVideo(video, canvas);
      if (strip) shown.push({ at, frame: strip.frame, latencyMs: performance.timeOrigin + at - strip.timeMs, rtpTimestamp });
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    await new Promise((resolve) => setTimeout(resolve, what.seconds * 1000));
    const reports = [...(await connection.getStats()).values()];
    const of = (/** @type {string} */ type, /** @type {any} */ more = {}) =>
      reports.find((report) => report.type === type && Object.entries(more).every(([key, value]) => report[key] === value));
    const pair = of('candidate-pair', { state: 'succeeded', nominated: true });
    const [pictures, sound] = ['video', 'audio'].map((kind) => of('inbound-rtp', { kind }));
    const location = answer.headers.get('Location');
    if (location) await fetch(new URL(location, what.url), { method: 'DELETE' });
    connection.close();
    video.remove();
    return {
      firstPictureMs, shown, streams: streams.size, location,
      freezes: pictures?.freezeCount ?? -1,
      soundSamples: sound?.totalSamplesReceived ?? 0,
      concealed: sound ? sound.concealedSamples / sound.totalSamplesReceived : 1,
      transport: reports.find((report) => report.id === pair?.remoteCandidateId)?.protocol ?? 'none',
      codec: reports.find((report) => report.id === pictures?.codecId)?.sdpFmtpLine ?? '',
    };
  }, { url, seconds, onlyTcp });
}

/** @param {number[]} values @param {number} share @returns {number} the value that a share of the values does not exceed */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
