// @ts-check
// The page in a browser: it plays, changes streams and reports errors.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { open } from './players/fixture.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import * as shown from './players/page.mjs';
import {
  axeInAllColours, buttonsOf, card, expand, figures, hasFocus, nextList, noteBecomes, openForm, phaseBecomes, pictureButtons, picturePlays, playbackBegins,
  quietPage, SCREENSHOTS, situationOf, SOON_S, STARTS_WITHIN_S, tabTo,
} from './players/page.mjs';
import { freePort } from './players/ports.mjs';
import { startPrefixProxy } from './players/prefix.mjs';
import { Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';

const { server, browser } = await open();

/** The format and player that the page chooses by default. */
const FIRST = 'llhls/hls.js';
const OTHERS = [
  ['hls', 'hls.js'], ['hls', 'shaka-player'], ['dash', 'dash.js'], ['dash', 'shaka-player'],
  ['llhls', 'shaka-player'], ['webrtc', 'native'], ['lldash', 'dash.js'], ['lldash', 'shaka-player'],
];
const TOKEN = 'open-sesame!';
/** Seconds after which the server no longer counts the viewers of earlier tests. */
const COUNTED_WITHIN_S = 40;

/** @param {string} url @param {Parameters<typeof shown.withPage>[2]} use */
function withPage(url, use) {
  return shown.withPage(browser, url, use);
}

test('the page plays the first stream on opening, and every format and player from the keyboard', { timeout: 400_000 }, async (t) => {
  await withPage(server.url, async (page, faults) => {
    await until('the address names the choice', SOON_S, () => page.url().endsWith(`/#test/${FIRST}`));
    const plays = () => withinTries(t, () => picturePlays(page, faults));
    const first = await plays();
    t.diagnostic(`${FIRST}: latency ${first.latency} s, dropped ${first.dropped} frames`);
    assert.equal(await page.locator('video').evaluate((video) => /** @type {HTMLVideoElement} */ (video).muted), true);
    assert.equal(await hasFocus(page, 'body'), true, 'the focus stays');

    const words = card(page, 'test').locator('.card-viewers');
    await until('the card counts one viewer', COUNTED_WITHIN_S, async () => {
      const [said, detail] = [await words.textContent(), await words.getAttribute('title')];
      return /^1 viewer · peak \d+$/.test(said ?? '') && /^LL-HLS 1; peak at .*\d\d:\d\d:\d\d UTC$/.test(detail ?? '');
    });

    await tabTo(page, 'Skip to the streams', 1);
    await page.keyboard.press('Enter');
    await tabTo(page, 'Play', 4);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'test', 'the focus is on the player');
    for (const [format, player] of OTHERS) {
      for (const [group, value] of [['format', format], ['player', player]]) {
        await page.locator(`input[name=${group}][value="${value}"]`).focus();
        await page.keyboard.press('Space');
      }
      await until('the address names the choice', SOON_S, () => page.url().endsWith(`#test/${format}/${player}`));
      const { latency, dropped } = await plays();
      t.diagnostic(`${format} in ${player}: latency ${latency} s, dropped ${dropped} frames`);
    }
    await page.screenshot({ path: `${SCREENSHOTS}page-playing.png`, fullPage: true });

    await page.reload();
    await playbackBegins(page);
    assert.ok(page.url().endsWith('/#test/lldash/shaka-player'), page.url());
    assert.equal(await page.locator('input[name=format]:checked').inputValue(), 'lldash');
    await page.locator('player-panel').getByRole('button', { name: 'Close' }).press('Enter');
    await nextList(page);
    await noteBecomes(page, 'Nothing plays. Choose Play on a stream.');
    assert.ok(page.url().endsWith('/'), page.url());
    assert.deepEqual(faults, []);
  });
});

