// @ts-check
// <fault-list>: the faults of a URL, of which each kind may occur several times. Set `table` and `format`; read and write `texts`. An
// input event bubbles from it when a fault changes.

import { faultFrom, faultText } from './conditions.js';
import { find, html, render } from './html.js';
import { icon } from './icons.js';

/** @typedef {import('./conditions.js').Condition} Condition */
/** @typedef {import('./conditions.js').Parameter} Parameter */

export class FaultList extends HTMLElement {
  /** @type {readonly Condition[]} */
  #table = [];
  #format = '';
  /** Rows get numbers, so that their fields have ids of their own. */
  #nextRow = 0;

  connectedCallback() {
    render(this, html`
      <div class="fault-head"><h3>Faults</h3>
        <select aria-label="Kind of fault"></select>
        <button type="button" data-action="add">${icon('plus')}<span>Add</span></button></div>
      <ul class="faults"></ul>
      <p class="hint">A fault happens on purpose, on the resources and at the times that its parameters select. A resource must match all parameters. The page leaves out empty parameters.</p>`);
    find(this, '[data-action=add]', HTMLElement).addEventListener('click', () => this.#add(this.#kind.value));
    this.addEventListener('click', ({ target }) => {
      const row = target instanceof Element && target.closest('[data-action=remove]') ? target.closest('li') : null;
      if (row) this.#remove(row);
    });
    this.#updateKinds();
  }

  /** @param {readonly Condition[]} table of all conditions */
  set table(table) {
    this.#table = table;
    this.#updateKinds();
  }

  /** @param {string} format whose faults are offered */
  set format(format) {
    if (format === this.#format) return;
    this.#format = format;
    this.#updateKinds();
  }

  /** The faults as in a URL, but for those that the format cannot have. */
  get texts() {
    const fits = (/** @type {Element} */ row) => this.#find(row)?.formats.includes(this.#format) ?? false;
    return [...this.#rows.children].filter(fits).map((row) => {
      const fault = { name: this.#find(row)?.name ?? '', value: '', /** @type {{ name: string, value: string }[]} */ parameters: [] };
      for (const input of row.querySelectorAll('input, select')) {
        const { name, value } = /** @type {HTMLInputElement} */ (input);
        if (name === '') fault.value = value.trim();
        else fault.parameters.push({ name, value: value.trim() });
      }
      return faultText(fault, this.#table);
    });
  }

  set texts(texts) {
    if (JSON.stringify(texts) === JSON.stringify(this.texts)) return;
    this.#rows.replaceChildren();
    for (const text of texts) {
      const { name, value, parameters } = faultFrom(text);
      const row = this.#append(name);
      if (!row) continue;
      for (const input of row.querySelectorAll('input, select')) {
        const field = /** @type {HTMLInputElement} */ (input);
        field.value = field.name === '' ? value : (parameters.find((each) => each.name === field.name)?.value ?? field.value);
      }
    }
  }

  /** Marks the faults of a kind as wrong. @param {string} name empty for none */
  blame(name) {
    for (const row of this.#rows.children) row.classList.toggle('faulty', this.#find(row)?.name === name);
  }

  /** @param {string} name */
  #add(name) {
    const row = this.#append(name);
    row?.querySelector('input')?.focus();
    this.#changed();
  }

  /** @param {string} name @returns {Element | null} the new row */
  #append(name) {
    const fault = this.#table.find((each) => each.fault && each.name === name);
    if (fault === undefined) return null;
    const template = document.createElement('ul');
    render(template, row(fault, (this.#nextRow += 1)));
    const added = template.firstElementChild;
    if (added) this.#rows.append(added);
    return added;
  }

  /** @param {Element} row */
  #remove(row) {
    row.remove();
    this.#kind.focus();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('input', { bubbles: true }));
  }

  #updateKinds() {
    const faults = this.#table.filter(({ fault, formats }) => fault && formats.includes(this.#format));
    this.hidden = faults.length === 0;
    const select = this.querySelector('select');
    if (select === null) return;
    const chosen = select.value;
    render(select, html`${faults.map(({ name }) => html`<option value="${name}">${name}</option>`)}`);
    if (faults.some(({ name }) => name === chosen)) select.value = chosen;
    for (const row of this.#rows.children) /** @type {HTMLElement} */ (row).hidden = !this.#find(row)?.formats.includes(this.#format);
  }

  /** The fault of a row in the table. @param {Element} row */
  #find(row) {
    const { fault } = /** @type {HTMLElement} */ (row).dataset;
    return this.#table.find((each) => each.fault && each.name === fault);
  }

  get #rows() {
    return find(this, '.faults', HTMLElement);
  }

  get #kind() {
    return find(this, 'select', HTMLSelectElement);
  }
}

/** @param {Condition} fault @param {number} number of the row */
function row(fault, number) {
  const { name, summary, kind, allowed, values, parameters } = fault;
  const value = values[0] ?? '';
  return html`
    <li data-fault="${name}">
      <div class="fault-name"><code>${name}</code>
        ${kind === 'none' ? '' : html`<input type="text" aria-label="Value of ${name}" title="${allowed}" value="${value}" placeholder="${value}" autocomplete="off" autocapitalize="none" spellcheck="false">`}
        <button type="button" class="quiet" data-action="remove" aria-label="Remove ${name}">${icon('close')}</button></div>
      <p class="hint">${summary}${kind === 'none' ? '' : html` <span class="limits">${allowed}</span>`}</p>
      <div class="fault-parameters">${parameters.map((parameter) => field(name, parameter, number))}</div>
    </li>`;
}

/** @param {string} fault @param {Parameter} parameter @param {number} number of the row */
function field(fault, { name, summary, kind, allowed, words }, number) {
  const label = html`<label for="p-${number}-${name}" title="${summary}">${name}</label>`;
  if (kind === 'word') {
    return html`<div>${label}<select id="p-${number}-${name}" name="${name}" aria-label="${name} of ${fault}">${words.map((word) => html`<option>${word}</option>`)}</select></div>`;
  }
  return html`<div>${label}<input id="p-${number}-${name}" name="${name}" type="text" aria-label="${name} of ${fault}" title="${summary} ${allowed}" autocomplete="off" autocapitalize="none" spellcheck="false"></div>`;
}

customElements.define('fault-list', FaultList);
