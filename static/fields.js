// @ts-check
// Fields of the form for a definition: each has a label, a unit beside it, and a hint with its limits, which a fault replaces.

import { ENCODER_PRESETS, GRIDS, PATTERNS, SOURCES } from './definition.js';
import { html } from './html.js';
import { icon } from './icons.js';

/** @typedef {import('./definition.js').Filled} Filled */
/** @typedef {ReturnType<typeof html>} Markup */

export const NAME_HINT = 'a–z, 0–9 and -, at most 63 characters';

/**
 * @param {{ name: string, label: string, hint?: string, unit?: string }} what
 * @param {(attributes: Markup) => Markup} control makes the input or select with these attributes
 */
export function field({ name, label, hint = '', unit = '' }, control) {
  return html`
    <div class="field" data-field="${name}">
      <label for="f-${name}">${label}${unit === '' ? '' : html` <span class="unit-of">${unit}</span>`}</label>
      ${control(html`id="f-${name}" name="${name}" aria-describedby="h-${name}"`)}
      <p class="hint" id="h-${name}">${hint}</p>
    </div>`;
}

/** @param {{ name: string, label: string, hint?: string, unit?: string }} what @param {{ value: number | null, min: number, max?: number, step?: string, optional?: boolean, box?: string }} limits */
export function number(what, { value, min, max, step = '1', optional = false, box }) {
  return field(what, (attributes) => html`
    <input type="number" ${attributes} value="${value}" min="${min}" ${max === undefined ? '' : html`max="${max}"`} step="${step}"
      ${optional ? '' : 'required'} ${box === undefined ? '' : html`data-box="${box}"`}>`);
}

/** @param {{ name: string, label: string, hint?: string }} what @param {string} value @param {string} [placeholder] */
export function text(what, value, placeholder = '') {
  return field(what, (attributes) => html`
    <input type="text" ${attributes} value="${value}" placeholder="${placeholder}" autocomplete="off" autocapitalize="none" spellcheck="false">`);
}

/** @param {{ name: string, label: string, hint?: string }} what @param {readonly string[]} values @param {string} [box] */
export function lines(what, values, box) {
  return field(what, (attributes) => html`
    <textarea ${attributes} rows="2" autocapitalize="none" spellcheck="false" ${box === undefined ? '' : html`data-box="${box}"`}>${values.join('\n')}</textarea>`);
}

/** @param {{ name: string, label: string, hint?: string }} what @param {readonly { id: string, label: string }[]} options @param {string} chosen */
export function select(what, options, chosen) {
  return field(what, (attributes) => html`
    <select ${attributes}>${options.map(({ id, label }) => html`<option value="${id}" ${id === chosen ? 'selected' : ''}>${label}</option>`)}</select>`);
}

/** @param {string} name @param {string} label @param {boolean} checked @param {string} [choice] like `source=publish`, with which it is enabled */
export function box(name, label, checked, choice) {
  return html`<label class="check"><input type="checkbox" name="${name}" ${checked ? 'checked' : ''} ${choice === undefined ? '' : html`data-choice="${choice}"`}> ${label}</label>`;
}

/** @param {Filled} filled @param {boolean} isNew a stream that exists keeps its name */
export function pictureFields({ name, title, pattern, source, publish_clock }, isNew) {
  return html`
    <div class="columns">
      ${field({ name: 'name', label: 'Name', hint: isNew ? NAME_HINT : 'Part of the URLs; cannot change' }, (attributes) => html`
        <input ${attributes} value="${name}" required ${isNew ? '' : 'readonly'} pattern="[a-z0-9][a-z0-9\\-]{0,62}" autocomplete="off" autocapitalize="none" spellcheck="false">`)}
      ${field({ name: 'title', label: 'Title', hint: 'Optional, shown in the picture; at most 64 characters' }, (attributes) => html`
        <input ${attributes} value="${title}" autocomplete="off">`)}
      ${select({ name: 'pattern', label: 'Pattern', hint: 'Background of the picture' }, PATTERNS, pattern)}
      ${field({ name: 'fps', label: 'Frame rate', unit: 'fps', hint: '1 to 120, or a fraction such as 30000/1001' }, (attributes) => html`
        <input ${attributes} required list="frame-rates" pattern="[0-9]{1,6}(/[0-9]{1,6})?" autocomplete="off">
        <datalist id="frame-rates">${GRIDS.map(({ fps }) => html`<option value="${fps}"></option>`)}</datalist>`)}
      ${select({ name: 'source', label: 'Source', hint: 'A browser, OBS or GStreamer publishes over WebRTC' }, SOURCES, source)}
      <div class="field" data-field="publish_clock">${box('publish_clock', 'UTC clock over the published picture', publish_clock, 'source=publish')}
        <p class="hint" id="h-publish_clock">The test signal always has a clock</p></div>
    </div>`;
}

/** @param {Filled['video'][number]} track @param {number} place */
export function renditionFields({ id, width, height, bitrate, preset }, place) {
  const at = `video.${place}`;
  return html`
    <li class="row" data-field="${at}" data-row>
      ${number({ name: `${at}.width`, label: 'Width', unit: 'px' }, { value: width, min: 90, max: 4096, step: '2' })}
      ${number({ name: `${at}.height`, label: 'Height', unit: 'px' }, { value: height, min: 90, max: 4096, step: '2' })}
      ${number({ name: `${at}.bitrate`, label: 'Bitrate', unit: 'kbit/s' }, { value: bitrate / 1000, min: 1, max: 50_000, step: 'any' })}
      ${select({ name: `${at}.preset`, label: 'Encoder effort' }, ENCODER_PRESETS.map((each) => ({ id: each, label: each })), preset)}
      ${text({ name: `${at}.id`, label: 'Id in URLs' }, id)}
      <button type="button" class="quiet" data-remove aria-label="Remove rendition ${id}">${icon('close')}</button>
      <p class="hint" id="h-${at}"></p>
    </li>`;
}

/** @param {Filled['push'][number]} target @param {number} place */
export function targetFields({ url, video }, place) {
  const at = `push.${place}`;
  return html`
    <li class="row wide" data-field="${at}" data-row>
      ${text({ name: `${at}.url`, label: 'URL of the target' }, url, 'rtmp://live.example/app/KEY')}
      ${text({ name: `${at}.video`, label: 'Rendition', hint: 'Empty: the first rendition' }, video ?? '')}
      <button type="button" class="quiet" data-remove aria-label="Remove target ${place + 1}">${icon('close')}</button>
      <p class="hint" id="h-${at}"></p>
    </li>`;
}
