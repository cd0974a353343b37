// @ts-check
// The page, as somebody uses it who has a keyboard and a minute.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { freePort } from './players/ports.mjs';
import { Server } from './players/server.mjs';
import { open } from './players/theatre.mjs';

const { server, browser } = await open();

/** @typedef {import('playwright-core').Page} Page */

const CHOICES = [
  ['hls', 'hls.js'], ['hls', 'shaka-player'], ['dash', 'dash.js'], ['dash', 'shaka-player'],
  ['llhls', 'hls.js'], ['llhls', 'shaka-player'], ['lldash', 'dash.js'], ['lldash', 'shaka-player'],
];
const SCREENSHOTS = fileURLToPath(new URL('players/out/', import.meta.url));
/** For what ought to happen at once. */
const SOON_S = 10;
const STARTS_WITHIN_S = 20;
const PLAYS_S = 5;
/** For some segments, after which only those are counted who watch. */
const COUNTED_WITHIN_S = 40;

/**
 * @param {(page: Page, faults: string[]) => Promise<void>} use faults are those of the console
 * @param {Server} of
 */
async function withPage(use, of = server) {
  const page = await browser.context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  try {
    await page.goto(of.url);
    await use(page, faults);
  } finally {
    await page.close();
  }
}

/** @param {Page} page @param {string} name */
function card(page, name) {
  return page.locator('stream-card', { has: page.getByRole('heading', { name, exact: true }) });
}

/** @param {Page} page @param {string} name @param {string} phase */
async function phaseBecomes(page, name, phase) {
  const word = card(page, name).locator('.phase-word');
  await until(`${name} is ${phase}`, SOON_S, async () => (await word.textContent()) === phase);
}

/** What a card says of a phase, once it is there. @param {Page} page @param {string} name @param {string} phase */
async function situationOf(page, name, phase) {
  await phaseBecomes(page, name, phase);
  return card(page, name).locator('.card-situation').textContent();
}

/** @param {Page} page @param {string} label @param {number} most presses of Tab */
async function tabTo(page, label, most) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((text) => document.activeElement?.textContent?.trim() === text, label)) return;
  }
  assert.fail(`${label} is not reached by ${most} presses of Tab`);
}

/** What the page tells of the player. @param {Page} page */
function figures(page) {
  return page.evaluate(() => {
    const panel = document.querySelector('player-figures');
    const text = (/** @type {string} */ selector) => panel?.querySelector(selector)?.textContent ?? '';
    return {
      state: text('.state-word'),
      latency: parseFloat(text('[data-figure=latency]')),
      dropped: text('[data-figure=dropped]'),
      stalls: text('[data-figure=stalls]'),
      error: text('[data-figure=error]'),
      position: document.querySelector('video')?.currentTime ?? 0,
    };
  });
}

/** @param {Page} page */
async function picturePlays(page) {
  const begun = await until('it plays', STARTS_WITHIN_S, async () => {
    const now = await figures(page);
    return now.state === 'playing' && Number.isFinite(now.latency) ? now : null;
  });
  const now = await until(`${PLAYS_S} s are played`, PLAYS_S + SOON_S, async () => {
    const later = await figures(page);
    return later.position >= begun.position + PLAYS_S ? later : null;
  });
  assert.equal(now.state, 'playing');
  assert.equal(now.stalls, '0');
  assert.equal(now.error, 'none');
  assert.ok(now.latency > 0 && now.latency < 20, `a latency of ${now.latency} s`);
  return now;
}

test('the stream plays from the keyboard in every protocol and player', { timeout: 150_000 }, async (t) => {
  await withPage(async (page, faults) => {
    await phaseBecomes(page, 'test', 'running');
    await tabTo(page, 'Play', 12);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'test', 'the focus is on the player');
    for (const [protocol, player] of CHOICES) {
      for (const [group, value] of [['protocol', protocol], ['player', player]]) {
        await page.locator(`input[name=${group}][value="${value}"]`).focus();
        await page.keyboard.press('Space');
      }
      await until('the choice is taken', SOON_S, () => page.url().endsWith(`#test/${protocol}/${player}`));
      const { latency, dropped } = await picturePlays(page);
      t.diagnostic(`${protocol} in ${player}: latency ${latency} s, dropped ${dropped} frames`);
    }
    await page.screenshot({ path: `${SCREENSHOTS}page-playing.png`, fullPage: true });
    assert.deepEqual(faults, []);
  });
});

