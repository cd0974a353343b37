// @ts-check
// Processes and directories that a test file has created and must not leave behind, even if it ends before its hooks
// run.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
/** @type {Set<string>} */
const directories = new Set();

process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const directory of directories) remove(directory);
});
for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGHUP', 'SIGINT', 'SIGTERM'])) {
  process.once(signal, () => process.exit(1));
}

/**
 * @template {import('node:child_process').ChildProcess} T
 * @param {T} child killed at the end of this process if it still runs
 * @returns {T}
 */
export function own(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/**
 * @param {string} purpose part of the name
 * @returns {string} a new directory; it is deleted by `remove` or at the end of this process
 */
export function temporaryDirectory(purpose) {
  const directory = mkdtempSync(join(tmpdir(), `barstone-test-${purpose}-`));
  directories.add(directory);
  return directory;
}

/** @param {string} directory one from `temporaryDirectory` */
export function remove(directory) {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  directories.delete(directory);
}
