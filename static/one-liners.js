// @ts-check
// Commands and lines of code that play a URL elsewhere. Pure.

/** @typedef {{ tool: string, text: string }} OneLiner */

/**
 * @param {string} url absolute, of a manifest
 * @param {{ isDash: boolean, lowLatency: boolean }} format
 * @returns {OneLiner[]}
 */
export function oneLiners(url, { isDash, lowLatency }) {
  const shell = `'${url.replaceAll("'", '%27')}'`;
  const script = JSON.stringify(url);
  const browser = isDash
    ? [{ tool: 'dash.js', text: `dashjs.MediaPlayer().create().initialize(document.querySelector('video'), ${script}, true);` }]
    : [{ tool: 'hls.js', text: `const hls = new Hls({ lowLatencyMode: ${lowLatency} }); hls.loadSource(${script}); hls.attachMedia(document.querySelector('video'));` }];
  const shaka = `const player = new shaka.Player(); await player.attach(document.querySelector('video')); `
    + `${lowLatency ? 'player.configure({ streaming: { lowLatencyMode: true } }); ' : ''}await player.load(${script});`;
  return [
    { tool: 'ffplay', text: `ffplay ${shell}` },
    { tool: 'VLC', text: `vlc ${shell}` },
    { tool: 'mpv', text: `mpv --profile=low-latency ${shell}` },
    { tool: 'GStreamer', text: `gst-play-1.0 --use-playbin3 ${shell}` },
    ...browser,
    { tool: 'shaka-player', text: shaka },
    { tool: 'curl', text: `curl -i ${shell}` },
  ];
}