test('a stream is created, stopped, started and deleted', { timeout: 60_000 }, async () => {
  await withPage(async (page, faults) => {
    await page.locator('#create summary').focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Name').fill('made-here');
    await page.getByLabel('Title').fill('Made <here>');
    await page.getByLabel('Pattern').selectOption('ebu');
    await page.keyboard.press('Tab');
    await page.getByRole('button', { name: 'Create stream' }).press('Enter');
    await phaseBecomes(page, 'made-here', 'running');
    assert.equal(await card(page, 'made-here').locator('.card-title').textContent(), 'Made <here>');

    await card(page, 'made-here').getByRole('button', { name: 'Stop' }).press('Enter');
    await phaseBecomes(page, 'made-here', 'stopped');
    await card(page, 'made-here').getByRole('button', { name: 'Start' }).press('Enter');
    await phaseBecomes(page, 'made-here', 'running');

    await card(page, 'made-here').getByRole('button', { name: 'Delete' }).press('Enter');
    await card(page, 'made-here').locator('.confirm').getByRole('button', { name: 'Delete' }).press('Enter');
    await until('the card is gone', SOON_S, async () => (await card(page, 'made-here').count()) === 0);
    assert.equal((await server.api('GET', '/made-here')).status, 404);
    assert.deepEqual(faults, []);
  });
});

test('a card tells who watches', { timeout: 90_000 }, async () => {
  await withPage(async (page) => {
    const words = card(page, 'test').locator('.card-viewers');
    await card(page, 'test').getByRole('button', { name: 'Play' }).click();
    // Those of another test may still be counted.
    await until('a viewer is counted', COUNTED_WITHIN_S, async () => {
      const [said, detail] = [await words.textContent(), await words.getAttribute('title')];
      return /^1 viewer · peak \d+$/.test(said ?? '') && /^HLS 1; peak at .*\d\d:\d\d:\d\d UTC$/.test(detail ?? '');
    });
  });
});

test('a card tells what a stream waits for, and one on demand is played', { timeout: 90_000 }, async () => {
  const crowded = await Server.start('--max-pixels-per-second', '30000000');
  try {
    const small = [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }];
    assert.equal((await crowded.api('PUT', '/sleeps', { on_demand: true, video: small })).status, 201);
    const body = JSON.stringify({ streams: [{ name: 'waits' }] });
    const headers = { 'Content-Type': 'application/json' };
    assert.equal((await fetch(`${crowded.url}/api/v1/definitions`, { method: 'POST', headers, body })).status, 200);
    await withPage(async (page) => {
      assert.match((await situationOf(page, 'sleeps', 'stopped')) ?? '', /^starts when somebody watches · since /);
      assert.match((await situationOf(page, 'waits', 'waiting')) ?? '', /no room for 23040000 pixels a second.* · since /);
      await card(page, 'sleeps').getByRole('button', { name: 'Play' }).click();
      await picturePlays(page);
    }, crowded);
  } finally {
    await crowded.stop();
  }
});

test('what the server does not allow is said beside the field', { timeout: 60_000 }, async () => {
  const definition = { name: 'too-thin', video: [{ id: 'v1080', width: 1920, height: 1080, bitrate: 200_000 }] };
  const { status, answer } = await server.api('POST', '', definition);
  assert.deepEqual([status, answer.field], [422, 'video[0].bitrate']);
  await withPage(async (page) => {
    await page.locator('#create summary').click();
    await page.getByLabel('Name').fill('too-thin');
    await page.getByLabel('720p', { exact: true }).uncheck();
    await page.getByLabel('1080p', { exact: true }).check();
    await page.getByLabel('Bitrate of 1080p in kbit/s').fill('200');
    await page.getByRole('button', { name: 'Create stream' }).click();
    const words = page.locator('[id="h-v1080-kbps"]');
    const said = answer.detail.replace(`${answer.field}: `, '');
    await until('the words are there', SOON_S, async () => (await words.textContent()) === said);
    const field = page.getByLabel('Bitrate of 1080p in kbit/s');
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.equal(await field.evaluate((input) => input === document.activeElement), true, 'the focus is there');
    await page.screenshot({ path: `${SCREENSHOTS}page-fault.png`, fullPage: true });
  });
});

