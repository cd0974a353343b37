// @ts-check
// How much memory and processor time of the main thread does the wall need while it plays six streams? A line a minute:
// `node benches/wall.mjs [MINUTES]`, by default 30. Needs Linux. No tool for developers is attached to the browser, because it would
// hold all responses in the memory of the tab.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/dist/barstone', import.meta.url));
const { ARGUMENTS, PROGRAM } = await import('../tests/players/browser.mjs');
const { temporaryDirectory } = await import('../tests/players/leftovers.mjs');
const { Process } = await import('../tests/players/process.mjs');
const { Server, SMALL_VIDEO } = await import('../tests/players/server.mjs');
const { Table } = await import('./support/table.mjs');

const MINUTES = Number(process.argv[2] ?? 30);
const STREAMS = 6;

/** @param {number} pid @param {string} file @returns {string} empty for a process that has ended */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Proportional share of memory of a process in MiB. @param {number} pid */
function memory(pid) {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(pid, 'smaps_rollup'))?.[1]) / 1024;
}

/** Processor time of the main thread of a process in seconds. @param {number} pid */
function mainThreadTime(pid) {
  return Number(read(pid, `task/${pid}/schedstat`).split(' ')[0]) / 1e9;
}

/** @param {number} pid @param {number} ancestor @returns {boolean} */
function isBelow(pid, ancestor) {
  const parent = Number(/\) \S (\d+)/.exec(read(pid, 'stat'))?.[1] ?? 0);
  return parent === ancestor || (parent > 1 && isBelow(parent, ancestor));
}

/** The process of the tab: of the renderers, the one that has worked most. @param {number} browser */
function tabOf(browser) {
  const all = readdirSync('/proc').map(Number).filter((pid) => read(pid, 'cmdline').includes('--type=renderer') && isBelow(pid, browser));
  return all.sort((a, b) => mainThreadTime(b) - mainThreadTime(a))[0] ?? NaN;
}

const table = new Table(`How much memory and main-thread time does the wall need with ${STREAMS} streams?`);
const server = await Server.small();
for (let i = 2; i <= STREAMS; i += 1) await server.api('POST', '', { name: `test-${i}`, video: SMALL_VIDEO });
const browser = new Process(PROGRAM, [
  ...ARGUMENTS, '--headless', '--window-size=1920,1080', `--user-data-dir=${temporaryDirectory('chromium')}`, `${server.url}/wall`,
]);
try {
  for (let [minute, before] = [1, 0]; minute <= MINUTES; minute += 1) {
    await pause(60_000);
    const tab = tabOf(Number(browser.pid));
    const spent = mainThreadTime(tab);
    const { answer } = await server.api('GET');
    const viewers = answer.map((/** @type {any} */ stream) => stream.viewers.current).reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
    table.figure(
      `minute ${minute}: memory of the tab; main thread; viewers`,
      `${memory(tab).toFixed(0)} MiB; ${(spent - before).toFixed(1)} s; ${viewers}`,
    );
    before = spent;
  }
} finally {
  await browser.stop();
  await server.stop();
}
