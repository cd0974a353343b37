// @ts-check
// Runs files of tests with Node.js, several at a time, and prints the output of each when it ends:
//   plays.mjs FILES_AT_A_TIME FILE...
// Then runs the files that failed once more, beside nothing else: other tests and programs that take the processors spoil some
// plays, and a fault of the server spoils each. PLAYS_ONCE=yes does not run them again.

import { spawn } from 'node:child_process';

/** Number of files that may fail by a busy machine. If more fail, something is broken, and a second run shows no more. */
const MOST_AGAIN = 4;
/** Time after which a file has failed. The longest takes five minutes. */
const ENDS_WITHIN_MS = 15 * 60_000;

/** @param {string} file @returns {Promise<boolean>} whether its tests passed */
async function passes(file) {
  const how = /** @type {const} */ ({ stdio: ['ignore', 'pipe', 'inherit'], timeout: ENDS_WITHIN_MS });
  const child = spawn('node', ['--test', '--test-reporter=spec', file], how);
  const stop = () => child.kill('SIGTERM');
  process.once('SIGTERM', stop);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => { output += text; });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  process.off('SIGTERM', stop);
  process.stdout.write(`${file}\n${output}`);
  return code === 0;
}

/** @param {string[]} files @param {number} atATime @returns {Promise<string[]>} files whose tests failed */
async function failing(files, atATime) {
  const waiting = [...files];
  /** @type {string[]} */
  const failed = [];
  await Promise.all(Array.from({ length: atATime }, async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) if (!(await passes(file))) failed.push(file);
  }));
  return failed;
}

const [atATime, ...files] = process.argv.slice(2);
let failed = await failing(files, Number(atATime));
if (failed.length > 0 && failed.length <= MOST_AGAIN && process.env.PLAYS_ONCE !== 'yes') {
  console.log(`failed, once more beside nothing else: ${failed.join(', ')}`);
  const again = await failing(failed, 1);
  console.log(`passed at the second run: ${failed.filter((file) => !again.includes(file)).join(', ') || 'none'}`);
  failed = again;
}
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
