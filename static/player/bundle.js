// @ts-check
// Loads the script of a vendored player when it is first needed.

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/**
 * @param {string} file in the vendor directory
 * @returns {Promise<void>} resolves when the script has defined its global; after a failure the next call loads again
 */
export function loadBundle(file) {
  const known = loaded.get(file);
  if (known) return known;
  const loading = insert(file).catch((error) => {
    loaded.delete(file);
    throw error;
  });
  loaded.set(file, loading);
  return loading;
}

/** @param {string} file @returns {Promise<void>} */
function insert(file) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = new URL(`../vendor/${file}`, import.meta.url).href;
    script.onload = () => resolve();
    script.onerror = () => {
      script.remove();
      reject(new Error(`could not load the player script ${file}`));
    };
    document.head.append(script);
  });
}
