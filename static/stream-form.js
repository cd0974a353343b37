// @ts-check
// <stream-form>: creates a stream. Fires `stream-created` (detail: the name). Faults stand beside the field that they name.

import { createStream, Problem } from './api.js';
import { fieldAt, fromForm, GRIDS, PATTERNS, RUNGS } from './definition.js';
import { find, html, render, setText } from './html.js';

const NAME_HINT = 'a–z, 0–9 and -, at most 63';

export class StreamForm extends HTMLElement {
  connectedCallback() {
    render(this, html`
      <form novalidate>
        <p class="form-fault" role="alert"></p>
        ${field('name', 'Name', NAME_HINT, html`
          <input id="f-name" name="name" required pattern="[a-z0-9][a-z0-9\\-]{0,62}" autocomplete="off" autocapitalize="none"
            spellcheck="false" aria-describedby="h-name">`)}
        ${field('title', 'Title', 'Optional, for people', html`
          <input id="f-title" name="title" autocomplete="off" aria-describedby="h-title">`)}
        <div class="pair">
          ${field('pattern', 'Pattern', '', html`
            <select id="f-pattern" name="pattern" aria-describedby="h-pattern">
              ${PATTERNS.map(({ id, label }) => html`<option value="${id}">${label}</option>`)}
            </select>`)}
          ${field('fps', 'Frame rate', '', html`
            <select id="f-fps" name="fps" aria-describedby="h-fps">
              ${GRIDS.map(({ fps }) => html`<option value="${fps}" ${fps === '25' ? 'selected' : ''}>${fps} fps</option>`)}
            </select>`)}
        </div>
        <fieldset data-field="video">
          <legend>Sizes</legend>
          ${RUNGS.map(rung)}
          <p class="hint" id="h-video"></p>
        </fieldset>
        <fieldset data-field="audio">
          <legend>Sound</legend>
          <div class="rung" data-field="beep_hz">
            <label class="check"><input type="checkbox" name="audio" checked aria-describedby="h-audio"> A beep every second</label>
            <span class="unit"><input type="number" name="beep_hz" value="1000" min="100" max="8000" step="1" required
              aria-label="Pitch of the beep in Hz" aria-describedby="h-beep_hz"> Hz</span>
            <p class="hint" id="h-beep_hz"></p>
          </div>
          <p class="hint" id="h-audio"></p>
        </fieldset>
        <button type="submit" class="primary">Create stream</button>
      </form>`);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#form.addEventListener('change', () => this.#matchChecks());
    this.#matchChecks();
  }

  get #form() {
    return find(this, 'form', HTMLFormElement);
  }

  async #submit() {
    this.#clearFaults();
    const bad = this.#inputs().filter((input) => !input.checkValidity());
    for (const input of bad) this.#blame(input.name, requirement(input));
    bad[0]?.focus();
    if (bad.length > 0) return;

    const form = new FormData(this.#form);
    const definition = fromForm(form);
    const button = find(this, 'button[type=submit]', HTMLButtonElement);
    button.setAttribute('aria-busy', 'true');
    try {
      await createStream(definition);
      this.#form.reset();
      this.#matchChecks();
      this.dispatchEvent(new CustomEvent('stream-created', { bubbles: true, detail: definition.name }));
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
    const name = reason instanceof Problem ? faultyField(reason, form) : '';
    if (name !== '' && this.#blame(name, message)) {
      this.#inputs().find((input) => input.name === name)?.focus();
    } else {
      setText(find(this, '.form-fault', HTMLElement), message);
    }
  }

  /**
   * @param {string} name of a field
   * @param {string} message
   * @returns {boolean} whether there is such a field
   */
  #blame(name, message) {
    const place = this.querySelector(`[data-field="${name}"]`);
    const hint = this.querySelector(`[id="h-${name}"]`);
    if (!place || !(hint instanceof HTMLElement)) return false;
    place.classList.add('faulty');
    hint.dataset.hint ??= hint.textContent ?? '';
    setText(hint, message);
    this.#inputs().find((input) => input.name === name)?.setAttribute('aria-invalid', 'true');
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
  #matchChecks() {
    const isChecked = (/** @type {string} */ name) => find(this, `[name="${name}"]`, HTMLInputElement).checked;
    for (const { id } of RUNGS) find(this, `[name="${id}-kbps"]`, HTMLInputElement).disabled = !isChecked(id);
    find(this, '[name=beep_hz]', HTMLInputElement).disabled = !isChecked('audio');
  }

  #inputs() {
    return [...this.#form.elements].filter((e) => e instanceof HTMLInputElement || e instanceof HTMLSelectElement);
  }
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} hint
 * @param {ReturnType<typeof html>} input
 */
function field(name, label, hint, input) {
  return html`
    <div class="field" data-field="${name}">
      <label for="f-${name}">${label}</label>
      ${input}
      <p class="hint" id="h-${name}">${hint}</p>
    </div>`;
}

/** @param {(typeof RUNGS)[number]} rung */
function rung({ id, label, kbps, chosen }) {
  const name = `${id}-kbps`;
  return html`
    <div class="rung" data-field="${name}">
      <label class="check"><input type="checkbox" name="${id}" ${chosen ? 'checked' : ''} aria-describedby="h-video"> ${label}</label>
      <span class="unit"><input type="number" name="${name}" value="${kbps}" min="100" max="50000" step="1" required
        aria-label="Bitrate of ${label} in kbit/s" aria-describedby="h-${name}"> kbit/s</span>
      <p class="hint" id="h-${name}"></p>
    </div>`;
}

/** @param {HTMLInputElement | HTMLSelectElement} input @returns {string} what it has to be */
function requirement(input) {
  if (input instanceof HTMLInputElement && input.type === 'number') return `A whole number from ${input.min} to ${input.max}.`;
  return input.value === '' ? 'A stream needs a name.' : `Allowed are ${NAME_HINT} characters.`;
}

/** @param {Problem} problem @param {FormData} form */
function faultyField(problem, form) {
  const isNameTaken = problem.status === 409 && problem.field === '';
  return isNameTaken ? 'name' : fieldAt(problem.field, form);
}

customElements.define('stream-form', StreamForm);
