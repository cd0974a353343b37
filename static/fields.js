// @ts-check
// Fields of the forms: each has a label, and a hint that gives way to what is wrong. A scope keeps ids of several forms apart.

import { PATTERNS } from './definition.js';
import { html } from './html.js';

/** @typedef {import('./definition.js').Settings} Settings */

/**
 * @param {{ scope: string, name: string, label: string, hint?: string }} what
 * @param {(attributes: ReturnType<typeof html>) => ReturnType<typeof html>} control the input or select with its attributes
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
 * A number that counts only while its box is checked.
 * @param {{ scope: string, name: string, box: string, label: string, describes: string, checked: boolean, unit: string }} what
 * @param {{ value: number, min: number, max: number }} number
 */
export function checkedNumber({ scope, name, box, label, describes, checked, unit }, { value, min, max }) {
  return html`
    <div class="rung" data-field="${name}">
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

/** Who may watch. @param {string} scope @param {Settings} settings */
export function audienceFields(scope, { access, max_viewers }) {
  return html`
    <div class="pair">
      ${field({ scope, name: 'access', label: 'Access', hint: 'Private: by link only' }, (attributes) => html`
        <select ${attributes}>
          ${option('public', 'Public', access === 'public')}${option('private', 'Private', access === 'private')}
        </select>`)}
      ${field({ scope, name: 'max_viewers', label: 'Most viewers', hint: 'Empty for no limit' }, (attributes) => html`
        <input type="number" ${attributes} value="${max_viewers}" min="1" max="1000000" step="1">`)}
    </div>`;
}

/** When it runs. @param {string} scope @param {Settings} settings */
export function demandField(scope, { on_demand, idle_seconds }) {
  return html`
    <fieldset data-field="on_demand" aria-describedby="${scope}h-on_demand">
      <legend>Running</legend>
      ${checkedNumber({
        scope, name: 'idle_seconds', box: 'on_demand', label: 'Only while watched, then for',
        describes: 'Seconds that it goes on when nobody watches', checked: on_demand, unit: 's',
      }, { value: idle_seconds, min: 10, max: 3600 })}
      <p class="hint" id="${scope}h-on_demand"></p>
    </fieldset>`;
}

/** @param {string} value @param {string} label @param {boolean} chosen */
export function option(value, label, chosen) {
  return html`<option value="${value}" ${chosen ? 'selected' : ''}>${label}</option>`;
}
