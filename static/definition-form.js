// @ts-check
// Base of forms that the server judges: shows each fault beside its field, and keeps what the user has typed.

import { Problem } from './api.js';
import { fieldAt } from './definition.js';
import { NAME_HINT } from './fields.js';
import { find, setText } from './html.js';

/** Fields to show a problem at that names no field, by its code. @type {Record<string, string>} */
const FIELD_OF = { exists: 'name', no_room: 'video' };

/** The template of a subclass has a form with a `.form-fault` and a submit button. */
export class DefinitionForm extends HTMLElement {
  /**
   * Sends the form to the server.
   * @param {FormData} _form has passed the checks of its inputs
   * @returns {Promise<void>}
   */
  async send(_form) {}

  /** Call it once the form is there. */
  prepare() {
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.form.addEventListener('change', () => this.matchBoxes());
    this.matchBoxes();
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
    if (bad[0]) this.#goTo(bad[0]);
    if (bad.length > 0) return;

    const form = new FormData(this.form);
    button.setAttribute('aria-busy', 'true');
    try {
      await this.send(form);
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
    const path = reason instanceof Problem ? FIELD_OF[reason.code] ?? fieldAt(reason.field, form) : '';
    const name = this.#nearest(path);
    if (name === '') setText(find(this, '.form-fault', HTMLElement), message);
    else this.#blame(name, message);
    const input = this.#inputs().find((each) => each.name === name) ?? this.querySelector(`[data-field="${name}"] :is(input, select, textarea, button)`);
    if (input instanceof HTMLElement) this.#goTo(input);
  }

  /** @param {string} path of a field @returns {string} the field itself or the one that contains it; empty for none */
  #nearest(path) {
    for (let name = path; name !== ''; name = name.replace(/\.?[^.]*$/, '')) {
      if (this.querySelector(`[data-field="${name}"] > .hint`)) return name;
    }
    return '';
  }

  /** Opens what hides an input and gives it the focus. @param {HTMLElement} input */
  #goTo(input) {
    const details = input.closest('details');
    if (details) details.open = true;
    input.focus();
  }

  /**
   * @param {string} name of a field
   * @param {string} message
   */
  #blame(name, message) {
    const place = this.querySelector(`[data-field="${name}"]`);
    const hint = place?.querySelector(':scope > .hint');
    if (!place || !(hint instanceof HTMLElement)) return;
    place.classList.add('faulty');
    hint.dataset.hint ??= hint.textContent ?? '';
    setText(hint, message);
    this.#inputs().find((input) => input.name === name)?.setAttribute('aria-invalid', 'true');
  }

  #clearFaults() {
    setText(find(this, '.form-fault', HTMLElement), '');
    for (const place of this.querySelectorAll('.faulty')) place.classList.remove('faulty');
    for (const input of this.#inputs()) input.removeAttribute('aria-invalid');
    for (const hint of this.querySelectorAll('.hint')) {
      if (hint instanceof HTMLElement && hint.dataset.hint !== undefined) setText(hint, hint.dataset.hint);
    }
  }

  /** Disables the fields whose boxes are not checked, and those that belong to another choice. */
  matchBoxes() {
    for (const input of this.#inputs()) {
      const { box, choice } = input.dataset;
      if (box !== undefined) input.disabled = !find(this, `[name="${box}"]`, HTMLInputElement).checked;
      const [name, value] = choice?.split('=') ?? [];
      if (name !== undefined) input.disabled = find(this, `[name="${name}"]`, HTMLSelectElement).value !== value;
    }
  }

  #inputs() {
    return [...this.form.elements].filter((e) => e instanceof HTMLInputElement || e instanceof HTMLSelectElement || e instanceof HTMLTextAreaElement);
  }
}

/** @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input that is invalid @returns {string} what to enter instead */
function requirement(input) {
  if (input instanceof HTMLInputElement && input.type === 'number') {
    const kind = input.step === '2' ? 'an even number' : input.step === 'any' ? 'a number' : 'a whole number';
    const range = input.max === '' ? `of at least ${input.min}` : `from ${input.min} to ${input.max}`;
    return `Enter ${kind} ${range}${input.required ? '' : ', or leave the field empty'}.`;
  }
  if (input.name === 'fps') return 'Enter a number such as 25, or a fraction such as 30000/1001.';
  return input.value === '' ? 'Enter a name.' : `Use ${NAME_HINT}.`;
}
