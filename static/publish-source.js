// @ts-check
// What the page can publish: a camera, a screen, or a test picture with the strip and a tone.

import { encodeStrip, STRIP } from './strip.js';

/** `end` releases the camera, or whatever the stream comes from. @typedef {{ stream: MediaStream, end: () => void }} Source */

const [WIDTH, HEIGHT, FPS] = [1280, 720, 25];
const [TONE_HZ, LOUDNESS] = [440, 0.05];

/** @type {readonly { id: string, label: string, open: () => Promise<Source> }[]} */
export const SOURCES = [
  { id: 'camera', label: 'Camera', open: async () => captured(await devices().getUserMedia({ video: true, audio: true })) },
  { id: 'screen', label: 'Screen', open: async () => captured(await devices().getDisplayMedia({ video: true, audio: true })) },
  { id: 'test', label: 'Test picture', open: openTestPicture },
];

function devices() {
  if (navigator.mediaDevices === undefined) throw new Error('Browsers permit cameras and screens over HTTPS and on localhost only.');
  return navigator.mediaDevices;
}

/** @param {MediaStream} stream @returns {Source} */
function captured(stream) {
  return { stream, end: () => stream.getTracks().forEach((track) => track.stop()) };
}

/** @returns {Promise<Source>} */
async function openTestPicture() {
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  let frame = 0;
  const draw = () => {
    drawTestPicture(context, frame);
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, 1000 / FPS);
  const audio = new AudioContext();
  const [tone, volume, sound] = [audio.createOscillator(), audio.createGain(), audio.createMediaStreamDestination()];
  tone.frequency.value = TONE_HZ;
  volume.gain.value = LOUDNESS;
  tone.connect(volume).connect(sound);
  tone.start();
  const stream = new MediaStream([...canvas.captureStream(FPS).getTracks(), ...sound.stream.getTracks()]);
  const end = () => {
    clearInterval(timer);
    void audio.close();
  };
  return { stream, end };
}

/**
 * A colour that changes, the time, and the strip at the top and at the bottom: the server paints another strip over the one at the top.
 * @param {CanvasRenderingContext2D} context
 * @param {number} frame number of the picture
 */
export function drawTestPicture(context, frame) {
  const { width, height } = context.canvas;
  const now = Date.now();
  context.fillStyle = `hsl(${frame % 360} 60% 30%)`;
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#fff';
  context.font = `${height / 8}px monospace`;
  context.textAlign = 'center';
  context.fillText(new Date(now).toISOString().slice(11, 23), width / 2, height / 2);
  const [cell, row] = [width / STRIP.columns, height / STRIP.rowsInHeight];
  const bits = encodeStrip({ timeMs: now, frame });
  for (const top of [0, height - STRIP.rows * row]) {
    bits.forEach((bit, index) => {
      context.fillStyle = bit ? '#fff' : '#000';
      context.fillRect((index % STRIP.columns) * cell, top + Math.floor(index / STRIP.columns) * row, cell, row);
    });
  }
}
