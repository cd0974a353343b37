// @ts-check
// Base of the forms for a definition: shows each fault beside its field, and keeps what the user has typed.

import { Problem } from './api.js';
import { fieldAt } from './definition.js';
import { find, render, setText } from './html.js';

/** Fields to show a problem at that names no field, by its code. @type {Record<string, string>} */
const FIELD_OF = { exists: 'name', no_room: 'video' };
export const NAME_HINT = 'a–z, 0–9 and -, at most 63 characters';

/** The template of a subclass has a form with a `.form-fault` and a submit button. */
export class DefinitionForm extends HTMLElement {
  /**
   * Sends the form to the server.
   * @param {FormData} _form has passed the checks of its inputs
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
   * @param {FormData} form that was sent
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
   * @returns {boolean} whether the form has such a field
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

  /** Disables the numbers whose boxes are not checked. */
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

  /** The first checked input of a fieldset. @param {string} name */
  #boxIn(name) {
    const place = this.querySelector(`[data-field="${name}"]`);
    return this.#inputs().find((input) => place?.contains(input) && input instanceof HTMLInputElement && input.checked);
  }

  #inputs() {
    return [...this.form.elements].filter((e) => e instanceof HTMLInputElement || e instanceof HTMLSelectElement);
  }
}

/** @param {HTMLInputElement | HTMLSelectElement} input that is invalid @returns {string} what to enter instead */
function requirement(input) {
  if (input instanceof HTMLInputElement && input.type === 'number') {
    return `Enter a whole number from ${input.min} to ${input.max}${input.required ? '' : ', or leave the field empty'}.`;
  }
  return input.value === '' ? 'Enter a name.' : `Use ${NAME_HINT}.`;
}
