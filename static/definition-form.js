// @ts-check
// What forms of a definition have in common: what is wrong is said beside the field that it names, and nothing typed is lost.

import { Problem } from './api.js';
import { fieldAt } from './definition.js';
import { find, render, setText } from './html.js';

/** Fields that a refusal is about although it names none, by its code. @type {Record<string, string>} */
const FIELD_OF = { exists: 'name', no_room: 'video' };
export const NAME_HINT = 'a–z, 0–9 and -, at most 63';

/** Its template has a form with a `.form-fault` and a button that submits. */
export class DefinitionForm extends HTMLElement {
  /**
   * Does what the form is for.
   * @param {FormData} _form whose values are allowed as far as the page knows
   * @returns {Promise<void>}
   */
  async send(_form) {}

  /** @param {Parameters<typeof render>[1]} markup */
  build(markup) {
    render(this, markup);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.form.addEventListener('change', () => this.#matchBoxes());
    this.#matchBoxes();
  }

  get form() {
    return find(this, 'form', HTMLFormElement);
  }

  async #submit() {
    const button = find(this, 'button[type=submit]', HTMLButtonElement);
    if (button.getAttribute('aria-busy') === 'true') return;
    this.#clearFaults();
    const bad = this.#inputs().filter((input) => !input.checkValidity());
    for (const input of bad) this.#blame(input.name, requirement(input));
    bad[0]?.focus();
    if (bad.length > 0) return;

    const form = new FormData(this.form);
    button.setAttribute('aria-busy', 'true');
    try {
      await this.send(form);
      this.#matchBoxes();
    } catch (reason) {
      this.#showFault(reason, form);
    } finally {
      button.removeAttribute('aria-busy');
    }
  }

  /**
   * @param {unknown} reason
   * @param {FormData} form as it was sent
   */
  #showFault(reason, form) {
    const message = reason instanceof Error ? reason.message : String(reason);
    const name = reason instanceof Problem ? FIELD_OF[reason.code] ?? fieldAt(reason.field, form) : '';
    if (name === '' || !this.#blame(name, message)) setText(find(this, '.form-fault', HTMLElement), message);
    else (this.#input(name) ?? this.#boxIn(name))?.focus();
  }

  /**
   * @param {string} name of a field
   * @param {string} message
   * @returns {boolean} whether there is such a field
   */
  #blame(name, message) {
    const place = this.querySelector(`[data-field="${name}"]`);
    const hint = place?.querySelector(':scope > .hint');
    if (!place || !(hint instanceof HTMLElement)) return false;
    place.classList.add('faulty');
    hint.dataset.hint ??= hint.textContent ?? '';
    setText(hint, message);
    this.#input(name)?.setAttribute('aria-invalid', 'true');
    return true;
  }

  #clearFaults() {
    setText(find(this, '.form-fault', HTMLElement), '');
    for (const place of this.querySelectorAll('.faulty')) place.classList.remove('faulty');
    for (const input of this.#inputs()) input.removeAttribute('aria-invalid');
    for (const hint of this.querySelectorAll('.hint')) {
      if (hint instanceof HTMLElement && hint.dataset.hint !== undefined) setText(hint, hint.dataset.hint);
    }
  }

  /** A number counts only while its box is checked. */
  #matchBoxes() {
    for (const input of this.#inputs()) {
      const { box } = input.dataset;
      if (box !== undefined) input.disabled = !find(this, `[name="${box}"]`, HTMLInputElement).checked;
    }
  }

  /** @param {string} name */
  #input(name) {
    return this.#inputs().find((input) => input.name === name);
  }

  /** What is chosen first in a set of fields. @param {string} name */
  #boxIn(name) {
    const place = this.querySelector(`[data-field="${name}"]`);
    return this.#inputs().find((input) => place?.contains(input) && input instanceof HTMLInputElement && input.checked);
  }

  #inputs() {
    return [...this.form.elements].filter((e) => e instanceof HTMLInputElement || e instanceof HTMLSelectElement);
  }
}

/** @param {HTMLInputElement | HTMLSelectElement} input @returns {string} what it has to be */
function requirement(input) {
  if (input instanceof HTMLInputElement && input.type === 'number') {
    return `A whole number from ${input.min} to ${input.max}${input.required ? '' : ', or nothing'}.`;
  }
  return input.value === '' ? 'A stream needs a name.' : `Allowed are ${NAME_HINT} characters.`;
}
