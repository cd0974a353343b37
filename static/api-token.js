// @ts-check
// <api-token>: one line that says whether this tab has the API token, and the dialog that takes it. Once the user has given none, the
// page hides what has the attribute `data-writes`, until there is a token.

import { find, html, render, setText } from './html.js';
import { apiToken, forgetToken, isReadOnly, settle, storeToken, wasRefused } from './token.js';

const NEEDED = 'Changes need the API token.';
const READ_ONLY = 'Read only, without the API token.';
const REFUSED = 'The server refused the API token.';
const HINT = 'Paste the token, or the link that barstone printed when it started. It is stored in this tab only.';
const NOT_A_TOKEN = 'A token is 1 to 1024 visible ASCII characters without spaces.';

export class ApiToken extends HTMLElement {
  connectedCallback() {
    render(this, html`
      <p role="status"></p>
      <button type="button" class="quiet" data-action="change"></button>
      <dialog aria-labelledby="token-heading">
        <form novalidate>
          <h2 id="token-heading">API token</h2>
          <p class="reason"></p>
          <div class="field">
            <label for="f-token">Token</label>
            <input id="f-token" type="password" autocomplete="off" spellcheck="false" aria-describedby="h-token">
            <p class="hint" id="h-token"></p>
          </div>
          <div class="actions">
            <button type="submit" class="primary">Use token</button>
            <button type="button" data-action="cancel">Cancel</button>
          </div>
        </form>
      </dialog>`);
    this.#button('change').addEventListener('click', () => (apiToken() === null ? this.#ask() : forgetToken()));
    this.#button('cancel').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => {
      this.#input.value = '';
      const willHide = (document.activeElement?.closest('[data-writes]') ?? null) !== null;
      if (!this.#dialog.open) settle(false);
      if (willHide && isReadOnly()) this.#button('change').focus();
    });
    find(this, 'form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    document.addEventListener('token-needed', () => this.#ask());
    document.addEventListener('token-changed', () => this.#update());
    this.#update();
  }

  #ask() {
    setText(find(this, '.reason', HTMLElement), wasRefused() ? REFUSED : NEEDED);
    this.#blame('');
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#input.focus();
  }

  #submit() {
    if (storeToken(this.#input.value)) return;
    this.#blame(NOT_A_TOKEN);
    this.#input.focus();
  }

  /** @param {string} fault of what was entered, empty for none */
  #blame(fault) {
    find(this, '.field', HTMLElement).classList.toggle('faulty', fault !== '');
    this.#input.setAttribute('aria-invalid', String(fault !== ''));
    setText(find(this, '.hint', HTMLElement), fault || HINT);
  }

  #update() {
    const has = apiToken() !== null;
    if (has) this.#dialog.close();
    const lacks = wasRefused() ? REFUSED : isReadOnly() ? READ_ONLY : NEEDED;
    setText(find(this, '[role=status]', HTMLElement), has ? 'This tab sends the API token with changes.' : lacks);
    document.body.classList.toggle('read-only', isReadOnly());
    setText(this.#button('change'), has ? 'Forget token' : 'Enter token');
  }

  get #dialog() {
    return find(this, 'dialog', HTMLDialogElement);
  }

  get #input() {
    return find(this, 'input', HTMLInputElement);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('api-token', ApiToken);
