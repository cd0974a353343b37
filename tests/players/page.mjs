// @ts-check
// What tests of the page share: opening it, and reading what it shows.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { until } from './deadline.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./server.mjs').Server} Server */
/** @typedef {Awaited<ReturnType<typeof import('./browser.mjs').launch>>} Browser */

export const SCREENSHOTS = fileURLToPath(new URL('out/', import.meta.url));
/** Seconds within which a change is visible, after the next request for the list. */
export const SOON_S = 30;
export const STARTS_WITHIN_S = 60;
const PLAYS_S = 3;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * A link with the API token to a page that plays nothing, because the chosen stream does not exist.
 * @param {Server} server
 */
export function quietPage(server) {
  return `${server.url}/#nothing&token=${server.token}`;
}

/**
 * Opens the page, and closes it after `use`.
 * @param {Browser} browser
 * @param {string} url
 * @param {(page: Page, faults: string[]) => Promise<void>} use `faults` contains the errors of the console
 */
export async function withPage(browser, url, use) {
  const page = await (await browser.newContext()).newPage();
  /** @type {string[]} */
  const faults = [];
  page.on('console', (message) => {
    // A still of a stream that another test has deleted, before the page knows it, or one that a busy server has not painted.
    const isStill = message.location().url.includes('/still.jpg') && /\b(404|503)\b/.test(message.text());
    if (message.type() === 'error' && !isStill) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  try {
    await page.goto(url);
    await use(page, faults);
  } finally {
    await page.context().close();
  }
}

/** @param {Page} page @param {string} name */
export function card(page, name) {
  return page.locator('stream-card', { has: page.getByRole('heading', { name, exact: true }) });
}

/** Shows the rest of a card. @param {Page} page @param {string} name */
export async function expand(page, name) {
  await card(page, name).getByRole('button', { name: 'More about' }).press('Enter');
  return card(page, name);
}

/** @param {Page} page @param {string} name @param {string} phase */
export async function phaseBecomes(page, name, phase) {
  const word = card(page, name).locator('.phase-word');
  await until(`${name} is ${phase}`, SOON_S, async () => (await word.textContent()) === phase);
}

/** The text beside a phase, once the card shows that phase. @param {Page} page @param {string} name @param {string} phase */
export async function situationOf(page, name, phase) {
  await phaseBecomes(page, name, phase);
  return card(page, name).locator('.card-situation').textContent();
}

/** @param {Page} page @param {string} label @param {number} most presses of Tab */
export async function tabTo(page, label, most) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((text) => document.activeElement?.textContent?.trim() === text, label)) return;
  }
  assert.fail(`${label} is not reached by ${most} presses of Tab`);
}

/** Measurements that the page shows. @param {Page} page */
export function figures(page) {
  return page.evaluate(() => {
    const panel = document.querySelector('player-panel');
    const text = (/** @type {string} */ selector) => panel?.querySelector(selector)?.textContent ?? '';
    return {
      state: text('.state-word'),
      latency: parseFloat(text('[data-figure=latency]')),
      median: parseFloat(text('[data-figure=median]')),
      dropped: text('[data-figure=dropped]'),
      stalls: text('[data-figure=stalls]'),
      error: text('[data-figure=error]'),
      position: document.querySelector('video')?.currentTime ?? 0,
    };
  });
}

/**
 * Checks that the chosen stream plays without a stall or an error. Otherwise, opens the page again for another try.
 * @param {Page} page
 * @param {string[]} faults
 */
export async function picturePlays(page, faults) {
  try {
    const now = await playedFor(page);
    assert.equal(now.state, 'playing');
    assert.equal(now.stalls, '0');
    assert.equal(now.error, 'none');
    assert.ok(now.latency > 0 && now.latency < 20, `a latency of ${now.latency} s`);
    assert.deepEqual(faults, []);
    return now;
  } catch (error) {
    faults.length = 0;
    await page.reload();
    throw error;
  }
}

/** What the page shows after some seconds of playback. @param {Page} page */
async function playedFor(page) {
  const begun = await until('it plays', STARTS_WITHIN_S, async () => {
    const now = await figures(page);
    return now.state === 'playing' && Number.isFinite(now.latency) ? now : null;
  });
  return until(`${PLAYS_S} s are played`, PLAYS_S + SOON_S, async () => {
    const later = await figures(page);
    return later.position >= begun.position + PLAYS_S ? later : null;
  });
}

/** Buttons that a card shows. @param {Page} page @param {string} name */
export function buttonsOf(page, name) {
  return card(page, name).locator('.actions button:visible').allTextContents();
}

/** @param {Page} page @param {string} text */
export async function noteBecomes(page, text) {
  const note = page.locator('player-panel .note-text');
  await until(`the note says ${text}`, SOON_S, async () => (await note.textContent()) === text);
}

/** @param {Page} page @param {string} selector */
export function hasFocus(page, selector) {
  return page.locator(selector).evaluate((element) => element === document.activeElement);
}

/** Whether the buttons below the picture can be used. @param {Page} page */
export async function pictureButtons(page) {
  const buttons = ['mute', 'fullscreen'].map((action) => page.locator(`player-panel [data-action=${action}]`));
  return Promise.all(buttons.map((button) => button.isEnabled()));
}

/** @param {Page} page */
export async function playbackBegins(page) {
  await until('it plays', STARTS_WITHIN_S, async () => (await figures(page)).state === 'playing');
}

/** @param {Page} page */
export function nextList(page) {
  return page.waitForResponse((response) => response.url().endsWith('api/v1/streams') && response.request().method() === 'GET');
}

/** Opens the form of a new stream. @param {Page} page */
export async function openForm(page) {
  await page.getByRole('button', { name: 'New stream' }).click();
  return page.locator('stream-editor');
}

/** Faults that axe-core finds in light and in dark colours. @param {Page} page */
export async function axeInAllColours(page) {
  const found = [];
  for (const colorScheme of /** @type {const} */ (['dark', 'light'])) {
    await page.emulateMedia({ colorScheme });
    found.push(...(await axe(page)).map((/** @type {string} */ fault) => `${colorScheme}: ${fault}`));
  }
  return found;
}

/** Longer than the transitions of the page, which change colours. */
const TRANSITION_MS = 300;

/** Faults that axe-core finds, like `color-contrast: .hint`. @param {Page} page */
export async function axe(page) {
  await page.evaluate(AXE);
  await page.waitForTimeout(TRANSITION_MS);
  return page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run(document);
    return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ { target }) => target.join(' ')).join(', ')}`);
  });
}
