// @ts-check
// Headless Chromium with a profile of its own.

import { chromium } from 'playwright-core';

import { remove, temporaryDirectory } from './leftovers.mjs';

export const PROGRAM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--autoplay-policy=no-user-gesture-required',
  // Plays continue although the window is never visible.
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
];
const VIEWPORT = { width: 1000, height: 800 };
/** Chromium refuses to run its sandbox as root. */
export const ARGUMENTS = [...FLAGS, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];

export async function launch() {
  const profile = temporaryDirectory('chromium');
  const close = async () => {
    await context?.close();
    remove(profile);
  };
  /** @type {import('playwright-core').BrowserContext | undefined} */
  let context;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: PROGRAM,
      headless: true,
      viewport: VIEWPORT,
      args: ARGUMENTS,
    });
  } catch (error) {
    await close();
    throw error;
  }
  /** A page with cookies, cache and connections of its own, as on another device. */
  const newContext = () => /** @type {import('playwright-core').Browser} */ (context?.browser()).newContext({ viewport: VIEWPORT });
  return { newContext, close };
}
