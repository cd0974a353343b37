// @ts-check
// Runs a program to its end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * @param {string[]} command
 * @returns {Promise<{ out: string, cpu: number }>} standard output, and processor time in seconds
 */
export async function run(...command) {
  // `times` prints the processor time of the shell, and in the second line that of the programs that it has run.
  const child = spawn('sh', ['-c', '"$@"; times >&2', 'sh', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  await once(child, 'close');
  const times = [...errors.trimEnd().split('\n').at(-1)?.matchAll(/(\d+)m([\d.]+)s/g) ?? []];
  if (times.length !== 2 || out === '') throw new Error(`${command.join(' ')}: ${errors}`);
  return { out, cpu: times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0) };
}
