/** The reviewer's name, which the browser remembers where it may. */

const KEY = "curate-reviewer";

export function storedReviewer() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string} name */
export function storeReviewer(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // without storage the name is asked for again on the next page
  }
}
