// @ts-check
// Runs the binary or the image, such that nothing runs on when this process ends, however it ends.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Port of barstone in its container. */
const CONTAINER_PORT = 8080;
/** Characters of the log that are kept, and shown in errors. */
const MOST_LOG = 1 << 20;
const SHOWN_LOG = 4000;
/** barstone needs up to 16 s to end requests and encoders. */
const ENDS_WITHIN_MS = 20_000;
/**
 * Runs a command, and sends it SIGTERM when standard input ends. The kernel closes standard input when the parent
 * process ends, even if the parent is killed.
 */
const GUARD = `
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
{ read -r _ <&3; kill "$child"; } 2>/dev/null &
guard=$!
exec 3<&-
wait "$child"
code=$?
kill "$guard" 2>/dev/null
exit "$code"`;

/** @typedef {import('./index.js').Options} Options */

/** @param {string} name @returns {string | undefined} path of the program */
function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, name)).find(isProgram);
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * @param {Options} options
 * @returns {{ binary: string } | { image: string, engine: string }}
 */
function choose(options) {
  const wanted = options.binary ?? (options.image === undefined ? process.env.BARSTONE_BIN : undefined);
  if (wanted) {
    if (!isProgram(wanted)) throw new Error(`there is no program at ${wanted} (option \`binary\`, or BARSTONE_BIN)`);
    return { binary: wanted };
  }
  const image = options.image ?? process.env.BARSTONE_IMAGE;
  if (image) {
    const engine = options.engine ?? onPath('docker') ?? onPath('podman');
    if (engine === undefined) throw new Error(`the image ${image} needs docker or podman on PATH`);
    return { image, engine };
  }
  const binary = onPath('barstone');
  if (binary !== undefined) return { binary };
  throw new Error('barstone is not on PATH: install it, or set BARSTONE_BIN to the binary, or BARSTONE_IMAGE to the image');
}

export class Launched {
  log = '';
  #child;
  #ended;
  #hasEnded = false;
  /** Name of the container and the program that runs it. @type {{ name: string, engine: string } | null} */
  #container = null;
  #options;

  /** @param {Options} options @param {string} token */
  constructor(options, token) {
    this.#options = options;
    const [command, env] = this.#command(choose(options), { ...options.env, BARSTONE_API_TOKEN: token });
    // A process group of its own, so that Ctrl-C does not reach it before the tests have stopped it.
    this.#child = spawn('/bin/sh', ['-c', GUARD, 'sh', ...command], { env, detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.log = (this.log + text).slice(-MOST_LOG)));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message)).once('close', (code) => resolve(`exit code ${code}`));
    }).then((how) => {
      this.#hasEnded = true;
      return how;
    });
    this.#setKeepsNodeAlive('unref');
  }

  /** Fails with the log if barstone has ended. */
  async check() {
    if (this.#hasEnded) throw new Error(`barstone ended with ${await this.#ended}; its log:\n${this.tail}`);
  }

  /** @returns {string | undefined} URL at which barstone listens, once it does */
  address() {
    // What follows shows that the address is whole.
    const listens = /\baddress=(\S+)\s/.exec(this.log)?.[1];
    if (listens === undefined || this.#container === null) return listens && `http://${listens}`;
    const { engine, name } = this.#container;
    const { stdout } = spawnSync(engine, ['port', name, `${CONTAINER_PORT}/tcp`], { encoding: 'utf8' });
    const [mapped] = stdout.trim().split('\n');
    return mapped ? `http://${mapped}` : undefined;
  }

  /** End of the log. */
  get tail() {
    return this.log.slice(-SHOWN_LOG);
  }

  async stop() {
    if (this.#hasEnded) return;
    this.#setKeepsNodeAlive('ref');
    this.#child.stdin.end();
    const tooLate = setTimeout(() => this.#kill(), ENDS_WITHIN_MS);
    await this.#ended;
    clearTimeout(tooLate);
  }

  #kill() {
    if (this.#container !== null) spawnSync(this.#container.engine, ['rm', '--force', this.#container.name]);
    try {
      process.kill(-Number(this.#child.pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }

  /** A process that forgot to stop barstone can end. @param {'ref' | 'unref'} change */
  #setKeepsNodeAlive(change) {
    this.#child[change]();
    for (const pipe of [this.#child.stdin, this.#child.stderr]) /** @type {import('node:net').Socket} */ (pipe)[change]();
  }

  /**
   * @param {ReturnType<typeof choose>} program
   * @param {Record<string, string>} settings
   * @returns {[command: string[], env: NodeJS.ProcessEnv]}
   */
  #command(program, settings) {
    const { port = 0, args = [] } = this.#options;
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BARSTONE_'));
    const env = { ...Object.fromEntries(inherited), ...settings };
    if ('binary' in program) {
      return [[program.binary, 'serve', '--listen', `127.0.0.1:${port}`, '--media-dir', 'none', ...args], env];
    }
    const { engine, image } = program;
    const name = `barstone-${randomBytes(6).toString('hex')}`;
    this.#container = { name, engine };
    const names = Object.keys(settings).flatMap((key) => ['--env', key]);
    const publish = `127.0.0.1:${port === 0 ? '' : port}:${CONTAINER_PORT}`;
    return [[engine, 'run', '--rm', '--name', name, '--publish', publish, ...names, image, 'serve', ...args], env];
  }
}
