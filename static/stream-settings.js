// @ts-check
// <stream-settings>: a form that changes a stream while it runs. Call `open`; fires `settings-closed` after Save or Cancel.

import { definitionOf, Problem, replaceStream } from './api.js';
import { settingsFrom } from './definition.js';
import { DefinitionForm } from './definition-form.js';
import { audienceFields, demandField, patternField, titleField } from './fields.js';
import { find, html } from './html.js';

/** @typedef {import('./answers.js').Tagged} Tagged */

export class StreamSettings extends DefinitionForm {
  #name = '';
  /** @type {Tagged | null} */
  #before = null;

  /** Fetches the definition and shows it. @param {string} name */
  async open(name) {
    this.#name = name;
    this.#before = await definitionOf(name);
    const { settings } = this.#before;
    const scope = `${name}.`;
    this.build(html`
      <form novalidate aria-label="Settings of ${name}">
        ${titleField(scope, settings)}
        ${patternField(scope, settings)}
        ${audienceFields(scope, settings)}
        ${demandField(scope, settings)}
        <p class="form-fault" role="alert"></p>
        <div class="actions">
          <button type="submit" class="primary">Save</button>
          <button type="button" data-cancel>Cancel</button>
        </div>
      </form>`);
    find(this, '[data-cancel]', HTMLElement).addEventListener('click', () => this.#close());
    this.hidden = false;
    this.focusFirst();
  }

  focusFirst() {
    find(this, '[name=title]', HTMLElement).focus();
  }

  /** @param {FormData} form */
  async send(form) {
    if (this.#before === null) return;
    const { definition, tag } = this.#before;
    try {
      await replaceStream(this.#name, { ...definition, ...settingsFrom(form) }, tag);
    } catch (reason) {
      if (!(reason instanceof Problem && reason.code === 'changed')) throw reason;
      this.#before = await definitionOf(this.#name);
      throw new Error('Someone else changed this stream. Save again to overwrite their change, or cancel to keep it.');
    }
    this.#close();
  }

  #close() {
    this.hidden = true;
    this.dispatchEvent(new CustomEvent('settings-closed'));
  }
}

customElements.define('stream-settings', StreamSettings);