test('a stream is created with who may watch it and when it runs', { timeout: 60_000 }, async () => {
  await withPage(async (page, faults) => {
    await page.locator('#create summary').click();
    await page.getByLabel('Name').fill('for-few');
    await page.getByLabel('Access').selectOption('private');
    await page.getByLabel('Most viewers').fill('0');
    await page.getByLabel('Only while watched').check();
    await page.getByLabel('Seconds that it goes on').fill('60');
    await page.getByRole('button', { name: 'Create stream' }).click();
    assert.equal(await page.locator('#h-max_viewers').textContent(), 'A whole number from 1 to 1000000, or nothing.');
    await page.getByLabel('Most viewers').fill('2');
    await page.getByRole('button', { name: 'Create stream' }).click();
    await phaseBecomes(page, 'for-few', 'stopped');
    const { access, max_viewers, on_demand, idle_seconds } = (await server.api('GET', '/for-few')).answer;
    assert.deepEqual({ access, max_viewers, on_demand, idle_seconds }, { access: 'private', max_viewers: 2, on_demand: true, idle_seconds: 60 });
    assert.equal(await card(page, 'for-few').locator('.card-viewers').textContent(), '0 of 2 viewers');
    assert.equal((await server.api('DELETE', '/for-few')).status, 204);
    assert.deepEqual(faults, []);
  });
});

test('what a server without room and one without a disk say is shown, and nothing typed is lost', { timeout: 60_000 }, async () => {
  const crowded = await Server.start('--max-pixels-per-second', '30000000');
  try {
    await withPage(async (page) => {
      await page.locator('#create summary').click();
      await page.getByLabel('Name').fill('one-more');
      await page.getByLabel('Most viewers').fill('7');
      await page.getByRole('button', { name: 'Create stream' }).click();
      const room = 'this takes 23.0 million pixels a second, and others take 23.0 of 30.0 million.';
      const words = page.locator('#h-video');
      await until('it is said beside the sizes', SOON_S, async () => (await words.textContent())?.endsWith(room));
      await page.screenshot({ path: `${SCREENSHOTS}page-no-room.png`, fullPage: true });

      const problem = { title: 'The definition could not be kept', detail: 'the definition could not be kept', code: 'not_kept' };
      await page.route('**/api/v1/streams', (route) => route.request().method() === 'POST'
        ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(problem) })
        : route.continue());
      await page.getByRole('button', { name: 'Create stream' }).click();
      const fault = page.locator('stream-form .form-fault');
      await until('it is said in the form', SOON_S, async () => (await fault.textContent()) === problem.detail);
      assert.equal(await words.textContent(), '');
      assert.equal(await page.getByLabel('Name').inputValue(), 'one-more');
      assert.equal(await page.getByLabel('Most viewers').inputValue(), '7');
    }, crowded);
  } finally {
    await crowded.stop();
  }
});

