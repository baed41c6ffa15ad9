/** What changed between two texts, word by word. */

import { make } from "../lib/dom.js";

/** @typedef {["same" | "old" | "new", string]} Piece */

const MOST_WORDS = 1500; // that are compared one by one: time and memory grow with the square
const TAGS = /** @type {const} */ ({ old: "del", new: "ins", same: "span" });

/** @param {string} text */
const wordsOf = (text) => text.split(/(\s+)/).filter(Boolean);

/**
 * The words of both texts in order, each in both or in one only (by a longest common subsequence).
 * @param {string} before
 * @param {string} after
 */
export function difference(before, after) {
  const [a, b] = [wordsOf(before), wordsOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  /** @type {Piece[]} */
  const pieces = [
    ["same", a.slice(0, start).join("")],
    ...compare(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ["same", a.slice(a.length - end).join("")],
  ];
  return pieces.filter(([, text]) => text !== "");
}

/**
 * @param {string[]} a
 * @param {string[]} b
 * @returns {Piece[]}
 */
function compare(a, b) {
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) return [["old", a.join("")], ["new", b.join("")]];
  const width = b.length + 1;
  const common = commonLengths(a, b);
  /** @type {Piece[]} */
  const pieces = [];
  /**
   * @param {Piece[0]} kind
   * @param {string} word
   */
  const add = (kind, word) => {
    const last = pieces.at(-1);
    if (last?.[0] === kind) last[1] += word;
    else pieces.push([kind, word]);
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add("same", a[i]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      add("old", a[i]);
      i += 1;
    } else {
      add("new", b[j]);
      j += 1;
    }
  }
  return pieces;
}

/**
 * The length of the longest common subsequence from each pair of words on, `(a.length + 1) x (b.length + 1)`.
 * @param {string[]} a
 * @param {string[]} b
 */
function commonLengths(a, b) {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const [below, right] = [lengths[(i + 1) * width + j], lengths[i * width + j + 1]];
      lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(below, right);
    }
  }
  return lengths;
}

/**
 * @param {string} before
 * @param {string} after
 */
export function makeDiff(before, after) {
  const made = make("div", "diff");
  made.dir = "auto";
  made.append(...difference(before, after).map(([kind, text]) => make(TAGS[kind], "", text)));
  return made;
}
