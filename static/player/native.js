// @ts-check
// Plays with the browser's own player, where the browser has one for HLS.

/** Names of MediaError codes. @type {Record<number, string>} */
const ERRORS = { 1: 'aborted', 2: 'network error', 3: 'cannot decode the media', 4: 'cannot play the source' };

/** @type {import('../playback.js').Player} */
export const player = {
  bundle: null,

  open({ video, url, onError, onBlocked }) {
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
