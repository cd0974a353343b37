// @ts-check
// The tools of the page in a browser: the URL builder, the comparison, the measurements and their export, any URL, and accessibility.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import * as shown from './players/page.mjs';
import { axe, axeInAllColours, figures, openForm, playbackBegins, SCREENSHOTS, SOON_S, STARTS_WITHIN_S } from './players/page.mjs';
import { Server, SMALL_VIDEO } from './players/server.mjs';

const require = createRequire(new URL('players/package.json', import.meta.url));
const jsQR = require('jsqr');

const { server, browser } = await open(() => Server.small());

/** @typedef {import('playwright-core').Page} Page */

/** @param {string} fragment @param {Parameters<typeof shown.withPage>[2]} use */
function withPage(fragment, use) {
  return shown.withPage(browser, `${server.url}/#${fragment}`, use);
}

/** Reads the QR code of the page as a phone does. @param {Page} page */
async function scan(page) {
  const { data, size } = await page.locator('.qr svg').evaluate(async (svg) => {
    const size = 480;
    const copy = /** @type {SVGElement} */ (svg.cloneNode(true));
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.setAttribute('width', String(size));
    copy.setAttribute('height', String(size));
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(copy.outerHTML)}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.drawImage(image, 0, 0, size, size);
    return { data: [...context.getImageData(0, 0, size, size).data], size };
  });
  return jsQR(Uint8ClampedArray.from(data), size, size)?.data;
}

