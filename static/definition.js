// @ts-check
// Presets and limits of the form for a definition, and how a filled-in form becomes a definition.

/**
 * A definition as the API has it; the form keeps keys that it does not know.
 * @typedef {Record<string, unknown> & { name: string }} Definition
 */
/** @typedef {{ id: string, width: number, height: number, bitrate: number, preset: string }} Rendition */
/** @typedef {{ id: string, bitrate: number, beep_hz: number, beep_dbfs: number }} Sound */
/** @typedef {{ time_zone?: string, start?: string[], stop?: string[], windows?: { from: string, until: string }[] }} Schedule */
/**
 * What the form shows.
 * @typedef {object} Filled
 * @property {string} name
 * @property {string} title
 * @property {string} pattern
 * @property {string} source
 * @property {boolean} publish_clock
 * @property {string} fps
 * @property {number} segment_frames
 * @property {number} chunk_frames
 * @property {number} window_seconds
 * @property {Rendition[]} video
 * @property {Sound | null} audio
 * @property {boolean} enabled
 * @property {boolean} on_demand
 * @property {number} idle_seconds
 * @property {string[]} requires
 * @property {Schedule | null} schedule
 * @property {string} access
 * @property {string[]} allow
 * @property {string[]} deny
 * @property {number | null} max_viewers
 * @property {number | null} max_bandwidth
 * @property {string | null} overflow_url
 * @property {{ url: string, video: string | null }[]} push
 */

/** @param {string} id @param {number} width @param {number} height @param {number} kbps @returns {Rendition} */
function rendition(id, width, height, kbps) {
  return { id, width, height, bitrate: kbps * 1000, preset: 'ultrafast' };
}

/** Renditions that the form offers to add. */
export const SIZES = [
  rendition('v2160', 3840, 2160, 15000), rendition('v1080', 1920, 1080, 4500), rendition('v720', 1280, 720, 2000),
  rendition('v480', 854, 480, 1200), rendition('v360', 640, 360, 600), rendition('v180', 320, 180, 300),
];
const [, V1080, V720, , V360] = /** @type {[Rendition, Rendition, Rendition, Rendition, Rendition, Rendition]} */ (SIZES);

/** @type {Sound} */
const SOUND = { id: 'a', bitrate: 128_000, beep_hz: 1000, beep_dbfs: -18 };

/** A new stream. @type {Filled} */
export const DEFAULTS = {
  name: '', title: '', pattern: 'smpte', source: 'signal', publish_clock: false,
  fps: '25', segment_frames: 48, chunk_frames: 6, window_seconds: 60,
  video: [V720], audio: SOUND,
  enabled: true, on_demand: false, idle_seconds: 30, requires: [], schedule: null,
  access: 'public', allow: [], deny: [], max_viewers: null, max_bandwidth: null, overflow_url: null,
  push: [],
};

/** Frame rates, each with a segment that is a whole number of video frames and of audio frames, and a chunk of 0.24 to 0.33 s. */
export const GRIDS = [
  { fps: '24', segment_frames: 64, chunk_frames: 8 },
  { fps: '25', segment_frames: 48, chunk_frames: 6 },
  { fps: '30', segment_frames: 48, chunk_frames: 8 },
  { fps: '50', segment_frames: 96, chunk_frames: 12 },
  { fps: '60', segment_frames: 96, chunk_frames: 16 },
  { fps: '30000/1001', segment_frames: 48, chunk_frames: 8 },
];

export const PATTERNS = [
  { id: 'smpte', label: 'SMPTE bars' },
  { id: 'ebu', label: 'EBU bars' },
  { id: 'grid', label: 'Grid' },
  { id: 'black', label: 'Black' },
];

export const SOURCES = [
  { id: 'signal', label: 'Test signal' },
  { id: 'publish', label: 'Published over WebRTC' },
];

export const ENCODER_PRESETS = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'];

/** What each preset changes; all of them keep the name, the title and who may watch. @type {readonly { id: string, label: string, change: Partial<Filled> }[]} */
export const PRESETS = [
  { id: 'default', label: 'Default', change: shape({}) },
  { id: 'ladder', label: 'ABR ladder', change: shape({ video: [V1080, V720, V360] }) },
  { id: 'quick', label: 'Low latency, 0.16 s', change: shape({ chunk_frames: 4 }) },
  { id: 'xga60', label: '1024×768 at 60 fps', change: shape({ ...grid('60'), video: [rendition('v768', 1024, 768, 3000)] }) },
  { id: 'ntsc', label: '29.97 fps', change: shape(grid('30000/1001')) },
  { id: 'portrait', label: 'Portrait', change: shape({ video: [rendition('v1280', 720, 1280, 2000)] }) },
  { id: 'audio', label: 'Audio only', change: shape({ video: [] }) },
];

/** @param {Partial<Filled>} change @returns {Partial<Filled>} the default shape of the media with this change */
function shape(change) {
  const { fps, segment_frames, chunk_frames, window_seconds, video, audio } = DEFAULTS;
  return { fps, segment_frames, chunk_frames, window_seconds, video, audio, ...change };
}

/** @param {string} fps @returns {Partial<Filled>} */
export function grid(fps) {
  return GRIDS.find((each) => each.fps === fps) ?? {};
}

