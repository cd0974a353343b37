// @ts-check
// <tool-tabs>: the tools below the player as tabs: its children with `data-tool` and `data-label`. Set `tool`; fires `tool` (detail: its id).

import { html, render } from './html.js';

export class ToolTabs extends HTMLElement {
  connectedCallback() {
    const list = document.createElement('div');
    list.className = 'tabs';
    list.setAttribute('role', 'tablist');
    list.setAttribute('aria-label', 'Tools');
    render(list, html`${this.#panels.map(({ dataset: { tool, label } }) => html`
      <button type="button" role="tab" id="tab-${tool}" aria-controls="tool-${tool}" data-open="${tool}">${label}</button>`)}`);
    this.prepend(list);
    for (const panel of this.#panels) {
      panel.id = `tool-${panel.dataset.tool}`;
      panel.setAttribute('role', 'tabpanel');
      panel.setAttribute('aria-labelledby', `tab-${panel.dataset.tool}`);
    }
    list.addEventListener('click', ({ target }) => {
      const { open } = (target instanceof HTMLElement ? target.closest('button')?.dataset : undefined) ?? {};
      if (open !== undefined) this.#choose(open);
    });
    list.addEventListener('keydown', (event) => this.#pressed(event));
  }

  /** @param {string} tool */
  set tool(tool) {
    for (const panel of this.#panels) panel.hidden = panel.dataset.tool !== tool;
    for (const tab of this.#tabs) {
      const isOpen = tab.dataset.open === tool;
      tab.setAttribute('aria-selected', String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
    }
  }

  /** @param {string} tool */
  #choose(tool) {
    this.dispatchEvent(new CustomEvent('tool', { bubbles: true, detail: tool }));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tabs = this.#tabs;
    const at = tabs.findIndex((tab) => tab === document.activeElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const next = tabs[(at + step + tabs.length) % tabs.length];
    next?.focus();
    if (next?.dataset.open) this.#choose(next.dataset.open);
  }

  get #tabs() {
    return [...this.querySelectorAll('[role=tab]')].filter((tab) => tab instanceof HTMLElement);
  }

  get #panels() {
    return [...this.children].filter((child) => child instanceof HTMLElement && child.dataset.tool !== undefined).map((child) => /** @type {HTMLElement} */ (child));
  }
}

customElements.define('tool-tabs', ToolTabs);
