// @ts-check
// <publish-dialog>: publishes a camera, a screen or a test picture to a stream, as long as it is open. Call `open`.

import { publishUrl } from './api.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { SOURCES } from './publish-source.js';
import { Publication } from './whip.js';

/** @typedef {import('./publish-source.js').Source} Source */

const READ_EVERY_MS = 1000;

export class PublishDialog extends HTMLElement {
  #name = '';
  /** @type {Source | null} */
  #source = null;
  /** @type {Publication | null} */
  #publication = null;
  #timer = 0;

  /** @param {string} name of the stream */
  open(name) {
    const opener = document.activeElement;
    this.#name = name;
    render(this, html`
      <dialog aria-labelledby="publish-heading">
        <form>
          <div class="panel-head"><h2 id="publish-heading">Publish to ${name}</h2>
            <button type="button" class="quiet" data-action="close" aria-label="Close">${icon('close')}</button></div>
          <fieldset class="segmented"><legend>Source</legend>
            ${SOURCES.map(({ id, label }, place) => html`
              <label><input type="radio" name="source" value="${id}" ${place === 0 ? 'checked' : ''}><span>${label}</span></label>`)}
          </fieldset>
          <video muted autoplay playsinline aria-label="Picture that is published" hidden></video>
          <p role="status"></p>
          <p class="form-fault" role="alert"></p>
          <div class="actions">
            <button type="submit" class="primary">Publish</button>
            <button type="button" data-action="stop" hidden>Stop</button>
          </div>
        </form>
      </dialog>`);
    const dialog = find(this, 'dialog', HTMLDialogElement);
    find(this, 'form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start();
    });
    this.#button('stop').addEventListener('click', () => void this.#stop(''));
    this.#button('close').addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      void this.#stop('');
      render(this, html``);
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    });
    dialog.showModal();
  }

  async #start() {
    const chosen = find(this, '[name=source]:checked', HTMLInputElement).value;
    this.#show({ isPublishing: true, status: 'Connecting…', fault: '' });
    try {
      const source = await (SOURCES.find(({ id }) => id === chosen) ?? SOURCES[0]).open();
      this.#source = source;
      Object.assign(find(this, 'video', HTMLVideoElement), { muted: true, srcObject: source.stream });
      for (const track of source.stream.getTracks()) track.addEventListener('ended', () => void this.#stop('The source has ended.'));
      const url = await publishUrl(this.#name);
      const publication = await Publication.start(url, source.stream, () => void this.#stop('The server ended the session.'));
      // Somebody may have closed the dialog meanwhile.
      if (this.#source !== source) return void publication.stop();
      this.#publication = publication;
      this.#timer = setInterval(() => void this.#measure(), READ_EVERY_MS);
      await this.#measure();
    } catch (reason) {
      await this.#stop(reason instanceof Error ? reason.message : String(reason));
    }
  }

  async #measure() {
    const publication = this.#publication;
    const trip = await publication?.roundTripMs() ?? null;
    if (publication === null || publication !== this.#publication) return;
    const text = trip === null ? '' : ` · round trip to the server ${trip.toFixed(trip < 10 ? 1 : 0)} ms`;
    this.#show({ isPublishing: true, status: `Publishing${text}`, fault: '' });
  }

  /** @param {string} fault why the publication ends; empty if the user ends it */
  async #stop(fault) {
    const [source, publication] = [this.#source, this.#publication];
    [this.#source, this.#publication] = [null, null];
    clearInterval(this.#timer);
    source?.end();
    this.#show({ isPublishing: false, status: '', fault });
    await publication?.stop();
  }

  /** @param {{ isPublishing: boolean, status: string, fault: string }} state */
  #show({ isPublishing, status, fault }) {
    if (this.querySelector('dialog') === null) return;
    const [start, stop] = [find(this, '[type=submit]', HTMLButtonElement), this.#button('stop')];
    const hadFocus = document.activeElement === start || document.activeElement === stop;
    [start.hidden, stop.hidden] = [isPublishing, !isPublishing];
    if (hadFocus) (isPublishing ? stop : start).focus();
    find(this, 'fieldset', HTMLFieldSetElement).disabled = isPublishing;
    find(this, 'video', HTMLVideoElement).hidden = !isPublishing;
    setText(find(this, '[role=status]', HTMLElement), status);
    setText(find(this, '[role=alert]', HTMLElement), fault);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('publish-dialog', PublishDialog);
