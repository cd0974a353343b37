// @ts-check
// Publishes picture and sound over WebRTC, which a session of WHIP sets up.

import { closeSession, openSession } from './api.js';

/** States in which nothing is sent any more. A server that ends the session leaves the connection as if it were new. */
const LOST = new Set(['failed', 'closed', 'new']);

export class Publication {
  #connection = new RTCPeerConnection();
  /** URL of the session; empty while there is none. */
  #session = '';

  /**
   * Publishes until `stop` is called, or until the server ends the session or the connection is lost.
   * @param {string} url of WHIP, absolute
   * @param {MediaStream} stream
   * @param {() => void} onEnd called if the publication ends by itself
   */
  static async start(url, stream, onEnd) {
    const publication = new Publication();
    const connection = publication.#connection;
    for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    connection.addEventListener('connectionstatechange', () => {
      if (LOST.has(connection.connectionState)) onEnd();
    });
    await connection.setLocalDescription();
    const { answer, session } = await openSession(url, connection.localDescription?.sdp ?? '');
    publication.#session = session;
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
    return publication;
  }

  /** @returns {Promise<number | null>} time to the server and back; null until it is known */
  async roundTripMs() {
    const reports = [...(await this.#connection.getStats()).values()];
    const used = reports.find((report) => report.nominated && report.currentRoundTripTime !== undefined);
    return used === undefined ? null : used.currentRoundTripTime * 1000;
  }

  async stop() {
    if (this.#session !== '') await closeSession(this.#session);
    this.#connection.close();
  }
}
