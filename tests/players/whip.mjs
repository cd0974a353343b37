// @ts-check
// A publisher over WebRTC in Chromium: a canvas with the strip and a tone, sent by a WHIP client of a few lines; and a viewer that
// stays.

/** @typedef {{ frame: number, timeMs: number }} Timecode what a strip says */

/**
 * Publishes a canvas on which every picture has its strip at the top, where the server paints another over it for HLS and DASH,
 * and at the bottom, until the page is closed or `stop` is called.
 * @param {import('playwright-core').Page} page of the server
 * @param {{ url: string, token: string }} where
 * @returns {Promise<{ stop: () => Promise<number> }>} `stop` resolves to the status of the DELETE
 */
export async function publish(page, { url, token }) {
  await page.evaluate(async (where) => {
    const { drawTestPicture } = await import(/** @type {any} */ ('/static/publish-source.js'));
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    let frame = 0;
    const draw = () => {
      drawTestPicture(context, frame);
      frame += 1;
    };
    draw();
    const timer = setInterval(draw, 40);
    const audio = new AudioContext();
    const [tone, sound] = [audio.createOscillator(), audio.createMediaStreamDestination()];
    tone.connect(sound);
    tone.start();
    const connection = new RTCPeerConnection();
    const stream = new MediaStream([...canvas.captureStream(25).getTracks(), ...sound.stream.getTracks()]);
    for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    await connection.setLocalDescription();
    const headers = { Authorization: `Bearer ${where.token}` };
    const body = connection.localDescription?.sdp;
    const answer = await fetch(where.url, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/sdp' }, body });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`${answer.status} ${text}`);
    await connection.setRemoteDescription({ type: 'answer', sdp: text });
    const session = new URL(answer.headers.get('Location') ?? '', where.url);
    /** @type {any} */ (window).stopPublishing = async () => {
      clearInterval(timer);
      const { status } = await fetch(session, { method: 'DELETE', headers });
      connection.close();
      await audio.close();
      return status;
    };
  }, { url, token });
  return { stop: () => page.evaluate(() => /** @type {any} */ (window).stopPublishing()) };
}

/**
 * Watches a stream until the page is closed.
 * @param {import('playwright-core').Page} page of the server
 * @param {string} url
 * @returns {Promise<{ shown: () => Promise<Timecode[]>, soundSamples: () => Promise<number> }>} the strips of all pictures so far
 */
export async function join(page, url) {
  await page.evaluate(async (where) => {
    const { readStripFromVideo } = await import(/** @type {any} */ ('/static/strip.js'));
    const connection = new RTCPeerConnection();
    const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.append(video);
    connection.ontrack = ({ streams: [stream] }) => { video.srcObject = stream; };
    for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' });
    await connection.setLocalDescription();
    const body = connection.localDescription?.sdp;
    const answer = await fetch(where, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`${answer.status} ${text}`);
    await connection.setRemoteDescription({ type: 'answer', sdp: text });
    const canvas = document.createElement('canvas');
    /** @type {Timecode[]} */
    const shown = [];
    const note = () => {
      const strip = readStripFromVideo(video, canvas);
      if (strip) shown.push(strip);
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    Object.assign(window, { shown, connection });
  }, url);
  return {
    shown: () => page.evaluate(() => /** @type {any} */ (window).shown),
    soundSamples: () => page.evaluate(async () => {
      const reports = [...(await /** @type {any} */ (window).connection.getStats()).values()];
      const sound = reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio');
      return sound.totalSamplesReceived - sound.concealedSamples;
    }),
  };
}