test('a stream is changed, and what somebody else wrote meanwhile is not overwritten unseen', { timeout: 60_000 }, async () => {
  const hidden = { allow: ['127.0.0.0/8'], window_seconds: 120, requires: ['test'] };
  assert.equal((await server.api('POST', '', { name: 'edited', title: 'Before', enabled: false, ...hidden })).status, 201);
  const now = async () => (await server.api('GET', '/edited')).answer;
  await withPage(async (page) => {
    const mine = card(page, 'edited');
    await mine.getByRole('button', { name: 'Edit' }).press('Enter');
    const title = mine.getByLabel('Title');
    await until('the title is there', SOON_S, async () => (await title.inputValue()) === 'Before');
    assert.equal(await title.evaluate((input) => input === document.activeElement), true, 'the focus is there');
    await title.fill('After');
    await mine.getByLabel('Most viewers').fill('5');

    assert.equal((await server.api('PUT', '/edited', { title: 'Theirs', enabled: false, ...hidden })).status, 200);
    await title.press('Enter');
    const fault = mine.locator('.form-fault');
    await until('it is said', SOON_S, async () => /Somebody else has changed it/.test((await fault.textContent()) ?? ''));
    assert.equal((await now()).title, 'Theirs');
    assert.equal(await title.inputValue(), 'After');

    await mine.getByRole('button', { name: 'Save' }).press('Enter');
    await until('the form is gone', SOON_S, async () => !(await mine.locator('stream-settings').isVisible()));
    const { title: saved, max_viewers, allow, window_seconds, requires } = await now();
    assert.deepEqual({ saved, max_viewers, allow, window_seconds, requires }, { saved: 'After', max_viewers: 5, ...hidden });
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Edit', 'the focus is where it was');
    await until('the card tells it', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'After');
  });
  assert.equal((await server.api('DELETE', '/edited')).status, 204);
});

test('a card says where a stream is pushed, and a change of something else keeps the key', { timeout: 60_000 }, async () => {
  const target = `rtmp://127.0.0.1:${await freePort()}/live`;
  assert.equal((await server.api('POST', '', { name: 'pushed', push: [{ url: `${target}/hidden-key` }] })).status, 201);
  await withPage(async (page, faults) => {
    const mine = card(page, 'pushed');
    const words = mine.locator('.card-targets li');
    const said = () => words.textContent({ timeout: 1000 });
    await until('it waits', COUNTED_WITHIN_S, async () => (await said())?.startsWith(`${target}/***: waiting, `));
    await mine.getByRole('button', { name: 'Edit' }).click();
    await mine.getByLabel('Title').fill('Kept');
    await mine.getByRole('button', { name: 'Save' }).click();
    await until('it is saved', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'Kept');
    assert.deepEqual((await server.api('GET', '/pushed')).answer.push, [{ url: `${target}/***`, video: null }]);
    assert.equal(await page.locator('body').textContent().then((all) => all?.includes('hidden-key')), false);
    assert.equal(await card(page, 'test').locator('.card-targets').isVisible(), false);
    assert.deepEqual(faults, []);
  });
  assert.equal((await server.api('DELETE', '/pushed')).status, 204);
});

test('the link with the token is taken where a change waits for it', { timeout: 60_000 }, async () => {
  const directory = temporaryDirectory('token');
  writeFileSync(`${directory}/token`, 'open-sesame');
  const guarded = await Server.start('--api-token-file', `${directory}/token`);
  try {
    await withPage(async (page) => {
      const mine = card(page, 'test');
      await mine.getByRole('button', { name: 'Edit' }).click();
      await mine.getByLabel('Title').fill('Guarded');
      await mine.getByRole('button', { name: 'Save' }).click();
      const fault = mine.locator('.form-fault');
      await until('it is said', SOON_S, async () => /changes need the token/.test((await fault.textContent()) ?? ''));
      await page.goto(`${guarded.url}/#token=open-sesame`);
      await until('the address does not show it', SOON_S, () => !page.url().includes('sesame'));
      await mine.getByRole('button', { name: 'Save' }).click();
      await until('it is saved', SOON_S, async () => (await mine.locator('.card-title').textContent()) === 'Guarded');
    }, guarded);
  } finally {
    await guarded.stop();
    remove(directory);
  }
});

test('a name that is taken is said beside the name', { timeout: 60_000 }, async () => {
  await withPage(async (page) => {
    await page.locator('#create summary').click();
    await page.getByLabel('Name').fill('test');
    await page.getByRole('button', { name: 'Create stream' }).click();
    const { status, answer } = await server.api('POST', '', { name: 'test' });
    assert.equal(status, 409);
    const words = page.locator('#h-name');
    await until('the words are there', SOON_S, async () => (await words.textContent()) === answer.detail);
  });
});