/** No test here judges how well a stream plays, so two pages may share the processor. */
describe('tools', { concurrency: 2 }, () => {
  test('a URL is built from the table of the server, and the page plays what was built', { timeout: 180_000 }, async () => {
    await withPage('test/llhls/hls.js&tool=url', async (page, faults) => {
      const builder = page.locator('url-builder');
      const url = () => builder.locator('.built-url code').textContent();
      await until('the table is there', SOON_S, async () => (await builder.locator('[data-condition]').count()) > 0);
      const table = await (await fetch(`${server.url}/api/v1/conditions`)).json();
      assert.equal(await builder.locator('[data-condition]').count(), table.filter((/** @type {{ fault: boolean }} */ { fault }) => !fault).length);
      assert.equal(await url(), `${server.url}/live/test/llhls.m3u8`);

      await builder.getByRole('checkbox', { name: 'no-hints' }).check();
      await builder.getByRole('checkbox', { name: /^delay/ }).check();
      await builder.getByLabel('Value of delay').fill('1ms');
      const fault = builder.locator('.built-fault');
      await until('the server refuses the value', SOON_S, async () => ((await fault.textContent()) ?? '') !== '');
      assert.equal(await builder.getByLabel('Value of delay').getAttribute('aria-invalid'), 'true');
      await builder.getByLabel('Value of delay').fill('9s');
      assert.equal(await fault.textContent(), '');
      const built = `${server.url}/with/delay=9s,no-hints/live/test/llhls.m3u8`;
      assert.equal(await url(), built);
      assert.equal(await scan(page), built);
      const lines = await builder.locator('.one-liner code').allTextContents();
      assert.ok(lines.length >= 7 && lines.every((line) => line.includes(built)), lines.join('\n'));
      assert.equal((await fetch(built)).status, 200);

      await builder.getByRole('button', { name: 'Play here' }).click();
      await until('the address has the conditions', SOON_S, () => page.url().endsWith('#test/llhls/hls.js/delay=9s,no-hints&tool=url'));
      const { latency } = await until('the strip shows the delay', STARTS_WITHIN_S, async () => {
        const now = await figures(page);
        return now.state === 'playing' && now.latency > 8 ? now : null;
      });
      assert.ok(latency < 20, `a latency of ${latency} s`);
      assert.equal(await page.locator('.conditions-now').textContent(), 'delay=9s, no-hints');
      await page.screenshot({ path: `${SCREENSHOTS}page-builder.png`, fullPage: true });

      await builder.getByRole('button', { name: 'Remove all conditions' }).click();
      await builder.getByLabel('Format').selectOption('dash');
      assert.equal(await url(), `${server.url}/live/test/dash.mpd`);
      assert.equal(await builder.locator('[data-condition=no-hints]').isVisible(), false, 'HLS only');

      await builder.getByLabel('Format').selectOption('hls');
      await builder.getByLabel('Filter conditions').fill('shift');
      assert.equal(await builder.locator('[data-condition]:visible').count(), 1);
      await builder.getByRole('checkbox', { name: /^shift/ }).check();
      await builder.getByLabel('Value of shift').fill('1h');
      await builder.getByRole('button', { name: 'Play here' }).click();
      const past = await until('the strip shows an hour ago', STARTS_WITHIN_S, async () => {
        const now = await figures(page);
        return now.state === 'playing' && now.latency >= 3600 ? now.latency : null;
      });
      assert.ok(past < 3640, `a latency of ${past} s`);
      assert.deepEqual(faults.filter((text) => !/400/.test(text)), []);
    });
  });

  test('a URL that the server refuses says why, at the picture and at the condition', { timeout: 120_000 }, async () => {
    await withPage('test/hls/hls.js/delay=3s&tool=url', async (page) => {
      const note = page.locator('player-panel player-note');
      const words = note.locator('.note-text');
      await until('the picture says why', SOON_S, async () => /^Playback failed: delay must be .*, not 3s$/.test((await words.textContent()) ?? ''));
      const condition = page.locator('[data-condition=delay]');
      const hint = condition.locator('.hint').first();
      await until('the condition says why', SOON_S, async () => (await hint.textContent()) === (await words.textContent())?.replace('Playback failed: ', ''));
      assert.deepEqual(await axeInAllColours(page), []);
      await condition.getByLabel('Value of delay').fill('9s');
      assert.equal(await hint.textContent(), '');
      await page.getByRole('button', { name: 'Play here' }).click();
      await playbackBegins(page);
      await until('the note is gone', SOON_S, async () => !(await note.isVisible()));
    });
  });

  test('faults of a URL are built, several of one kind too, and come back from the address', { timeout: 120_000 }, async () => {
    await withPage('test/llhls/hls.js&tool=url', async (page, faults) => {
      const builder = page.locator('url-builder');
      const url = () => builder.locator('.built-url code').textContent();
      const rows = builder.locator('fault-list li');
      /** @param {string} name */
      const add = async (name) => {
        await builder.getByLabel('Kind of fault').selectOption(name);
        await builder.getByRole('button', { name: 'Add', exact: true }).click();
        return rows.nth((await rows.count()) - 1);
      };
      await until('faults are offered', SOON_S, () => builder.getByLabel('Kind of fault').isVisible());
      const first = await add('status');
      await first.getByLabel('Value of status').fill('503');
      await first.getByLabel('on of status').selectOption('segments');
      await first.getByLabel('every of status').fill('7');
      const second = await add('status');
      await second.getByLabel('Value of status').fill('404');
      await second.getByLabel('at of status').fill('2026-11-21T03:40:28Z');
      await second.getByLabel('for of status').fill('10s');
      const faulty = 'status=503:on=segments:every=7,status=404:at=2026-11-21T03:40:28Z:for=10s';
      assert.equal(await url(), `${server.url}/with/${faulty}/live/test/llhls.m3u8`);
      assert.equal((await fetch(`${server.url}/with/${faulty}/live/test/llhls.m3u8`)).status, 200);

      await first.getByLabel('every of status').fill('0');
      const words = builder.locator('.built-fault');
      await until('the server refuses the value', SOON_S, async () => ((await words.textContent()) ?? '').includes('every'));
      assert.equal(await first.evaluate((row) => row.classList.contains('faulty')), true);
      await first.getByLabel('every of status').fill('7');
      await builder.getByRole('button', { name: 'Play here' }).click();
      await until('the address has the faults', SOON_S, () => decodeURIComponent(page.url()).includes(faulty));
      await page.reload();
      await until('the faults are back', SOON_S, async () => (await rows.count()) === 2);
      assert.equal(await url(), `${server.url}/with/${faulty}/live/test/llhls.m3u8`);
      assert.equal(await rows.first().getByLabel('on of status').inputValue(), 'segments');
      await rows.first().getByRole('button', { name: 'Remove status' }).click();
      assert.equal(await url(), `${server.url}/with/${faulty.split(',')[1]}/live/test/llhls.m3u8`);
      assert.deepEqual(faults.filter((text) => !/400|404|503/.test(text)), []);
    });
  });

  test('cards show a still of the server, and the timeline the picture of the moment under the pointer', { timeout: 120_000 }, async () => {
    assert.equal((await server.api('PUT', '/idle', { enabled: false, title: 'Idle', video: SMALL_VIDEO })).status, 201);
    await withPage('test/hls/hls.js', async (page, faults) => {
      for (const name of ['test', 'idle']) {
        const still = shown.card(page, name).locator('stream-still');
        const before = await still.boundingBox();
        const image = still.locator('img');
        await until(`${name} has a still`, SOON_S, async () => (await image.count()) === 1);
        assert.deepEqual(await still.boundingBox(), before, 'nothing moves');
        const timeMs = await image.evaluate(async (element) => {
          const { readStrip } = await import(`${'/static/strip.js'}`);
          const { naturalWidth: width, naturalHeight: height } = /** @type {HTMLImageElement} */ (element);
          const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), { width, height }).getContext('2d'));
          context.drawImage(/** @type {HTMLImageElement} */ (element), 0, 0);
          return readStrip(context.getImageData(0, 0, width, height))?.timeMs ?? 0;
        });
        const ageMs = Date.now() - timeMs;
        assert.ok(timeMs % 10_000 === 0 && ageMs > -1000 && ageMs < 40_000, `a still of ${ageMs} ms ago`);
      }
      await playbackBegins(page);
      const thumbnail = page.locator('timeline-thumbnail');
      await page.locator('.timeline input').hover({ position: { x: 200, y: 12 } });
      await until('the thumbnail is there', SOON_S, () => thumbnail.isVisible());
      const src = (await thumbnail.locator('img').getAttribute('src')) ?? '';
      const [, seconds, width] = /\/live\/test\/still\.jpg\?at=(\d+)&width=(\d+)$/.exec(src) ?? [];
      assert.equal(Number(width), 160);
      assert.equal(await thumbnail.locator('span').textContent(), new Date(Number(seconds) * 1000).toISOString().slice(11, 19));
      const behind = Date.now() / 1000 - Number(seconds);
      assert.ok(behind > 5 && behind < 120, `${behind} s ago`);
      await page.mouse.move(0, 0);
      await until('it goes with the pointer', SOON_S, async () => !(await thumbnail.isVisible()));
      assert.deepEqual(faults, []);
    });
    assert.equal((await server.api('DELETE', '/idle')).status, 204);
  });

  test('players are compared side by side, with one sound and one plot', { timeout: 180_000 }, async () => {
    await withPage('test/hls/hls.js', async (page, faults) => {
      await playbackBegins(page);
      await page.locator('player-panel').getByRole('button', { name: 'Compare' }).click();
      await until('the address names both', SOON_S, () => page.url().endsWith('#test/hls/hls.js&beside=test/lldash/dash.js'));
      const tiles = page.locator('compare-tile');
      assert.equal(await tiles.count(), 2);
      await tiles.nth(1).getByLabel('Format').selectOption('dash');
      await tiles.nth(1).getByLabel('Player').selectOption('shaka-player');
      await until('the address follows', SOON_S, () => page.url().endsWith('&beside=test/dash/shaka-player'));
      for (const i of [0, 1]) {
        await until(`player ${i} shows its latency`, STARTS_WITHIN_S, async () => parseFloat((await tiles.nth(i).locator('[data-figure=latency]').textContent()) ?? '') > 0);
      }
      const muted = () => page.locator('compare-tile video').evaluateAll((videos) => videos.map((video) => /** @type {HTMLVideoElement} */ (video).muted));
      await tiles.nth(0).getByRole('button', { name: 'Sound of' }).click();
      assert.deepEqual(await muted(), [false, true]);
      await tiles.nth(1).getByRole('button', { name: 'Sound of' }).click();
      assert.deepEqual(await muted(), [true, false]);
      const colours = () => page.locator('compare-panel canvas').evaluate((canvas) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
        const { data } = /** @type {CanvasRenderingContext2D} */ (/** @type {HTMLCanvasElement} */ (canvas).getContext('2d')).getImageData(0, 0, width, height);
        const found = new Set();
        for (let at = 0; at < data.length; at += 4) if (Math.max(...data.slice(at, at + 3)) - Math.min(...data.slice(at, at + 3)) > 60) found.add(data[at] > data[at + 2] ? 'orange' : 'teal');
        return [...found].sort();
      });
      await until('the plot has a line for each player', SOON_S, async () => (await colours()).join() === 'orange,teal');
      assert.deepEqual(await axeInAllColours(page), []);
      await page.screenshot({ path: `${SCREENSHOTS}page-compare.png`, fullPage: true });

      await page.reload();
      await until('the link reproduces it', SOON_S, async () => (await tiles.count()) === 2);
      await tiles.nth(0).getByRole('button', { name: 'Remove' }).click();
      await playbackBegins(page);
      assert.ok(page.url().endsWith('#test/dash/shaka-player'), page.url());
      assert.deepEqual(faults, []);
    });
  });

  test('the latency is that of the pictures, the sound is in time, and all is exported', { timeout: 180_000 }, async (t) => {
    await withPage('test/llhls/hls.js', async (page, faults) => {
      await playbackBegins(page);
      const { apart, ofPage, figures: shownFigures } = await page.evaluate(async () => {
        const { readStripFromVideo } = await import(new URL('static/strip.js', document.baseURI).href);
        const { serverNow } = await import(new URL('static/clock.js', document.baseURI).href);
        const video = /** @type {HTMLVideoElement} */ (document.querySelector('video'));
        const { meter } = /** @type {any} */ (document.querySelector('live-picture')).showing;
        const canvas = document.createElement('canvas');
        /** Milliseconds between the test's reading of a picture and the page's. @type {number[]} */
        const apart = [];
        /** @type {number[]} */
        const ofPage = [];
        /** What the page shows meanwhile. @type {string[]} */
        const figures = [];
        await new Promise((resolve) => {
          const see = () => {
            const strip = readStripFromVideo(video, canvas);
            // The page reads some of the pictures, in a callback before this one.
            if (strip && meter.seen?.frame === strip.frame) {
              apart.push(Math.abs(serverNow() - strip.timeMs - meter.seen.latencyMs));
              ofPage.push(meter.seen.latencyMs / 1000);
            }
            figures.push(document.querySelector('[data-figure=latency]')?.textContent ?? '');
            if (apart.length < 20) video.requestVideoFrameCallback(see);
            else resolve(null);
          };
          video.requestVideoFrameCallback(see);
        });
        return { apart, ofPage, figures };
      });
      const median = apart.sort((a, b) => a - b)[apart.length >> 1] ?? NaN;
      t.diagnostic(`the readings of the same pictures are ${median.toFixed(1)} ms apart`);
      assert.ok(median < 20, `${apart}`);
      assert.ok(ofPage.some((latency) => shownFigures.includes(`${latency.toFixed(2)} s`)), `${ofPage} and ${shownFigures}`);

      await page.getByRole('button', { name: 'Measure' }).click();
      const words = page.locator('[data-figure=offset]');
      const said = await until('the sound is measured', STARTS_WITHIN_S, async () => /^(in time|\d+ ms (late|early))$/.exec((await words.textContent()) ?? '')?.[0]);
      t.diagnostic(`sound against picture: ${said}`);
      assert.ok((parseInt(said, 10) || 0) < 20, said);

      await page.getByRole('tab', { name: 'Events' }).click();
      assert.match((await page.locator('event-log li').last().textContent()) ?? '', /state\s+opened/);
      const exported = async (/** @type {string} */ name) => {
        const download = page.waitForEvent('download');
        await page.getByRole('button', { name }).click();
        return readFileSync(await (await download).path(), 'utf8');
      };
      const { choice, measurements, events } = JSON.parse(await exported('All as JSON'));
      assert.deepEqual([choice.stream, choice.format, choice.player], ['test', 'llhls', 'hls.js']);
      assert.ok(measurements.some((/** @type {any} */ { latency }) => latency > 0) && events[0].kind === 'state', JSON.stringify(events[0]));
      const [head, ...rows] = (await exported('Measurements as CSV')).trim().split('\r\n');
      assert.equal(head, 'utc,latency_s,buffer_s,size,dropped_frames,repeated_frames,frozen_pictures,stalls,av_offset_ms');
      assert.match(rows.at(-1) ?? '', /^20\d\d-\d\d-\d\dT[\d:.]+Z,\d+(\.\d+)?,\d+(\.\d+)?,320×180,\d+,\d+,\d+,\d+,-?\d+(\.\d+)?$/);
      assert.deepEqual(faults, []);
    });
  });

  test('sound that a condition makes 120 ms late is measured', { timeout: 180_000 }, async (t) => {
    await withPage('test/hls/hls.js/offset=120ms:track=audio', async (page, faults) => {
      await playbackBegins(page);
      await page.getByRole('button', { name: 'Measure' }).click();
      const words = page.locator('[data-figure=offset]');
      const said = await until('the sound is measured', STARTS_WITHIN_S, async () => /^\d+ ms late$/.exec((await words.textContent()) ?? '')?.[0]);
      t.diagnostic(`sound against picture: ${said}`);
      assert.ok(Math.abs(parseInt(said, 10) - 120) <= 10, said);
      assert.deepEqual(faults, []);
    });
  });

  test('controls pause, seek into the past and return to the live edge, by buttons and by keys', { timeout: 180_000 }, async () => {
    await withPage('test/llhls/hls.js', async (page, faults) => {
      await playbackBegins(page);
      const isPaused = () => page.locator('video').evaluate((video) => /** @type {HTMLVideoElement} */ (video).paused);
      await page.locator('#player-heading').focus();
      await page.keyboard.press('k');
      assert.equal(await isPaused(), true);
      await until('it says so', SOON_S, async () => (await figures(page)).state === 'paused');
      await page.keyboard.press('k');
      assert.equal(await isPaused(), false);
      await page.keyboard.press('m');
      assert.equal(await page.locator('video').evaluate((video) => /** @type {HTMLVideoElement} */ (video).muted), false);

      const slider = page.getByLabel('Position in the window');
      await slider.fill('200');
      await until('the picture is of the past', STARTS_WITHIN_S, async () => (await figures(page)).latency > 15);
      assert.match((await slider.getAttribute('aria-valuetext')) ?? '', /^\d\d:\d\d:\d\d UTC, \d+ s before the live edge$/);
      await page.keyboard.press('l');
      await until('it is live again', STARTS_WITHIN_S, async () => (await figures(page)).latency < 8);
      assert.deepEqual(faults, []);
    });
  });

  test('the picture is live again after five seconds without a network', { timeout: 120_000 }, () => withPage('test/llhls/hls.js', async (page) => {
    await playbackBegins(page);
    await page.context().setOffline(true);
    await until('it is late', STARTS_WITHIN_S, async () => (await figures(page)).latency > 5);
    await page.context().setOffline(false);
    await until('it is live', STARTS_WITHIN_S, async () => (await figures(page)).latency < 3);
  }));

  test('a rendition is picked by hand, and the player chooses again', { timeout: 120_000 }, async () => {
    const [large] = SMALL_VIDEO;
    const video = [large, { id: 'small', width: 160, height: 90, bitrate: 200_000 }];
    assert.equal((await server.api('PUT', '/steps', { video })).status, 201);
    await withPage('steps/hls/hls.js', async (page, faults) => {
      await playbackBegins(page);
      const quality = page.getByLabel('Quality');
      const pick = async (/** @type {string} */ size, /** @type {RegExp} */ label) => {
        await quality.selectOption(await quality.locator('option', { hasText: label }).getAttribute('value'));
        await until(`${size} plays`, STARTS_WITHIN_S, async () => (await page.locator('[data-figure=size]').textContent()) === size);
      };
      // On a busy machine, the player may choose the small rendition at the start.
      await pick(`${large.width}×${large.height}`, new RegExp(`^${large.height}p, `));
      await pick('160×90', /^90p, /);
      await until('the switch is counted', STARTS_WITHIN_S, async () => Number(await page.locator('[data-figure=switches]').textContent()) >= 1);
      await quality.selectOption({ value: '' });
      await until('the list says what the player chooses', STARTS_WITHIN_S, async () => /^Automatic \(\d+p\)$/.test((await quality.locator('option').first().textContent()) ?? ''));
      assert.deepEqual(faults, []);
    });
    assert.equal((await server.api('DELETE', '/steps')).status, 204);
  });

  test('a stream that changes its picture plays on in the same player', { timeout: 120_000 }, async () => {
    assert.equal((await server.api('PUT', '/changing', { video: SMALL_VIDEO })).status, 201);
    await withPage('changing/hls/hls.js', async (page, faults) => {
      await playbackBegins(page);
      const video = await page.locator('video').elementHandle();
      const before = (await server.api('GET', '/changing')).answer.revision;
      const { status, answer } = await server.api('PUT', '/changing', { video: SMALL_VIDEO, pattern: 'ebu' });
      assert.equal(status, 200);
      assert.notEqual(answer.revision, before);
      const changedAt = Date.now();
      await until('a picture of after the change is shown', STARTS_WITHIN_S, () => page.evaluate((at) => {
        const { showing } = /** @type {any} */ (document.querySelector('live-picture'));
        return showing?.meter.seen?.timeMs > at;
      }, changedAt));
      assert.equal(await video?.evaluate((element) => element.isConnected), true, 'the player is the same');
      assert.deepEqual(faults, []);
    });
    assert.equal((await server.api('DELETE', '/changing')).status, 204);
  });

  test('the form creates a stream of a publisher, with the clock over its picture', { timeout: 120_000 }, async () => {
    await shown.withPage(browser, shown.quietPage(server), async (page) => {
      const form = await openForm(page);
      await form.getByLabel('Name').fill('hall');
      const clock = form.getByLabel('UTC clock over the published picture');
      assert.equal(await clock.isDisabled(), true, 'the test signal has a clock');
      await form.getByLabel('Source').selectOption('publish');
      await clock.check();
      await page.screenshot({ path: `${SCREENSHOTS}page-form-publish.png` });
      await form.getByRole('button', { name: 'Create stream' }).click();
      const mine = shown.card(page, 'hall');
      await until('it is there', SOON_S, async () => (await mine.count()) === 1);
      const stored = async () => {
        const { source, publish_clock } = (await server.api('GET', '/hall')).answer;
        return { source, publish_clock };
      };
      assert.deepEqual(await stored(), { source: 'publish', publish_clock: true });
      await shown.expand(page, 'hall');
      await mine.getByRole('button', { name: 'Edit' }).click();
      assert.equal(await clock.isChecked(), true);
      await form.getByLabel('Source').selectOption('signal');
      await form.getByRole('button', { name: 'Save' }).click();
      await until('the form is gone', SOON_S, async () => !(await form.locator('dialog').isVisible()));
      assert.deepEqual(await stored(), { source: 'signal', publish_clock: false });
    });
    assert.equal((await server.api('DELETE', '/hall')).status, 204);
  });

  test('presets fill the form, and every setting of a stream can be changed', { timeout: 180_000 }, async () => {
    await shown.withPage(browser, shown.quietPage(server), async (page, faults) => {
      const form = await openForm(page);
      assert.deepEqual(await axeInAllColours(page), []);
      await form.getByLabel('Name').fill('full');
      await page.keyboard.press('Escape');
      await openForm(page);
      assert.equal(await form.getByLabel('Name').inputValue(), 'full', 'Escape loses nothing');
      await form.getByRole('button', { name: '1024×768 at 60 fps' }).click();
      assert.equal(await form.getByLabel('Name').inputValue(), 'full', 'a preset keeps the name');
      assert.match((await form.locator('.consequences').textContent()) ?? '', /^Segments of 1\.6 s, chunks of 0\.267 s, 3\.13 Mbit\/s in all, 47\.2 Mpixel\/s/);
      const still = form.locator('stream-still img');
      await until('the server paints the picture', SOON_S, async () => (await still.getAttribute('src'))?.includes(encodeURIComponent('"height":768')));
      assert.equal(await still.evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalHeight), 240);
      await form.getByLabel('Pattern').selectOption('ebu');
      await until('the picture follows the form', SOON_S, async () => (await still.getAttribute('src'))?.includes('ebu'));
      await form.getByRole('button', { name: 'Audio only' }).click();
      assert.equal(await still.count(), 0, 'no picture');
      await page.screenshot({ path: `${SCREENSHOTS}page-form.png` });
      await form.getByText('When it runs').click();
      await form.getByText('Enabled: the stream runs').click();
      await form.getByRole('button', { name: 'Create stream' }).click();
      const mine = shown.card(page, 'full');
      await until('it is there', SOON_S, async () => (await mine.count()) === 1);
      assert.deepEqual((await server.api('GET', '/full')).answer.video, []);

      await shown.expand(page, 'full');
      await mine.getByRole('button', { name: 'Edit' }).click();
      await form.getByRole('button', { name: '360p' }).click();
      for (const summary of ['When it runs', 'Who may watch', 'Push to other servers']) await form.getByText(summary).click();
      await form.getByLabel('Run only while watched').check();
      await form.getByLabel('Start and stop by the calendar').check();
      const changes = {
        Title: 'All of it', 'Frame rate': '50', Width: '480', Height: '270', Pitch: '440', Level: '-20', Chunk: '16', Window: '90',
        'Seconds after': '45', 'Required streams': 'test', 'Time zone': 'Europe/Berlin', Starts: '0 8 * * 1-5', Stops: '0 18 * * 1-5',
        'Viewer limit': '9', 'Bandwidth limit': '20', 'Overflow URL': 'https://other.example', 'Allowed addresses': '127.0.0.0/8\n::1', 'Denied addresses': '10.0.0.1',
      };
      for (const [label, value] of Object.entries(changes)) await form.getByLabel(new RegExp(`^${label}`)).fill(value);
      await form.getByLabel('Pattern').selectOption('grid');
      await form.getByLabel('Access').selectOption('private');
      await form.getByRole('button', { name: 'Add a target' }).click();
      await form.getByLabel('URL of the target').fill('udp://127.0.0.1:5004');
      await form.getByRole('button', { name: 'Save' }).click();
      await until('the form is gone', SOON_S, async () => !(await form.locator('dialog').isVisible()));
      const { answer } = await server.api('GET', '/full');
      const { title, fps, segment_frames, chunk_frames, window_seconds, pattern, access, on_demand, idle_seconds, requires } = answer;
      assert.deepEqual({ title, fps, segment_frames, chunk_frames, window_seconds, pattern, access, on_demand, idle_seconds, requires }, {
        title: 'All of it', fps: '50', segment_frames: 96, chunk_frames: 16, window_seconds: 90, pattern: 'grid', access: 'private', on_demand: true, idle_seconds: 45, requires: ['test'],
      });
      const { max_viewers, max_bandwidth, overflow_url, allow, deny, push, schedule } = answer;
      assert.deepEqual({ max_viewers, max_bandwidth, allow, deny, push }, {
        max_viewers: 9, max_bandwidth: 20_000_000, allow: ['127.0.0.0/8', '::1'], deny: ['10.0.0.1'], push: [{ url: 'udp://127.0.0.1:5004', video: null }],
      });
      assert.match(overflow_url, /^https:\/\/other\.example\/?$/);
      assert.deepEqual([schedule.time_zone, schedule.start, schedule.stop], ['Europe/Berlin', ['0 8 * * 1-5'], ['0 18 * * 1-5']]);
      const { id, width, height, bitrate } = answer.video[0];
      assert.deepEqual({ id, width, height, bitrate }, { id: 'v360', width: 480, height: 270, bitrate: 600_000 });
      assert.deepEqual([answer.audio.beep_hz, answer.audio.beep_dbfs], [440, -20]);
      assert.deepEqual(faults, []);
    });
    assert.equal((await server.api('DELETE', '/full')).status, 204);
  });

  test('the documentation is read in the browser, and its links lead on', { timeout: 120_000 }, async () => {
    await withPage('nothing', async (page, faults) => {
      await page.getByRole('contentinfo').getByRole('link', { name: 'Documentation' }).click();
      await page.getByRole('link', { name: 'Conditions' }).click();
      await until('it is another text', SOON_S, async () => (await page.title()) === 'Conditions – barstone');
      const table = page.getByRole('table').first();
      assert.ok((await table.getByRole('row').count()) > 15);
      await page.getByRole('link', { name: 'Faults', exact: true }).first().click();
      assert.ok(page.url().endsWith('#faults'));
      assert.equal(await page.locator('main :is(p, li, td)').filter({ hasText: /\]\(|\*\*|`/ }).count(), 0, 'no Markdown is left');
      assert.deepEqual(await axeInAllColours(page), []);
      assert.deepEqual(faults, []);
    });
  });

  for (const scheme of /** @type {const} */ (['light', 'dark'])) {
    test(`axe-core finds nothing in ${scheme} colours, and a phone shows the picture first`, { timeout: 180_000 }, async () => {
      await withPage(`test/hls/hls.js&token=${server.token}`, async (page, faults) => {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await playbackBegins(page);
        await shown.expand(page, 'test');
        for (const tool of ['Measurements', 'Build a URL', 'Events']) {
          await page.getByRole('tab', { name: tool }).click();
          assert.deepEqual(await axe(page), [], tool);
        }
        await page.setViewportSize({ width: 360, height: 780 });
        const top = await page.locator('.stage').first().boundingBox();
        assert.ok(top !== null && top.y + top.height < 780, 'the picture is in view');
        for (const width of [2560, 1920, 1440, 768, 390, 360]) {
          await page.setViewportSize({ width, height: 780 });
          const wide = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
            .map((element) => element.outerHTML.slice(0, 100)));
          assert.deepEqual(wide, [], `nothing is wider than ${width} px`);
        }
        assert.deepEqual(await axe(page), [], 'on a phone');
        await page.screenshot({ path: `${SCREENSHOTS}page-phone-${scheme}.png`, fullPage: true });
        assert.deepEqual(faults, []);
      });
    });
  }
});
