// @ts-check
// Pages beside the page: the player for frames and the wall; and URLs of another origin in the page.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import * as shown from './players/page.mjs';
import { axe, axeInAllColours, figures, playbackBegins, SCREENSHOTS, SOON_S, STARTS_WITHIN_S } from './players/page.mjs';
import { Server, SMALL_VIDEO } from './players/server.mjs';

const { server, browser } = await open(() => Server.small());

/** @param {string} path @param {Parameters<typeof shown.withPage>[2]} use */
function withPage(path, use) {
  return shown.withPage(browser, server.url + path, use);
}

/** A page of another origin that frames a URL. @param {string} framed */
async function startFramingPage(framed) {
  const host = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(`<!doctype html><iframe src="${framed}" allow="autoplay"></iframe>`));
  await new Promise((resolve) => host.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (host.address());
  return { url: `http://localhost:${port}/`, close: () => host.close() };
}

/** No test here judges how well a stream plays, so two pages may share the processor. */
describe('views', { concurrency: 2 }, () => {
  test('the list is filtered, and an empty list says what to do', { timeout: 60_000 }, async () => {
    await withPage('/#nothing', async (page, faults) => {
      /** @type {string[]} */
      let names = ['east-1', 'east-2', 'north', 'west'];
      await page.route('**/api/v1/streams', async (route) => {
        const response = await route.fetch();
        const [stream] = await response.json();
        await route.fulfill({ response, json: names.map((name) => ({ ...stream, name, title: name === 'west' ? 'Eastern colours' : '' })) });
      });
      const shownNames = async () => (await page.locator('stream-card:visible h3').allTextContents()).join();
      await until('all are shown', SOON_S, async () => (await shownNames()) === 'east-1,east-2,north,west');
      const filter = page.getByLabel('Filter streams');
      await filter.fill('east RUNNING');
      await until('two and the one of that title are shown', SOON_S, async () => (await shownNames()) === 'east-1,east-2,west');
      await filter.fill('south');
      await until('it says that none fits', SOON_S, async () => (await page.locator('.empty').textContent()) === 'No stream fits the filter.');
      await filter.fill('');
      await until('all are shown in the same order', SOON_S, async () => (await shownNames()) === 'east-1,east-2,north,west');
      names = [];
      await until('it says what to do', SOON_S, async () => (await page.locator('.empty').textContent()) === 'No streams yet. Choose New stream to create one.');
      assert.match((await page.locator('#version').textContent()) ?? '', /^barstone \d+\.\d+\.\d+/);
      assert.deepEqual(faults, []);
      await page.unrouteAll({ behavior: 'ignoreErrors' });
    });
  });

  test('a page of another origin frames the player, and no other page', { timeout: 120_000 }, async () => {
    const host = await startFramingPage(`${server.url}/embed/test?format=hls&latency`);
    const refused = await startFramingPage(`${server.url}/`);
    try {
      await shown.withPage(browser, host.url, async (page, faults) => {
        const frame = page.frameLocator('iframe');
        const latency = frame.locator('.embed-latency');
        await until('it plays, with its latency', STARTS_WITHIN_S, async () => parseFloat((await latency.textContent()) ?? '') > 0);
        assert.equal(await frame.locator('video').evaluate((video) => /** @type {HTMLVideoElement} */ (video).muted), true);
        assert.equal(await frame.locator('button:visible').count(), 0, 'nothing to change');
        assert.deepEqual(faults, []);
      });
      await shown.withPage(browser, refused.url, async (_, faults) => {
        await until('the browser refuses', SOON_S, () => faults.some((text) => text.includes('frame-ancestors')));
      });
    } finally {
      host.close();
      refused.close();
    }
  });

  test('the frame of a stopped stream says so without a button', { timeout: 120_000 }, async () => {
    assert.equal((await server.api('POST', '', { name: 'halted', video: SMALL_VIDEO, enabled: false })).status, 201);
    await withPage('/embed/halted', async (page) => {
      await until('it says so', SOON_S, async () => (await page.locator('.note-text').textContent()) === 'halted is stopped.');
      assert.equal(await page.locator('button:visible').count(), 0);
      assert.deepEqual(await axeInAllColours(page), []);
    });
    assert.equal((await server.api('DELETE', '/halted')).status, 204);
  });

  test('the wall shows every stream, and streams that come and go', { timeout: 180_000 }, async () => {
    // The other tests create streams too.
    const own = await Server.small();
    try {
      await shown.withPage(browser, `${own.url}/wall`, async (page, faults) => {
        const screen = (/** @type {string} */ name) => page.locator('.screens > li', { has: page.getByRole('heading', { name, exact: true }) });
        await until('it plays', STARTS_WITHIN_S, async () => /^\d+\.\d s$/.test((await screen('test').locator('.screen-latency').textContent()) ?? ''));
        assert.equal((await own.api('POST', '', { name: 'another', video: SMALL_VIDEO })).status, 201);
        await until('the new stream plays too', STARTS_WITHIN_S, async () => /^\d+\.\d s$/.test((await screen('another').locator('.screen-latency').textContent()) ?? ''));
        assert.equal(await page.locator('#connection').textContent(), '2 streams: 2 running');
        await page.setViewportSize({ width: 1920, height: 1080 });
        await until('the pictures fill the screen', SOON_S, () => page.evaluate(() => {
          const boxes = [...document.querySelectorAll('.screen-picture')].map((picture) => picture.getBoundingClientRect());
          const { scrollHeight, clientHeight } = /** @type {HTMLElement} */ (document.querySelector('main'));
          return boxes.every(({ width, bottom }) => width > 900 && bottom < innerHeight) && scrollHeight <= clientHeight;
        }));
        await page.screenshot({ path: `${SCREENSHOTS}page-wall.png` });
        assert.equal((await own.api('POST', '/another/stop')).status, 200);
        await until('a still stands for the stopped stream', SOON_S, () => screen('another').locator('stream-still img').isVisible());
        assert.equal(await page.locator('#connection').textContent(), '2 streams: 1 running, 1 stopped');
        assert.deepEqual(await axe(page), []);
        assert.equal((await own.api('DELETE', '/another')).status, 204);
        await until('it is gone', SOON_S, async () => (await screen('another').count()) === 0);
        // The player of the deleted stream may have requested more of it.
        assert.deepEqual(faults.filter((text) => !text.includes('404')), []);
      });
    } finally {
      await own.stop();
    }
  });

  test('the page survives a restart of the server', { timeout: 180_000 }, async () => {
    const mortal = await Server.small();
    try {
      await shown.withPage(browser, `${mortal.url}/#test/hls/hls.js`, async (page) => {
        await playbackBegins(page);
        const line = page.locator('#connection');
        await mortal.kill9();
        await until('the loss is said', SOON_S, async () => /^No connection to the server\. /.test((await line.textContent()) ?? ''));
        await mortal.restart();
        await until('the list is back', SOON_S, async () => (await line.textContent()) === '1 stream');
        const restartedAt = Date.now();
        await until('pictures of after the restart are shown', STARTS_WITHIN_S, () => page.evaluate((at) => {
          const { showing } = /** @type {any} */ (document.querySelector('live-picture'));
          return showing?.meter.seen?.timeMs > at;
        }, restartedAt));
      });
    } finally {
      await mortal.stop();
    }
  });

  test('the page publishes a test picture by the keyboard, and shows the round trip', { timeout: 180_000 }, async () => {
    await server.api('POST', '', { name: 'guest', source: 'publish', video: SMALL_VIDEO });
    await shown.withPage(browser, shown.quietPage(server), async (page, faults) => {
      await shown.phaseBecomes(page, 'guest', 'waiting');
      const button = shown.card(page, 'guest').getByRole('button', { name: 'Publish' });
      await button.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Publish to guest' });
      await dialog.getByRole('radio', { name: 'Camera' }).press('ArrowLeft');
      assert.ok(await dialog.getByRole('radio', { name: 'Test picture' }).isChecked());
      assert.deepEqual(await axeInAllColours(page), []);
      await dialog.getByRole('button', { name: 'Publish' }).press('Enter');
      const status = dialog.getByRole('status');
      await until('the round trip is shown', SOON_S, async () => /^Publishing · round trip to the server \d/.test((await status.textContent()) ?? ''));
      await shown.phaseBecomes(page, 'guest', 'running');
      assert.deepEqual(await axeInAllColours(page), []);
      await page.screenshot({ path: `${SCREENSHOTS}page-publish.png` });
      await page.keyboard.press('Escape');
      await shown.phaseBecomes(page, 'guest', 'waiting');
      assert.ok(await button.evaluate((element) => element === document.activeElement), 'the focus is back');
      assert.equal(await shown.card(page, 'test').getByRole('button', { name: 'Publish' }).count(), 0, 'a test signal');
      assert.deepEqual(faults, []);
    });
    await server.api('DELETE', '/guest');
  });

  test('a URL of another origin is played and measured', { timeout: 180_000 }, async () => {
    const other = await Server.small();
    const withoutCors = await startFramingPage('about:blank');
    try {
      await withPage('/#nothing', async (page, faults) => {
        const field = page.getByLabel('Play any HLS or DASH URL');
        await field.fill('cdn.example/live.m3u8');
        await field.press('Enter');
        assert.equal(await page.locator('#h-any-url').textContent(), 'Enter a URL that begins with http:// or https://.');
        await field.fill(`${other.url}/dash/test.mpd`);
        await field.press('Enter');
        await playbackBegins(page);
        await until('its latency is measured', SOON_S, async () => (await figures(page)).latency > 0);
        assert.equal(await page.locator('#player-heading').textContent(), `${new URL(other.url).host}/dash/test.mpd`);
        assert.ok(page.url().endsWith(`#url:${encodeURIComponent(`${other.url}/dash/test.mpd`)}/dash/dash.js`), page.url());
        assert.deepEqual(faults, []);

        await field.fill(`${withoutCors.url}live.m3u8`);
        await field.press('Enter');
        const words = page.locator('player-panel .note-text');
        await until('the page says why it does not play', SOON_S, async () => /^Playback failed: .*CORS/.test((await words.textContent()) ?? ''));
      });
    } finally {
      withoutCors.close();
      await other.stop();
    }
  });
});
