// @ts-check
// Processor time of running programs.

import { readFileSync } from 'node:fs';

/** Ticks per second in `/proc/PID/stat`: a constant of Linux. */
const TICKS_A_SECOND = 100;

/** @param {number} pid @returns {number} processor time in seconds, including that of child processes */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((child) => child !== '');
  const own = (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  return children.reduce((sum, child) => sum + cpuSeconds(Number(child)), own);
}