/** @param {string} fps @returns {number} frames per second; NaN if it is none */
export function framesPerSecond(fps) {
  const [frames = NaN, seconds = 1] = fps.split('/').map(Number);
  return frames / seconds;
}

/**
 * Reads what the form shows now, also where it is not valid yet.
 * @param {FormData} form
 * @returns {Filled}
 */
export function fromForm(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? '').trim();
  const number = (/** @type {string} */ name) => Number(text(name));
  const optional = (/** @type {string} */ name) => (text(name) === '' ? null : number(name));
  const lines = (/** @type {string} */ name) => text(name).split(/\n|,(?!\S)/).map((line) => line.trim()).filter(Boolean);
  return {
    name: text('name'), title: text('title'), pattern: text('pattern'), source: text('source'), publish_clock: form.has('publish_clock'),
    fps: text('fps'), segment_frames: number('segment_frames'), chunk_frames: number('chunk_frames'), window_seconds: number('window_seconds'),
    video: places(form, 'video').map((at) => ({
      id: text(`${at}.id`), width: number(`${at}.width`), height: number(`${at}.height`),
      bitrate: Math.round(number(`${at}.bitrate`) * 1000), preset: text(`${at}.preset`),
    })),
    audio: form.has('audio') ? {
      id: text('audio.id'), bitrate: Math.round(number('audio.bitrate') * 1000), beep_hz: number('audio.beep_hz'), beep_dbfs: number('audio.beep_dbfs'),
    } : null,
    enabled: form.has('enabled'), on_demand: form.has('on_demand'), idle_seconds: form.has('idle_seconds') ? number('idle_seconds') : DEFAULTS.idle_seconds,
    requires: lines('requires'), schedule: scheduleFrom(form),
    access: text('access'), allow: lines('allow'), deny: lines('deny'),
    max_viewers: optional('max_viewers'), max_bandwidth: form.get('max_bandwidth') ? Math.round(number('max_bandwidth') * 1e6) : null,
    overflow_url: text('overflow_url') || null,
    push: places(form, 'push').map((at) => ({ url: text(`${at}.url`), video: text(`${at}.video`) || null })),
  };
}

/**
 * Puts what the form shows into a definition.
 * @param {Record<string, unknown>} before may have keys that the form does not know
 * @param {Filled} filled
 * @returns {Definition}
 */
export function merge(before, filled) {
  const old = Array.isArray(before.video) ? before.video : [];
  const video = filled.video.map((track) => ({ ...old.find(({ id }) => id === track.id), ...track }));
  const audio = filled.audio === null ? null : { .../** @type {object} */ (before.audio ?? {}), ...filled.audio };
  return { ...before, ...filled, video, audio };
}

/** Frames, rates and cost of what the form shows, for people. @param {Filled} filled @returns {string} empty where it is not valid yet */
export function consequences({ fps, segment_frames, chunk_frames, video, audio }) {
  const rate = framesPerSecond(fps);
  const pixels = video.reduce((sum, { width, height }) => sum + width * height, 0) * rate;
  const bitrate = video.reduce((sum, track) => sum + track.bitrate, audio?.bitrate ?? 0);
  const seconds = (/** @type {number} */ frames) => `${Math.round((frames / rate) * 1000) / 1000} s`;
  if (![rate, pixels, segment_frames / chunk_frames].every(Number.isFinite)) return '';
  return `Segments of ${seconds(segment_frames)}, chunks of ${seconds(chunk_frames)}, ${(bitrate / 1e6).toFixed(2)} Mbit/s in all, ${(pixels / 1e6).toFixed(1)} Mpixel/s to encode.`;
}

/** @param {FormData} form @returns {Schedule | null} */
function scheduleFrom(form) {
  const lines = (/** @type {string} */ name) => String(form.get(name) ?? '').split('\n').map((line) => line.trim()).filter(Boolean);
  const [start, stop, windows] = ['schedule.start', 'schedule.stop', 'schedule.windows'].map(lines);
  if (!form.has('schedule')) return null;
  return {
    time_zone: String(form.get('schedule.time_zone') ?? '').trim() || 'UTC',
    start, stop,
    windows: (windows ?? []).map((line) => {
      const [from = '', until = ''] = line.split(/\s+/);
      return { from, until };
    }),
  };
}

/** @param {FormData} form @param {string} list @returns {string[]} like `video.0` and `video.2`, in order */
function places(form, list) {
  const numbers = [...form.keys()].flatMap((key) => (key.startsWith(`${list}.`) ? [Number(key.split('.')[1])] : []));
  return [...new Set(numbers)].map((place) => `${list}.${place}`);
}

/**
 * Finds the field of the form for a path in a problem document, such as `video[1].bitrate` or `/video/1/bitrate`.
 * @param {string} path
 * @param {FormData} form that was sent
 * @returns {string} name of the field; that of the rows themselves is `video`
 */
export function fieldAt(path, form) {
  const [head = '', ...rest] = path.split(/[^a-z0-9_-]+/i).filter(Boolean);
  if (head !== 'video' && head !== 'push') return ['audio', 'schedule'].includes(head) && rest[0] ? `${head}.${rest[0]}` : head;
  const at = places(form, head)[Number(rest[0] ?? NaN)];
  return at === undefined ? head : rest[1] ? `${at}.${rest[1]}` : at;
}
