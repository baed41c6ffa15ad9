/** Which command a key starts. */

/**
 * @typedef {"accept" | "reject" | "skip" | "undo" | "edit" | "note" | "next" | "previous" | "sampleBefore"
 *   | "sampleAfter" | "help" | "search"} Command
 * @typedef {Pick<KeyboardEvent, "key" | "repeat" | "ctrlKey" | "metaKey" | "altKey" | "defaultPrevented">} Press
 */

/** @type {Record<string, Command>} */
const COMMANDS = {
  a: "accept", x: "reject", " ": "skip", u: "undo", e: "edit", n: "note", j: "next", k: "previous", "[": "sampleBefore",
  "]": "sampleAfter", "?": "help", "/": "search",
};
const REPEATED = "jk[]"; // keys that may be held; others decide once

/**
 * The command of a key, the index of its tag, "held" for a held space, which must not scroll the page, or null.
 * @param {Press} press
 * @returns {Command | number | "held" | null}
 */
export function commandOf({ key, repeat }) {
  if (/^[1-9]$/.test(key)) return Number(key) - 1;
  if (!Object.hasOwn(COMMANDS, key)) return null;
  if (!repeat || REPEATED.includes(key)) return COMMANDS[key];
  return key === " " ? "held" : null;
}

/**
 * Whether a key is meant for something else: a field, a button that it presses, the browser.
 * @param {Press} press
 * @param {(selector: string) => boolean} isWithin - whether the key was pressed within such an element
 */
export function isForeign({ key, ctrlKey, metaKey, altKey, defaultPrevented }, isWithin) {
  if (defaultPrevented || ctrlKey || metaKey || altKey) return true;
  if (isWithin("input:not([type=checkbox]), textarea, select, [contenteditable]")) return true;
  return ["Enter", " "].includes(key) && isWithin("button, a, summary, input, [role=tab]");
}
