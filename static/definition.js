// @ts-check
// Choices of the forms, and how a filled-in form becomes a definition.

/** @typedef {import('./answers.js').VideoTrack} VideoTrack */
/** @typedef {import('./answers.js').AudioTrack} AudioTrack */
/**
 * Settings that change while viewers go on playing.
 * @typedef {object} Settings
 * @property {string} title
 * @property {string} pattern
 * @property {string} access
 * @property {number | null} max_viewers null for no limit
 * @property {boolean} on_demand
 * @property {number} idle_seconds
 */
/**
 * The part of a definition that makes the media; the server adds defaults.
 * @typedef {object} Shape
 * @property {string} name
 * @property {string} fps
 * @property {number} segment_frames
 * @property {number} chunk_frames
 * @property {VideoTrack[]} video
 * @property {AudioTrack | null} audio
 * @typedef {Shape & Partial<Settings>} Definition
 */

/** Settings of a new stream. @type {Settings} */
export const DEFAULTS = { title: '', pattern: 'smpte', access: 'public', max_viewers: null, on_demand: false, idle_seconds: 30 };

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

export const RENDITIONS = [
  { id: 'v1080', label: '1080p', width: 1920, height: 1080, kbps: 4500, chosen: false },
  { id: 'v720', label: '720p', width: 1280, height: 720, kbps: 2000, chosen: true },
  { id: 'v360', label: '360p', width: 640, height: 360, kbps: 600, chosen: false },
];

/**
 * @param {FormData} form
 * @returns {Definition}
 */
export function fromForm(form) {
  const grid = GRIDS.find((g) => g.fps === form.get('fps'));
  if (!grid) throw new Error(`no grid for ${form.get('fps')} fps`);
  return {
    name: String(form.get('name')).trim(),
    ...settingsFrom(form),
    ...grid,
    video: chosenRenditions(form).map(({ id, width, height }) => ({
      id, width, height, bitrate: Number(form.get(`${id}-kbps`)) * 1000,
    })),
    audio: form.has('audio') ? { id: 'a', bitrate: 128000, beep_hz: Number(form.get('beep_hz')) } : null,
  };
}

/**
 * @param {FormData} form
 * @returns {Partial<Settings>} without `idle_seconds` where the stream does not run on demand
 */
export function settingsFrom(form) {
  const limit = String(form.get('max_viewers'));
  return {
    title: String(form.get('title')).trim(),
    pattern: String(form.get('pattern')),
    access: String(form.get('access')),
    max_viewers: limit === '' ? null : Number(limit),
    ...(form.has('on_demand') ? { on_demand: true, idle_seconds: Number(form.get('idle_seconds')) } : { on_demand: false }),
  };
}

/**
 * Finds the input for a path in a problem document: `video[1].bitrate`, `video.1.bitrate` and `/video/1/bitrate` are the
 * bitrate of the second rendition that the user has chosen.
 * @param {string} path
 * @param {FormData} form that was sent
 * @returns {string} name of the input, empty where the form has none
 */
export function fieldAt(path, form) {
  const [head = '', ...rest] = path.split(/[^a-z0-9_-]+/i).filter(Boolean);
  if (head === 'video') {
    const rendition = chosenRenditions(form)[Number(rest[0] ?? NaN)];
    return rendition ? `${rendition.id}-kbps` : 'video';
  }
  if (head === 'audio') return rest[0] === 'beep_hz' ? 'beep_hz' : 'audio';
  if (head === 'segment_frames' || head === 'chunk_frames') return 'fps';
  return ['name', 'fps', 'beep_hz', ...Object.keys(DEFAULTS)].includes(head) ? head : '';
}

/** @param {FormData} form */
function chosenRenditions(form) {
  return RENDITIONS.filter(({ id }) => form.has(id));
}
