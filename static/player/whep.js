// @ts-check
// Plays with WebRTC, which a session of WHEP sets up. The browser itself plays what arrives.

import { closeSession, openSession } from '../api.js';

/** States in which nothing arrives any more. A server that ends the session leaves the connection as if it were new. */
const LOST = new Set(['failed', 'closed', 'new']);

/** @type {import('../playback.js').Player['open']} */
export function open({ video, url, onError, onBlocked }) {
  const connection = new RTCPeerConnection();
  let isClosed = false;
  /** URL of the session; empty while there is none. */
  let session = '';
  const fail = (/** @type {string} */ text) => {
    if (!isClosed) onError({ fatal: true, text });
  };
  connection.addEventListener('track', ({ streams: [stream] }) => {
    if (stream === undefined || video.srcObject === stream) return;
    video.srcObject = stream;
    video.play().catch((error) => {
      if (error.name === 'NotAllowedError') onBlocked();
    });
  });
  connection.addEventListener('connectionstatechange', () => {
    if (!LOST.has(connection.connectionState)) return;
    session = '';
    fail('the connection was lost');
  });
  const begin = async () => {
    for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' });
    await connection.setLocalDescription();
    const opened = await openSession(url, connection.localDescription?.sdp ?? '');
    session = opened.session;
    if (isClosed) await closeSession(session);
    else await connection.setRemoteDescription({ type: 'answer', sdp: opened.answer });
  };
  begin().catch((error) => fail(error.message));
  return {
    close: async () => {
      isClosed = true;
      video.srcObject = null;
      // The end of the connection ends the session too, so the server would not find the session afterwards.
      if (session !== '') await closeSession(session);
      connection.close();
    },
  };
}
