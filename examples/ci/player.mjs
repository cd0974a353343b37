// What the tests beside this file share: a page that plays a URL with hls.js, dash.js or shaka-player, and tells which picture
// it shows. In a test of your own player, load your player in place of these.

import { once } from 'node:events';
import { createServer } from 'node:http';

// Pages are of another origin than the stream, as in production.
const BODY = '<!doctype html><video muted playsinline crossorigin="anonymous"></video>';
const pages = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(BODY)).listen(0, '127.0.0.1');
pages.unref();
await once(pages, 'listening');

/** Script of each player, which barstone serves, and the code that plays `url` in `video`. */
const PLAYERS = {
  'hls.js': {
    script: 'hls.min.js',
    play: (video, url) => {
      const hls = new Hls();
      hls.attachMedia(video);
      hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
      hls.loadSource(url);
    },
  },
  'dash.js': {
    script: 'dash.all.min.js',
    play: (video, url) => dashjs.MediaPlayer().create().initialize(video, url, true),
  },
  'shaka-player': {
    script: 'shaka-player.compiled.js',
    play: async (video, url) => {
      const player = new shaka.Player();
      await player.attach(video);
      await player.load(url);
      await video.play();
    },
  },
};

/**
 * Opens a page that plays a URL.
 * @param {import('playwright-core').Browser} browser
 * @param {import('barstone').Barstone} barstone
 */
export async function open(browser, barstone, player, url) {
  const { script, play } = PLAYERS[player];
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.addScriptTag({ url: `${barstone.base}/static/vendor/${script}` });
  await page.evaluate(`import('${barstone.base}/static/strip.js').then((strip) => { window.strip = strip; })`);
  await page.evaluate(`(${play})(document.querySelector('video'), ${JSON.stringify(url)})`);
  return page;
}

/**
 * Waits for a picture, and reads its strip.
 * @param {import('playwright-core').Page} page
 * @param {number} afterMs the picture is later than this, in Unix milliseconds
 * @returns {Promise<{ pictureMs: number, latencyMs: number }>} UTC of the picture, and how long ago that was
 */
export async function picture(page, afterMs = 0) {
  const read = (after) => {
    const strip = window.strip.readStripFromVideo(document.querySelector('video'), document.createElement('canvas'));
    return strip !== null && strip.timeMs > after && { pictureMs: strip.timeMs, latencyMs: Date.now() - strip.timeMs };
  };
  const found = await page.waitForFunction(read, afterMs, { timeout: 30_000 });
  return found.jsonValue();
}
