// @ts-check
// A live chain: ffmpeg plays a stream, transcodes it to another size, frame rate and sound, and packages it as HLS and as DASH,
// which nginx serves. The probe at its end finds nothing lost and nothing moved.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { startVolume } from './players/nginx.mjs';
import { Process } from './players/process.mjs';
import { BINARY, Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';

const SEGMENTS = 5;
const SEGMENTS_WITHIN_S = 90;
const PROBED_S = 10;
const MOST_OFFSET_MS = 5;
const TRANSCODED = '-vf scale=640:360,fps=30 -c:v libx264 -preset ultrafast -bf 2 -g 60 -b:v 300k -maxrate 300k -bufsize 600k '
  + '-c:a aac -ac 1 -ar 44100';
/** Manifest, arguments of ffmpeg, and the file of segment SEGMENTS. @type {Record<string, [manifest: string, packaged: string, segment: string]>} */
const FORMATS = {
  HLS: ['live.m3u8', '-f hls -hls_time 2 -hls_list_size 10', `live${SEGMENTS}.ts`],
  DASH: ['live.mpd', '-f dash -seg_duration 2 -window_size 10', `chunk-stream0-0000${SEGMENTS}.m4s`],
};

const server = await Server.small();
after(() => server.stop());

for (const [format, [manifest, packaged, segment]] of Object.entries(FORMATS)) {
  test(`nothing is lost in a live ${format} stream that ffmpeg transcodes and packages again`, { timeout: 360_000 }, (t) => withinTries(t, async () => {
    const own = temporaryDirectory('packaged');
    const nginx = await startVolume(own);
    const input = ['-v', 'error', '-nostdin', '-i', `${server.url}/live/test/hls.m3u8`];
    const ffmpeg = new Process('ffmpeg', [...input, ...TRANSCODED.split(' '), ...packaged.split(' '), join(own, manifest)]);
    try {
      await until('ffmpeg has packaged some segments', SEGMENTS_WITHIN_S, async () => (await fetch(`${nginx.url}/${segment}`)).ok);
      const { stdout } = await promisify(execFile)(BINARY, ['probe', `${nginx.url}/${manifest}`, '--json', '--duration', `${PROBED_S}s`]);
      const { frames, beeps, pictures, shown_rate: rate, source_rate: source, bitrate, av_offset: offset } = JSON.parse(stdout).figures;
      const { dropped, frozen, repeated, unreadable, out_of_order: disordered } = frames;
      const lost = { dropped, frozen, repeated, unreadable, disordered, missing: beeps.missing, extra: beeps.extra };
      assert.deepEqual(Object.entries(lost).filter(([, count]) => count !== 0), [], stdout);
      assert.deepEqual({ width: pictures[0].width, height: pictures[0].height, rate, source }, { width: 640, height: 360, rate: 30, source: '25' });
      assert.ok(bitrate.video < 330_000, `${bitrate.video} bit/s`);
      assert.ok(Math.abs(offset.median_ms) <= MOST_OFFSET_MS, `the sound is ${offset.median_ms} ms late`);
    } finally {
      await ffmpeg.stop();
      await nginx.stop();
      remove(own);
    }
  }));
}
