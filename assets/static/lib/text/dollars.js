/** Which dollar signs enclose a formula, and which are an amount of money. */

const LONGEST = 2000; // characters
const WORD = /(?<![A-Za-z])(?:[a-z]{3,}|an|as|at|by|he|if|in|is|it|of|on|or|so|to|we)(?![A-Za-z])/;
const WORDS = /[a-z]{2,},?\s+[a-z]{2,}/;
const SENTENCE = /[a-z]{2,},?\s+[a-z]{2,},?\s+[a-z]{2,}/i;

/**
 * The index of the `$` that closes a formula which begins after `from`, at no depth of braces; -1: there is none.
 * @param {string} text
 * @param {number} from
 * @param {string} mark - `$` or `$$`
 */
export function closingDollar(text, from, mark) {
  let depth = 0;
  const last = Math.min(text.length, from + LONGEST * mark.length * mark.length);
  for (let i = from; i < last; i += 1) {
    const char = text[i];
    if (char === "\\") i += 1;
    else if (char === "{") depth += 1;
    else if (char === "}") {
      depth -= 1;
      if (depth < 0) return -1;
    } else if (char === "\n" && mark === "$" && /^\n[ \t]*\n/.test(text.slice(i, i + 80))) return -1;
    else if (char === "$" && !depth) {
      if (text.startsWith(mark, i)) return i;
      return -1;
    }
  }
  return -1;
}

/**
 * Whether what two single dollar signs enclose is a formula. Those of people have a space inside now and then, which
 * amounts of money have too; they have a word in them or a number behind them.
 * @param {string} body
 * @param {string} before - the character before it
 * @param {string} after - some characters after it
 */
export function isFormula(body, before, after) {
  const inner = body.trim();
  if (!inner || /^(?:[,;:!?)]|\.(?![\d\\]))/.test(body)) return false;
  const isMoney = /^\.?\d/.test(inner);
  const isOpen = /[-+=/(~*\u00d7\u2013\u2014]$/.test(inner); // something must follow
  if (/^\d/.test(after) && (isMoney || isOpen)) return false;
  const bare = withoutCommands(inner);
  if ((isMoney && isOpen && !bare.includes("\\")) || inner.includes("<<")) return false; // $9 x 4 = $<<9*4=36>>36
  if (/^\s/.test(body) || /\s$/.test(body)) {
    if (/[\dA-Za-z]/.test(/^\s/.test(body) ? before : "") || WORD.test(bare) || /^\s*\d/.test(after)) return false;
    if (isMoney && /\s$/.test(body) && /^[A-Za-z]/.test(after)) return false;
  }
  if (isMoney && /^[\d.,]+\s+[A-Za-z]{2,}/.test(inner)) return false;
  return !(bare.includes("\\") ? SENTENCE : WORDS).test(bare);
}

/** A formula with `\` in place of its commands and of the texts in it. @param {string} tex */
function withoutCommands(tex) {
  return tex
    .replace(/\\(?:begin|end|operatorname\*?|math[a-z]+|text[a-z]*|mbox|hbox)\s*\{(?:[^{}]|\{[^{}]*\})*\}/g, " \\ ")
    .replace(/\\[A-Za-z]+/g, " \\ ");
}
