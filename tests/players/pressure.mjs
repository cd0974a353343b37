// @ts-check
// How busy this machine is, as Linux counts it.

import { readFileSync } from 'node:fs';

/** @returns {number} milliseconds in which something that could run had to wait for a processor; 0 if nobody counts */
export function waitedForProcessorMs() {
  try {
    return Number(/^some .*\btotal=(\d+)$/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
}
