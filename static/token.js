// @ts-check
// The API token of this tab: stored in sessionStorage, read from links, requested from the user when a change needs it.
// Fires `token-changed` on the document, and `token-needed`, at which <api-token> asks the user.

import { BASE, splitToken } from './address.js';

/** Two servers below one host have a token each. */
const KEY = `barstone-token ${BASE.pathname}`;
/** Visible ASCII characters, as the server requires; anything else does not fit into a header. */
const VALID = /^[!-~]{1,1024}$/;

/** @type {string | null} */
let token = stored();
/** Whether the server has refused the last token. */
let refused = false;
/** Whether the user was asked for the token and has given none. */
let declined = false;
/** Changes that wait for the token. @type {((given: boolean) => void)[]} */
let waiting = [];

export function apiToken() {
  return token;
}

export function wasRefused() {
  return refused;
}

/** Whether the page offers no changes, because the user has no token. */
export function isReadOnly() {
  return declined;
}

/**
 * Stores the token and lets the changes that wait for it go on.
 * @param {string} text the token, or a link that carries it
 * @returns {boolean} whether `text` can be a token
 */
export function storeToken(text) {
  const value = splitToken(text.slice(text.indexOf('#') + 1)).token ?? text.trim();
  if (!VALID.test(value)) return false;
  set(value, false);
  settle(true);
  return true;
}

export function forgetToken() {
  set(null, false);
}

/** Forgets a token that the server has refused, unless the user has entered another one since. @param {string | null} sent */
export function refuseToken(sent) {
  if (sent !== null && sent === token) set(null, true);
}

/**
 * Stores the token of a link such as `/#token=SECRET`, and takes it out of the address, which others may see.
 * @returns {boolean} whether the address carried a token and nothing else in its fragment
 */
export function takeToken() {
  const { token: found, rest } = splitToken(location.hash);
  if (found === null) return false;
  history.replaceState(history.state, '', location.pathname + location.search + (rest === '' ? '' : `#${rest}`));
  storeToken(found);
  return rest === '';
}

/** Asks the user for the token. @returns {Promise<boolean>} whether the user has entered one */
export function requestToken() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    document.dispatchEvent(new CustomEvent('token-needed'));
  });
}

/** Answers every `requestToken` that waits. @param {boolean} given */
export function settle(given) {
  const answered = waiting;
  waiting = [];
  for (const resolve of answered) resolve(given);
  if (given || answered.length === 0) return;
  declined = true;
  document.dispatchEvent(new CustomEvent('token-changed'));
}

/** @param {string | null} value @param {boolean} isRefused */
function set(value, isRefused) {
  token = value;
  refused = isRefused;
  declined &&= value === null;
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // A browser that blocks storage keeps the token until the page is loaded again.
  }
  document.dispatchEvent(new CustomEvent('token-changed'));
}

function stored() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
