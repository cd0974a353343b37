// @ts-check
// How busy this machine is, according to Linux (pressure stall information).

import { readFileSync } from 'node:fs';

/** @returns {number} milliseconds in which a process waited for a processor; 0 if the kernel does not count them */
export function waitedForProcessorMs() {
  try {
    return Number(/^some .*\btotal=(\d+)$/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
}
