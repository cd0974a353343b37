// @ts-check
// Reports requests for media that the server refused, whichever player sent them.

const MEDIA = /\/(?:live|hls|dash)\//;
const LEAST_FAILURE = 400;

/** @param {(text: string) => void} onFailure like `404 /live/test/v/…` @returns {() => void} ends it */
export function watchFailedRequests(onFailure) {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { name, responseStatus } = /** @type {PerformanceResourceTiming} */ (entry);
      if (responseStatus >= LEAST_FAILURE && MEDIA.test(name)) onFailure(`${responseStatus} ${new URL(name).pathname}`);
    }
  });
  observer.observe({ type: 'resource' });
  return () => observer.disconnect();
}
