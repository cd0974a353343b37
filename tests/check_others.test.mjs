// @ts-check
// The checker on streams of other programs from Debian's packages: the muxers of ffmpeg, sinks of GStreamer, and nginx with its RTMP
// module, all of them delivered by nginx. Each finding below was compared with its clause by hand.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { startRtmp } from './players/nginx.mjs';
import { Process } from './players/process.mjs';
import { BINARY, SMALL_VIDEO, Server } from './players/server.mjs';
import { withinTries } from './players/tries.mjs';

const WATCHED = '12s';
const FFMPEG = '-v error -nostdin -re -f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=r=48000 -c:v libx264 -preset ultrafast '
  + '-g 25 -keyint_min 25 -sc_threshold 0 -threads 1 -c:a aac -t 600';
const HLS = '-f hls -hls_time 1 -hls_list_size 6 -hls_delete_threshold 9 -hls_flags delete_segments+program_date_time';
const DASH = '-f dash -seg_duration 1 -window_size 6 -extra_window_size 9 -init_seg_name $RepresentationID$.mp4 '
  + '-media_seg_name $RepresentationID$-$Number$.m4v';
const GSTREAMER = '-q videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=25/1 ! '
  + 'x264enc speed-preset=ultrafast tune=zerolatency threads=1 key-int-max=50 ! h264parse ! queue ! sink.VIDEO '
  + 'audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! voaacenc ! aacparse ! queue ! sink.AUDIO ';

/**
 * What each program breaks, and docs/check.md says why. nginx compresses nothing (H20, D15), and sends no ETag and no Last-Modified
 * with an MPD, into which it writes a UTCTiming (D15, T3).
 */
const STREAMS = [
  { file: 'ffmpeg-ts/live.m3u8', run: ['ffmpeg', `${FFMPEG} ${HLS} live.m3u8`], rules: ['H20'] },
  {
    file: 'ffmpeg-fmp4/live.m3u8',
    run: ['ffmpeg', `${FFMPEG} ${HLS} -hls_segment_type fmp4 -hls_segment_filename %d.mp4 live.m3u8`],
    rules: ['H20'],
  },
  { file: 'ffmpeg-timeline/live.mpd', run: ['ffmpeg', `${FFMPEG} ${DASH} live.mpd`], rules: ['D15', 'T3'] },
  { file: 'ffmpeg-number/live.mpd', run: ['ffmpeg', `${FFMPEG} ${DASH} -use_timeline 0 live.mpd`], rules: ['D15', 'T3'] },
  {
    file: 'hlssink2/playlist.m3u8',
    run: ['gst-launch-1.0', `${sinks('video', 'audio')} hlssink2 name=sink target-duration=2 max-files=12 playlist-length=6`],
    rules: ['H20', 'H25'],
  },
  {
    file: 'dashsink/live.mpd',
    run: ['gst-launch-1.0', `${sinks('video_0', 'audio_0')} dashsink name=sink dynamic=true muxer=mp4 target-duration=2 `
      + 'mpd-root-path=. mpd-filename=live.mpd minimum-update-period=2000'],
    rules: ['D1', 'D15', 'D16', 'D8', 'T3'],
  },
  { file: 'hls/pushed.m3u8', run: null, rules: ['H20', 'H25'] },
  { file: 'dash/pushed.mpd', run: null, rules: ['D15', 'T3'] },
];

/** @param {string} video @param {string} audio names of pads */
function sinks(video, audio) {
  return GSTREAMER.replace('VIDEO', video).replace('AUDIO', audio);
}

/** @type {Awaited<ReturnType<typeof startRtmp>>} */
let nginx;
/** @type {Server} */
let server;
/** @type {Process[]} */
const programs = [];
const home = temporaryDirectory('others');

before(async () => {
  nginx = await startRtmp();
  const config = join(home, 'barstone.toml');
  const [{ id, width, height, bitrate }] = SMALL_VIDEO;
  writeFileSync(config, `
    [[streams]]
    name = "test"
    push = [{url = "${nginx.rtmp}/pushed"}]
    video = [{id = "${id}", width = ${width}, height = ${height}, bitrate = ${bitrate}}]`);
  server = await Server.start('--config', config);
  for (const { file, run } of STREAMS) {
    if (run === null) continue;
    const directory = join(nginx.media, file, '..');
    mkdirSync(directory);
    programs.push(new Process('sh', ['-c', 'cd "$0" && exec "$@"', directory, run[0], ...run[1].split(' ').filter(Boolean)]));
  }
});
after(async () => {
  for (const program of programs) await program.stop();
  await server?.stop();
  await nginx?.stop();
  remove(home);
});

/** Ids of the rules that a check finds broken. @param {string} url @returns {Promise<string[]>} */
function found(url) {
  return new Promise((resolve, reject) => {
    execFile(BINARY, ['check', url, '--duration', WATCHED, '--json'], (error, out, errors) => {
      if (error?.code !== 1) return reject(new Error(`exit code ${error?.code ?? 0}: ${out}${errors}`));
      /** @type {{ rule: string, seen: string }[]} */
      const findings = JSON.parse(out).findings;
      resolve(findings.map(({ rule, seen }) => `${rule} ${seen}`));
    });
  });
}

describe('checks of other programs', { concurrency: true }, () => {
  for (const { file, rules } of STREAMS) {
    test(`${file} breaks ${rules.join(', ')}`, { timeout: 240_000 }, async (t) => {
      const path = join(nginx.media, file);
      const segments = () => (existsSync(path) ? readFileSync(path, 'utf8').match(/#EXTINF|<S |duration=/g)?.length ?? 0 : 0);
      await until(file, 60, async () => segments() > 1 || null);
      await withinTries(t, async () => {
        const findings = await found(`${nginx.url}/${file}`);
        const ids = new Set(findings.map((finding) => finding.split(' ')[0]));
        assert.deepEqual([...ids].sort(), rules, findings.join('\n'));
      });
    });
  }
});
