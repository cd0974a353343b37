// @ts-check
// The commands of players and of curl in the documentation, run as they stand there. Only the address of the server and the
// ports of receivers are others, and the players have no screen.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { freePort } from './players/ports.mjs';
import { Process } from './players/process.mjs';
import { SMALL_VIDEO, Server } from './players/server.mjs';

const DOCUMENTS = ['docs/playing.md', 'docs/push.md'];
const LOCAL = 'http://localhost:8080';
const WITHIN_S = 90;
/** More than one segment. */
const PICTURES = 50;
/** Exit code of curl for a download that `--max-time` ended. */
const OUT_OF_TIME = 28;
const execute = promisify(execFile);

/**
 * For each player: arguments for a machine without a screen, with which the player writes down each picture that it shows, and
 * the lines of its log for these pictures. VLC writes files instead, and does not run as root.
 * @type {Record<string, { more: string, line?: RegExp, before?: string }>}
 */
const PLAYERS = {
  ffplay: { more: '-nostats -vf showinfo', line: /Parsed_showinfo_0 @ \w+\] n: /g },
  mpv: { more: "--no-config --vo=null --ao=null '--vf=lavfi=[showinfo]' --msg-level=all=warn,ffmpeg=v", line: /Parsed_showinfo_0: n: /g },
  'gst-launch-1.0': { more: '--verbose video-sink="fakesink silent=false sync=true" audio-sink="fakesink sync=true"', line: /vbin\/.*last-message = chain /g },
  vlc: {
    more: '--intf dummy --vout dummy --aout dummy --video-filter scene --scene-format png --scene-ratio 1 --scene-path .',
    before: 'setpriv --reuid 65534 --regid 65534 --clear-groups',
  },
};

const directory = temporaryDirectory('commands');
chmodSync(directory, 0o755);
after(() => remove(directory));
const server = await Server.small();
after(() => server.stop());

/** The document and each of its shell commands with the comment. @param {string} document */
function commands(document) {
  const text = readFileSync(new URL(`../${document}`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) => block.replaceAll('\\\n', '').split('\n'));
  return blocks.map((line) => [document, ...line.split(/ +# /)]);
}

/** A directory that every user can write to. @returns {string} */
function ownDirectory() {
  const own = mkdtempSync(join(directory, 'command-'));
  chmodSync(own, 0o777);
  return own;
}

/** The command for this server, in the shell. @param {string} command @returns {[file: string, args: string[]]} */
function shell(command) {
  return ['sh', ['-c', command.replace(LOCAL, server.url)]];
}

/** Runs a player until it has shown pictures. @param {string} command */
async function play(command) {
  const { more, line, before = '' } = PLAYERS[command.split(' ')[0]];
  const own = ownDirectory();
  const env = { ...process.env, SDL_VIDEODRIVER: 'dummy', SDL_AUDIODRIVER: 'dummy', HOME: own };
  const player = new Process(...shell(`cd ${own} && exec ${before} ${command} ${more} >&2`), env);
  try {
    const pictures = () => (line === undefined ? readdirSync(own).filter((file) => file.endsWith('.png')) : player.log.match(line) ?? []).length;
    await until(`${PICTURES} pictures`, WITHIN_S, () => player.hasEnded || pictures() >= PICTURES);
    assert.ok(pictures() >= PICTURES, `${pictures()} pictures\n${player.log.slice(-4000)}`);
  } finally {
    await player.stop();
  }
}

/** Runs a command that writes one file, and returns the types of its tracks. @param {string} command */
async function write(command) {
  const cwd = ownDirectory();
  const exited = execute(...shell(command), { cwd, timeout: WITHIN_S * 1000 });
  await exited.catch((error) => assert.equal(error.code, OUT_OF_TIME, String(error)));
  const args = ['-v', 'error', '-show_entries', 'stream=codec_type', '-of', 'csv=p=0', ...readdirSync(cwd)];
  const { stdout } = await execute('ffprobe', args, { cwd });
  return stdout.trim().split('\n').sort();
}

/** Creates the stream that the comment of a command describes, with a free port. @param {string} command @param {string} push */
async function pushed(command, push) {
  const port = String(await freePort());
  const [name] = command.match(/srt|udp|rtmp/) ?? [];
  // RTMP has a default port.
  const definition = push.replace('127.0.0.1/', '127.0.0.1:1935/').replace(/(?<=127\.0\.0\.1:)\d+/, port);
  const { status, answer } = await server.api('PUT', `/${name}`, JSON.parse(`{${definition}, "video": ${JSON.stringify(SMALL_VIDEO)}}`));
  assert.equal(status, 201, JSON.stringify(answer));
  return command.replace(/(?<=127\.0\.0\.1:)\d+/, port);
}

describe('commands of the documentation', { concurrency: 6 }, () => {
  for (const [document, command, comment = ''] of DOCUMENTS.flatMap(commands)) {
    const [program] = command.split(' ');
    const name = `${document}: ${command}`;
    if (program in PLAYERS) {
      const skip = program === 'vlc' && spawnSync('which', ['vlc']).status !== 0 && 'VLC is not installed';
      test(name, { timeout: 2 * WITHIN_S * 1000, skip }, async () => play(comment.startsWith('"push"') ? await pushed(command, comment) : command));
    } else if (/^ffmpeg|^curl .*-[oO] /.test(command)) {
      test(name, { timeout: 2 * WITHIN_S * 1000 }, async () => {
        assert.deepEqual(await write(command), command.includes('still') ? ['video'] : ['audio', 'video']);
      });
    }
  }
});
