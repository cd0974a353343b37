// @ts-check
// Fields of the forms: each has a label and a hint, which a fault replaces. A scope keeps the ids of several forms apart.

import { PATTERNS } from './definition.js';
import { html } from './html.js';

/** @typedef {import('./definition.js').Settings} Settings */

/**
 * @param {{ scope: string, name: string, label: string, hint?: string }} what
 * @param {(attributes: ReturnType<typeof html>) => ReturnType<typeof html>} control makes the input or select with these attributes
 */
export function field({ scope, name, label, hint = '' }, control) {
  const id = `${scope}f-${name}`;
  return html`
    <div class="field" data-field="${name}">
      <label for="${id}">${label}</label>
      ${control(html`id="${id}" name="${name}" aria-describedby="${scope}h-${name}"`)}
      <p class="hint" id="${scope}h-${name}">${hint}</p>
    </div>`;
}

/**
 * A checkbox and a number that is sent only while the box is checked.
 * @param {{ scope: string, name: string, box: string, label: string, describes: string, checked: boolean, unit: string }} what
 * @param {{ value: number, min: number, max: number }} number
 */
export function checkedNumber({ scope, name, box, label, describes, checked, unit }, { value, min, max }) {
  return html`
    <div class="rendition" data-field="${name}">
      <label class="check"><input type="checkbox" name="${box}" ${checked ? 'checked' : ''} aria-describedby="${scope}h-${name}"> ${label}</label>
      <span class="unit"><input type="number" name="${name}" value="${value}" min="${min}" max="${max}" step="1" required
        data-box="${box}" aria-label="${describes}" aria-describedby="${scope}h-${name}"> ${unit}</span>
      <p class="hint" id="${scope}h-${name}"></p>
    </div>`;
}

/** @param {string} scope @param {Settings} settings */
export function titleField(scope, { title }) {
  return field({ scope, name: 'title', label: 'Title', hint: 'Optional, shown in the picture' }, (attributes) => html`
    <input ${attributes} value="${title}" autocomplete="off">`);
}

/** @param {string} scope @param {Settings} settings */
export function patternField(scope, { pattern }) {
  return field({ scope, name: 'pattern', label: 'Pattern' }, (attributes) => html`
    <select ${attributes}>${PATTERNS.map(({ id, label }) => option(id, label, id === pattern))}</select>`);
}

/** Access and viewer limit. @param {string} scope @param {Settings} settings */
export function audienceFields(scope, { access, max_viewers }) {
  return html`
    <div class="pair">
      ${field({ scope, name: 'access', label: 'Access', hint: 'Private: links need a token' }, (attributes) => html`
        <select ${attributes}>
          ${option('public', 'Public', access === 'public')}${option('private', 'Private', access === 'private')}
        </select>`)}
      ${field({ scope, name: 'max_viewers', label: 'Viewer limit', hint: 'Empty: no limit' }, (attributes) => html`
        <input type="number" ${attributes} value="${max_viewers}" min="1" max="1000000" step="1">`)}
    </div>`;
}

/** Whether viewers start and stop the stream. @param {string} scope @param {Settings} settings */
export function demandField(scope, { on_demand, idle_seconds }) {
  return html`
    <fieldset data-field="on_demand" aria-describedby="${scope}h-on_demand">
      <legend>On demand</legend>
      <label class="check"><input type="checkbox" name="on_demand" ${on_demand ? 'checked' : ''}> Run only while watched</label>
      <div data-field="idle_seconds">
        <span class="unit">Stop <input type="number" name="idle_seconds" value="${idle_seconds}" min="10" max="3600" step="1" required
          data-box="on_demand" aria-label="Seconds after the last viewer until the stream stops" aria-describedby="${scope}h-idle_seconds">
          s after the last viewer</span>
        <p class="hint" id="${scope}h-idle_seconds"></p>
      </div>
      <p class="hint" id="${scope}h-on_demand"></p>
    </fieldset>`;
}

/** @param {string} value @param {string} label @param {boolean} chosen */
export function option(value, label, chosen) {
  return html`<option value="${value}" ${chosen ? 'selected' : ''}>${label}</option>`;
}
