/** The tokens of the runs that this page has started, so that it can follow them again after a reload. */

const KEY = "sample-tokens";
const KEPT = 20;

/** @returns {Record<string, string>} */
function tokens() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) || "{}");
  } catch {
    return {};
  }
}

/** @param {string} run */
export const storedToken = (run) => tokens()[run] ?? null;

/**
 * @param {string} run
 * @param {string} token
 */
export function storeToken(run, token) {
  try {
    const entries = [...Object.entries(tokens()), [run, token]].slice(-KEPT);
    sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(entries)));
  } catch {
    // without storage a reloaded page shows what is stored of the run
  }
}