/** No test here judges how well a stream plays, so several pages may share the processor. */
describe('while other pages play', { concurrency: 2 }, () => {
  test('playback that the browser blocks starts with a button', { timeout: 120_000 }, async () => {
    const page = await (await browser.newContext()).newPage();
    try {
      await page.addInitScript(() => {
        const { play } = HTMLMediaElement.prototype;
        let hasClicked = false;
        addEventListener('click', () => (hasClicked = true), { capture: true });
        HTMLMediaElement.prototype.play = function playAfterClick() {
          if (hasClicked) return play.call(this);
          return Promise.reject(new DOMException('play() needs a user gesture', 'NotAllowedError'));
        };
      });
      for (const choice of ['llhls/hls.js', 'lldash/dash.js', 'lldash/shaka-player']) {
        await page.goto(`${server.url}/?${choice}#test/${choice}`);
        await noteBecomes(page, 'The browser has blocked playback.');
        assert.equal((await figures(page)).state, 'paused');
        await page.locator('player-panel player-note').getByRole('button', { name: 'Play' }).click();
        await playbackBegins(page);
        await until('the note is gone', SOON_S, async () => !(await page.locator('player-panel player-note').isVisible()));
      }
    } finally {
      await page.context().close();
    }
  });

  test('a stream is created, stopped, started from the player and deleted', { timeout: 120_000 }, async () => {
    await withPage(quietPage(server), async (page, faults) => {
      await noteBecomes(page, 'There is no stream nothing.');
      await page.getByRole('button', { name: 'New stream' }).press('Enter');
      await page.getByLabel('Name').fill('made-here');
      await page.getByLabel('Title').fill('Made <here>');
      await page.getByLabel('Pattern').selectOption('ebu');
      await page.getByRole('button', { name: 'Create stream' }).press('Enter');
      const mine = card(page, 'made-here');
      await until('the new card has the focus', SOON_S, () => mine.evaluate((element) => element === document.activeElement));
      const { top, bottom } = await mine.evaluate((element) => element.getBoundingClientRect());
      assert.ok(top >= 0 && bottom <= 800, `the new card is in view: ${top} to ${bottom}`);
      await phaseBecomes(page, 'made-here', 'running');
      assert.equal(await mine.locator('.card-title').textContent(), 'Made <here>');

      await mine.getByRole('button', { name: 'Stop' }).press('Enter');
      await phaseBecomes(page, 'made-here', 'stopped');
      await mine.getByRole('button', { name: 'Play' }).press('Enter');
      await noteBecomes(page, 'made-here is stopped.');
      assert.deepEqual(await pictureButtons(page), [false, false], 'nothing plays');
      await page.getByRole('button', { name: 'Start and play' }).press('Enter');
      await playbackBegins(page);
      assert.deepEqual(await pictureButtons(page), [true, true]);
      assert.equal(await hasFocus(page, '#player-heading'), true, 'the focus is where the button was');
      assert.equal(await page.locator('#news').textContent(), 'made-here is running.');

      assert.deepEqual(faults, []);
      await page.getByRole('button', { name: 'Unmute' }).focus();
      await page.evaluate(() => document.querySelector('player-panel')?.dispatchEvent(new CustomEvent('choose', { bubbles: true, detail: null })));
      await noteBecomes(page, 'Nothing plays. Choose Play on a stream.');
      assert.deepEqual(await pictureButtons(page), [false, false]);
      assert.equal(await hasFocus(page, '#player-heading'), true, 'the focus of a disabled button goes to the heading');
      await mine.getByRole('button', { name: 'Play' }).press('Enter');
      await playbackBegins(page);
      await expand(page, 'made-here');
      await mine.getByRole('button', { name: 'Delete' }).press('Enter');
      await until('the card is gone', SOON_S, async () => (await mine.count()) === 0);
      await noteBecomes(page, 'There is no stream made-here.');
      assert.equal((await server.api('GET', '/made-here')).status, 404);

      assert.equal(await page.locator('undo-toast p').textContent(), 'made-here was deleted.');
      assert.equal(await hasFocus(page, 'undo-toast [data-action=undo]'), true, 'the focus is on Undo');
      await page.keyboard.press('Enter');
      await until('it is back, with its title', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'Made <here>');
      await playbackBegins(page);
      assert.equal((await server.api('DELETE', '/made-here')).status, 204);
    });
  });

  test('a failed stream shows its reason beside the player, and starts again from there', { timeout: 120_000 }, async () => {
    const page = await (await browser.newContext()).newPage();
    try {
      let hasFailed = true;
      await page.route('**/api/v1/streams', async (route) => {
        const response = await route.fetch();
        const json = await response.json();
        if (hasFailed) Object.assign(json.find((/** @type {{ name: string }} */ { name }) => name === 'test'), { phase: 'failed', error: 'x264enc: no such codec' });
        await route.fulfill({ response, json });
      });
      await page.route('**/api/v1/streams/test/start', (route) => {
        hasFailed = false;
        return route.continue();
      });
      await page.goto(`${server.url}/#test&token=${server.token}`);
      await noteBecomes(page, 'test failed: x264enc: no such codec');
      assert.match((await situationOf(page, 'test', 'failed')) ?? '', /^x264enc: no such codec · since /);
      await page.getByRole('button', { name: 'Start again' }).press('Enter');
      await playbackBegins(page);
      hasFailed = true;
      await noteBecomes(page, 'test failed: x264enc: no such codec');
      // Other pages of the same server may cause events too.
      assert.match((await page.locator('#news').textContent()) ?? '', /\btest failed: x264enc: no such codec$/);
      await page.screenshot({ path: `${SCREENSHOTS}page-failed.png`, fullPage: true });
    } finally {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await page.context().close();
    }
  });

  test('a server without capacity says why a stream waits, and nothing typed is lost; then the connection is lost', { timeout: 240_000 }, async () => {
    const crowded = await Server.start('--max-pixels-per-second', '30000000');
    try {
      const small = [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }];
      assert.equal((await crowded.api('PUT', '/sleeps', { on_demand: true, video: small })).status, 201);
      const body = JSON.stringify({ streams: [{ name: 'waits' }] });
      const headers = { 'Content-Type': 'application/json', ...crowded.authorization };
      assert.equal((await fetch(`${crowded.url}/api/v1/definitions`, { method: 'POST', headers, body })).status, 200);
      await withPage(quietPage(crowded), async (page) => {
        const reason = (await crowded.api('GET', '/waits')).answer.error;
        assert.ok((await situationOf(page, 'waits', 'waiting'))?.startsWith(`${reason} · since `));
        await card(page, 'waits').getByRole('button', { name: 'Play' }).click();
        await noteBecomes(page, `waits is waiting: ${reason}`);

        assert.match((await situationOf(page, 'sleeps', 'on demand')) ?? '', /^starts when a viewer opens it · since /);
        assert.deepEqual(await buttonsOf(page, 'sleeps'), ['Play', 'Disable', '']);
        await card(page, 'sleeps').getByRole('button', { name: 'Disable' }).press('Enter');
        await phaseBecomes(page, 'sleeps', 'stopped');
        assert.deepEqual(await buttonsOf(page, 'sleeps'), ['Play', 'Enable', '']);
        await page.keyboard.press('Enter');
        await phaseBecomes(page, 'sleeps', 'on demand');
        await card(page, 'sleeps').getByRole('button', { name: 'Play' }).click();
        await playbackBegins(page);

        await openForm(page);
        await page.getByLabel('Name').fill('one-more');
        await page.getByText('Who may watch').click();
        await page.getByLabel('Viewer limit').fill('7');
        await page.getByRole('button', { name: 'Create stream' }).click();
        const room = /^Not enough capacity: this stream needs 23\.0 Mpixel\/s, and 5\.5 of 30\.0 are free\. /;
        const words = page.locator('#h-video');
        await until('it is said beside the renditions', SOON_S, async () => room.test((await words.textContent()) ?? ''));
        await page.screenshot({ path: `${SCREENSHOTS}page-no-room.png`, fullPage: true });

        const problem = { title: 'The definition could not be kept', detail: 'the definition could not be kept', code: 'not_kept' };
        await page.route('**/api/v1/streams', (route) => route.request().method() === 'POST'
          ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(problem) })
          : route.continue());
        await page.getByRole('button', { name: 'Create stream' }).click();
        const fault = page.locator('stream-editor .form-fault');
        await until('it is said in the form', SOON_S, async () => (await fault.textContent()) === problem.detail);
        assert.match((await words.textContent()) ?? '', /^At most 8; /);
        assert.equal(await page.getByLabel('Name').inputValue(), 'one-more');
        assert.equal(await page.getByLabel('Viewer limit').inputValue(), '7');
        await page.getByRole('button', { name: 'Cancel' }).click();

        await page.locator('player-panel').getByRole('button', { name: 'Close' }).click();
        const boxes = () => Promise.all(['#streams-heading', 'stream-list'].map((selector) => page.locator(selector).boundingBox()));
        const sizes = [{ width: 390, height: 800 }, { width: 1280, height: 800 }];
        const seen = [];
        for (const size of sizes) {
          await page.setViewportSize(size);
          seen.push(await boxes());
        }
        await crowded.end();
        const line = page.locator('#connection');
        const lost = /^No connection to the server\. Last update \d\d:\d\d:\d\d UTC\.$/;
        await until('the loss is said', SOON_S, async () => lost.test((await line.textContent()) ?? ''));
        for (const [i, size] of sizes.entries()) {
          await page.setViewportSize(size);
          assert.deepEqual(await boxes(), seen[i], `nothing moves at ${size.width} px`);
        }
      });
    } finally {
      await crowded.stop();
    }
  });

  test('an error of the server is shown beside its field', { timeout: 120_000 }, async () => {
    const definition = { name: 'too-thin', video: [{ id: 'v1080', width: 1920, height: 1080, bitrate: 200_000 }] };
    const { status, answer } = await server.api('POST', '', definition);
    assert.deepEqual([status, answer.field], [422, 'video[0].bitrate']);
    await withPage(quietPage(server), async (page) => {
      const form = await openForm(page);
      await page.getByLabel('Name').fill('too-thin');
      await form.getByRole('button', { name: 'Remove rendition v720' }).click();
      await form.getByRole('button', { name: '1080p' }).click();
      const bitrate = form.locator('[data-list=video]').getByLabel('Bitrate kbit/s');
      await bitrate.fill('200');
      await page.getByRole('button', { name: 'Create stream' }).click();
      const words = form.locator('[data-list=video] [data-field$=bitrate] .hint');
      const said = answer.detail.replace(`${answer.field}: `, '');
      await until('the words are there', SOON_S, async () => (await words.textContent()) === said);
      assert.equal(await bitrate.getAttribute('aria-invalid'), 'true');
      assert.equal(await bitrate.evaluate((input) => input === document.activeElement), true, 'the focus is there');
      await page.screenshot({ path: `${SCREENSHOTS}page-fault.png`, fullPage: true });

      await bitrate.fill('5000');
      await page.getByLabel('Name').fill('test');
      await page.getByRole('button', { name: 'Create stream' }).click();
      const taken = await server.api('POST', '', { name: 'test' });
      assert.equal(taken.status, 409);
      const name = page.locator('#h-name');
      await until('it is said that the name is taken', SOON_S, async () => (await name.textContent()) === taken.answer.detail);
    });
  });

  test('a stream is created with access, a viewer limit and on demand', { timeout: 120_000 }, async () => {
    await withPage(quietPage(server), async (page, faults) => {
      await openForm(page);
      await page.getByLabel('Name').fill('for-few');
      await page.getByText('Who may watch').click();
      await page.getByText('When it runs').click();
      await page.getByLabel('Access').selectOption('private');
      await page.getByLabel('Viewer limit').fill('0');
      await page.getByLabel('Run only while watched').check();
      await page.getByLabel('Seconds after the last viewer').fill('60');
      await page.getByRole('button', { name: 'Create stream' }).click();
      assert.equal(await page.locator('#h-max_viewers').textContent(), 'Enter a whole number from 1 to 1000000, or leave the field empty.');
      await page.getByLabel('Viewer limit').fill('2');
      await page.getByRole('button', { name: 'Create stream' }).click();
      await phaseBecomes(page, 'for-few', 'on demand');
      const { access, max_viewers, on_demand, idle_seconds } = (await server.api('GET', '/for-few')).answer;
      assert.deepEqual({ access, max_viewers, on_demand, idle_seconds }, { access: 'private', max_viewers: 2, on_demand: true, idle_seconds: 60 });
      assert.equal(await card(page, 'for-few').locator('.card-viewers').textContent(), '0 of 2 viewers');
      assert.equal((await card(page, 'for-few').locator('.card-summary').textContent())?.trim(), 'private · 25 fps · 720p · beep 1000 Hz');
      assert.equal(await card(page, 'for-few').locator('.private svg').isVisible(), true);
      assert.equal((await server.api('DELETE', '/for-few')).status, 204);
      assert.deepEqual(faults, []);
    });
  });

  test('a stream is changed, and a change by someone else is not overwritten unseen', { timeout: 120_000 }, async () => {
    const hidden = { allow: ['127.0.0.0/8'], window_seconds: 120, requires: ['test'] };
    assert.equal((await server.api('POST', '', { name: 'edited', title: 'Before', enabled: false, ...hidden })).status, 201);
    const now = async () => (await server.api('GET', '/edited')).answer;
    await withPage(quietPage(server), async (page) => {
      const mine = await expand(page, 'edited');
      await mine.getByRole('button', { name: 'Edit', exact: true }).press('Enter');
      const form = page.locator('stream-editor');
      const title = form.getByLabel('Title');
      await until('the title is there', SOON_S, async () => (await title.inputValue()) === 'Before');
      assert.equal(await title.evaluate((input) => input === document.activeElement), true, 'the focus is there');
      await title.fill('After');
      await form.getByText('Who may watch').click();
      await form.getByLabel('Viewer limit').fill('5');

      assert.equal((await server.api('PUT', '/edited', { title: 'Theirs', enabled: false, ...hidden })).status, 200);
      await title.press('Enter');
      const fault = form.locator('.form-fault');
      await until('it is said', SOON_S, async () => /^Someone else changed this stream\. /.test((await fault.textContent()) ?? ''));
      assert.equal((await now()).title, 'Theirs');
      assert.equal(await title.inputValue(), 'After');

      await form.getByRole('button', { name: 'Save' }).press('Enter');
      await until('the form is gone', SOON_S, async () => !(await form.locator('dialog').isVisible()));
      const { title: saved, max_viewers, allow, window_seconds, requires } = await now();
      assert.deepEqual({ saved, max_viewers, allow, window_seconds, requires }, { saved: 'After', max_viewers: 5, ...hidden });
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Edit', 'the focus is where it was');
      await until('the card shows it', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'After');
    });
    assert.equal((await server.api('DELETE', '/edited')).status, 204);
  });

  test('a card shows push targets, and another change keeps the secret of a target', { timeout: 120_000 }, async () => {
    const target = `rtmp://127.0.0.1:${await freePort()}/live`;
    assert.equal((await server.api('POST', '', { name: 'pushed', push: [{ url: `${target}/hidden-key` }] })).status, 201);
    await withPage(quietPage(server), async (page, faults) => {
      const mine = card(page, 'pushed');
      const words = mine.locator('.card-targets li');
      const said = async () => (await words.textContent({ timeout: 1000 })) ?? '';
      await until('it waits', COUNTED_WITHIN_S, async () => (await said()).startsWith(`${target}/***: waiting, `) && / · next try \d\d:/.test(await said()));
      await expand(page, 'pushed');
      await mine.getByRole('button', { name: 'Edit' }).click();
      await page.locator('stream-editor').getByLabel('Title').fill('Kept');
      await page.getByRole('button', { name: 'Save' }).click();
      await until('it is saved', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'Kept');
      assert.deepEqual((await server.api('GET', '/pushed')).answer.push, [{ url: `${target}/***`, video: null }]);
      assert.equal(await page.locator('body').textContent().then((all) => all?.includes('hidden-key')), false);
      assert.equal(await card(page, 'test').locator('.card-targets').isVisible(), false);
      assert.deepEqual(faults, []);
    });
    assert.equal((await server.api('DELETE', '/pushed')).status, 204);
  });

  test('a change asks for the API token, also behind a reverse proxy with a path prefix', { timeout: 240_000 }, async () => {
    const directory = temporaryDirectory('token');
    writeFileSync(`${directory}/token`, TOKEN);
    const guarded = await Server.start('--api-token-file', `${directory}/token`);
    const proxy = await startPrefixProxy(guarded.url, '/behind/a/');
    try {
      const video = [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }];
      assert.equal((await guarded.api('PUT', '/secret', { access: 'private', video })).status, 201);
      await withPage(`${guarded.url}/#secret`, async (page, faults) => {
        await noteBecomes(page, 'secret is private. Paste the API token, or open the link that barstone printed when it started.');
        assert.deepEqual(faults, [], 'the page requests nothing that needs the token');
        const [line, dialog, field] = [page.locator('api-token > p'), page.locator('api-token dialog'), page.getByLabel('Token', { exact: true })];
        assert.equal(await line.textContent(), 'Changes need the API token.');
        const mine = await expand(page, 'test');
        await mine.getByRole('button', { name: 'Edit' }).click();
        const form = page.locator('stream-editor');
        await form.getByLabel('Title').fill('Guarded');
        await form.getByLabel('Title').press('Enter');
        await until('the page asks for the token', SOON_S, () => dialog.isVisible());
        assert.deepEqual(await axeInAllColours(page), []);
        await page.screenshot({ path: `${SCREENSHOTS}page-token.png`, fullPage: true });
        await page.keyboard.press('Escape');
        const fault = form.locator('.form-fault');
        await until('the form shows the refusal', SOON_S, async () => /token/.test((await fault.textContent()) ?? ''));
        assert.equal(await form.getByLabel('Title').inputValue(), 'Guarded');

        assert.equal(await line.textContent(), 'Read only, without the API token.');
        assert.deepEqual(await buttonsOf(page, 'test'), ['Play', '', 'Compare'], 'no button that would fail');
        assert.equal(await page.locator('.create').isVisible(), false);

        await form.getByRole('button', { name: 'Save' }).click();
        await until('the page asks again', SOON_S, () => dialog.isVisible());
        assert.equal(await field.evaluate((input) => input === document.activeElement), true, 'the focus is there');
        await field.fill('two words');
        await page.keyboard.press('Enter');
        assert.equal(await page.locator('#h-token').textContent(), 'A token is 1 to 1024 visible ASCII characters without spaces.');
        await field.fill('guess');
        await page.keyboard.press('Enter');
        await until('the refusal is said', SOON_S, async () => (await dialog.locator('.reason').textContent()) === 'The server refused the API token.');
        await field.fill(`http://localhost:8080/#token=${encodeURIComponent(TOKEN)}`);
        await page.keyboard.press('Enter');
        await until('it is saved', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'Guarded');
        assert.equal(await line.textContent(), 'This tab sends the API token with changes.');
        assert.deepEqual(await buttonsOf(page, 'test'), ['Play', 'Stop', '', 'Edit', 'Copy as new', 'Compare', 'Delete']);
        await playbackBegins(page);

        await page.reload();
        await playbackBegins(page);
        assert.equal(await page.evaluate(() => localStorage.length), 0);
        await page.getByRole('button', { name: 'Forget token' }).click();
        await until('the page does not play it', SOON_S, async () => (await figures(page)).state === 'idle');
        await page.goto(`${page.url().split('#')[0]}#token=${encodeURIComponent(TOKEN)}`);
        await playbackBegins(page);
        assert.equal(page.url(), `${guarded.url}/#secret/${FIRST}`);
      });

      const behind = `${proxy.url}?a=b#test/lldash/dash.js&token=${encodeURIComponent(TOKEN)}`;
      await withPage(behind, async (page, faults) => {
        await playbackBegins(page);
        assert.equal(page.url(), `${proxy.url}?a=b#test/lldash/dash.js`);
        await page.locator('input[name=format][value=llhls]').check({ force: true });
        await until('LL-HLS plays', STARTS_WITHIN_S, async () => page.url().endsWith(`/llhls/hls.js`) && (await figures(page)).state === 'playing');
        for (const name of ['test', 'secret']) await expand(page, name);
        const link = (/** @type {string} */ name) => card(page, name).getByRole('link', { name: 'DASH', exact: true }).getAttribute('href');
        assert.equal(await link('test'), `${proxy.url}live/test/dash.mpd`);
        assert.match((await link('secret')) ?? '', /\/behind\/a\/t\/v1\.\d+\.secret\.[\w-]+\/live\/secret\/dash\.mpd$/);
        await card(page, 'secret').getByRole('button', { name: 'Delete' }).click();
        await until('it is deleted', SOON_S, async () => (await guarded.api('GET', '/secret')).status === 404);

        const urls = await page.evaluate(async () => {
          const { playbackUrl, publicUrl, splitToken } = await import(new URL('static/address.js', document.baseURI).href);
          const given = [
            '/live/live/hls.m3u8', 'live/a/hls.m3u8', '../../live/a/hls.m3u8', '/behind/a/t/v1.x/live/a/dash.mpd',
            'https://tv.example/b/live/a/dash.mpd?c=d',
          ];
          const tokens = ['#token=x', '#test&token=a%21', '#test/hls', '#token=%E0%A4%A'].map(splitToken);
          return { play: given.map(playbackUrl), show: given.map(publicUrl), tokens };
        });
        const below = (/** @type {string[]} */ paths) => paths.map((path) => proxy.url + path);
        const own = below(['live/live/hls.m3u8', 'live/a/hls.m3u8', 'live/a/hls.m3u8', 't/v1.x/live/a/dash.mpd']);
        assert.deepEqual(urls.play, [...own, ...below(['live/a/dash.mpd?c=d'])]);
        assert.deepEqual(urls.show, [...own, 'https://tv.example/b/live/a/dash.mpd?c=d']);
        assert.deepEqual(urls.tokens, [
          { token: 'x', rest: '' }, { token: 'a!', rest: 'test' }, { token: null, rest: 'test/hls' }, { token: '%E0%A4%A', rest: '' },
        ]);
        assert.deepEqual(proxy.outside, []);
        assert.deepEqual(faults, []);
      });
    } finally {
      proxy.close();
      await guarded.stop();
      remove(directory);
    }
  });
});
