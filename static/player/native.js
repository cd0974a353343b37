// @ts-check
// Plays with the browser's own player: HLS, where the browser has one for it, and WebRTC.

import { isWhep } from '../address.js';
import { open as openWhep } from './whep.js';

/** Names of MediaError codes. @type {Record<number, string>} */
const ERRORS = { 1: 'aborted', 2: 'network error', 3: 'cannot decode the media', 4: 'cannot play the source' };

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: null,

  open(source) {
    if (isWhep(source.url)) return openWhep(source);
    const { video, url, onError, onBlocked } = source;
    const report = () => onError({ fatal: true, text: video.error?.message || ERRORS[video.error?.code ?? 0] || 'unknown error' });
    video.addEventListener('error', report);
    video.src = url;
    video.play().catch((error) => {
      if (error.name === 'NotAllowedError') onBlocked();
    });
    return {
      close: async () => {
        video.removeEventListener('error', report);
        video.removeAttribute('src');
        video.load();
      },
    };
  },
};
