/**
 * A text as a model or a file wrote it, in parts: plain text, formulas, tables, code and drawings. The sources of the
 * parts, one after the other, are the text.
 */

import { closingDollar, isFormula } from "./dollars.js";
import { environmentAt, groupEnd } from "./scan.js";

/**
 * @typedef {{ kind: "text", source: string, text: string }} PlainPart - `text` without the backslash of `\$`
 * @typedef {{ kind: "formula", source: string, tex: string, display: boolean }} FormulaPart
 * @typedef {{ kind: "table", source: string, body: string }} TablePart - of a `tabular`, columns first
 * @typedef {{ kind: "code", source: string }} CodePart - with its fences
 * @typedef {{ kind: "inline code", source: string, text: string }} InlineCodePart
 * @typedef {{ kind: "drawing", source: string, language: string }} DrawingPart - code that draws a figure
 * @typedef {{ kind: "unknown", source: string }} UnknownPart - an environment that cannot be drawn
 * @typedef {{ kind: "bold" | "italic" | "block", source: string, parts: Part[] }} GroupPart
 * @typedef {PlainPart | FormulaPart | TablePart | CodePart | InlineCodePart | DrawingPart | UnknownPart | GroupPart} Part
 */

const LONGEST = 8000; // characters of a displayed formula
const DEEPEST = 4; // groups of text within each other
const MATH = /^(?:(?:align|alignat|flalign|gather|equation|eqnarray|multline|displaymath|math)\*?|x?x?alignat\*?|split|aligned|alignedat|gathered|d?array|[dr]?cases|drcases|(?:[pbvVB]|small)?matrix\*?|[pbvVB]matrix\*|CD|subarray)$/;
const INLINE = /matrix|array|cases|aligned|gathered|split|^math$/; // a display only on lines of its own
const TABLE = /^(?:tabular[xy]?|longtable)\*?$/;
const DRAWING = /^(?:asy|tikzpicture|tikzcd|pspicture|pgfpicture)\*?$/;
const CODE = /^(?:verbatim|lstlisting|minted|alltt)\*?$/;
const WRAPPER = /^(?:center|flushleft|flushright|quote|quotation|itemize|enumerate|description|figure|table|minipage)\*?$/;
const STYLES = { textbf: /** @type {const} */ ("bold"), emph: /** @type {const} */ ("italic"), textit: /** @type {const} */ ("italic") };
const MARK = new RegExp(
  [
    String.raw`(?<fence>(?<![^\n]) {0,3}(?:\`{3,}|~{3,}))`,
    String.raw`(?<asy>\[asy\])`,
    String.raw`(?<display>\\\[)`,
    String.raw`(?<line>\\\()`,
    String.raw`(?<begin>\\begin\{)`,
    String.raw`(?<boxed>\\(?:boxed|fbox|framebox)(?=\{))`,
    String.raw`(?<style>\\(?:textbf|textit|emph)(?=\{))`,
    String.raw`(?<escape>\\[$%&#])`,
    String.raw`(?<skip>\\\\|\\.)`,
    String.raw`(?<double>\$\$)`,
    String.raw`(?<dollar>\$)`,
    String.raw`(?<tick>\`+)`,
  ].join("|"),
  "gs",
);

/**
 * The parts of a text.
 * @param {string} text
 * @param {number} [depth]
 * @returns {Part[]}
 */
export function splitText(text, depth = 0) {
  /** @type {Part[]} */
  const parts = [];
  let from = 0;
  const addText = (/** @type {number} */ to) => {
    if (to > from) parts.push({ kind: "text", source: text.slice(from, to), text: text.slice(from, to) });
  };
  const mark = new RegExp(MARK);
  for (let match = mark.exec(text); match; match = mark.exec(text)) {
    const part = partAt(text, match, depth);
    if (!part) continue;
    addText(match.index);
    parts.push(part);
    from = match.index + part.source.length;
    mark.lastIndex = from;
  }
  addText(text.length);
  return parts;
}

/**
 * @param {string} text
 * @param {RegExpExecArray} match
 * @param {number} depth
 * @returns {Part | null}
 */
function partAt(text, match, depth) {
  const { groups = {}, index: at } = match;
  const to = at + match[0].length;
  if (groups.skip) return null;
  if (groups.escape) return { kind: "text", source: match[0], text: match[0].slice(1) };
  if (groups.fence) return fenced(text, at);
  if (groups.asy) {
    const end = text.indexOf("[/asy]", to);
    return end < 0 ? null : { kind: "drawing", source: text.slice(at, end + 6), language: "Asymptote" };
  }
  if (groups.display) return formula(text, at, to, closingBracket(text, to, "]"), 2, true);
  if (groups.line) return formula(text, at, to, closingBracket(text, to, ")"), 2, false);
  if (groups.begin) return environment(text, at, depth);
  if (groups.boxed) return formula(text, at, at, groupEnd(text, to), 0, false);
  if (groups.style) return styled(text, at, to, depth);
  if (groups.double) return formula(text, at, to, closingDollar(text, to, "$$"), 2, true);
  if (groups.dollar) {
    const end = closingDollar(text, to, "$");
    return end > 0 && isFormula(text.slice(to, end), text[at - 1] ?? "", text.slice(end + 1, end + 9)) ? formula(text, at, to, end, 1, false) : null;
  }
  return inlineCode(text, at, match[0]);
}

/**
 * @param {string} text
 * @param {number} at - where its source begins
 * @param {number} from - where its LaTeX begins
 * @param {number} end - of its LaTeX, or negative: it never closes
 * @param {number} close - characters that close it
 * @param {boolean} display
 * @returns {Part | null}
 */
function formula(text, at, from, end, close, display) {
  if (end <= from || end - from > LONGEST) return null;
  const tex = text.slice(from, end);
  if (!tex.trim()) return null;
  const source = text.slice(at, end + close);
  const alone = display ? environmentAt(tex.trim(), 0) : null;
  if (alone && TABLE.test(alone.name) && alone.end === tex.trim().length) return { kind: "table", source, body: alone.body };
  return { kind: "formula", source, tex, display };
}

/**
 * Where `\]` or `\)` closes what was opened; -1 where it is opened again before, or never closed.
 * @param {string} text
 * @param {number} from
 * @param {"]" | ")"} close
 */
function closingBracket(text, from, close) {
  const token = /\\./gs;
  token.lastIndex = from;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    if (match[0] === `\\${close}`) return match.index;
    if (match[0] === (close === "]" ? "\\[" : "\\(")) return -1;
  }
  return -1;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} depth
 * @returns {Part | null}
 */
function environment(text, at, depth) {
  const found = environmentAt(text, at);
  if (!found) return null;
  const { name, body, end } = found;
  const source = text.slice(at, end);
  if (TABLE.test(name)) return { kind: "table", source, body };
  if (DRAWING.test(name)) return { kind: "drawing", source, language: name === "asy" ? "Asymptote" : "TikZ" };
  if (CODE.test(name)) return { kind: "code", source };
  if (MATH.test(name) && source.length <= LONGEST) {
    const isInSentence = /[^\n \t][ \t]*$/.test(text.slice(Math.max(at - 200, 0), at)) || /^[ \t]*[A-Za-z]/.test(text.slice(end));
    return { kind: "formula", source, tex: source, display: !(INLINE.test(name) && isInSentence) };
  }
  if (WRAPPER.test(name) && depth < DEEPEST) {
    const inner = body.replace(/^\[[^\]]*\]/, "").replace(/\\(?:centering|hline)\b/g, "");
    let number = 0;
    const listed = inner.replace(/\s*\\item\b\s*/g, () => `\n${name.startsWith("enum") ? `${(number += 1)}. ` : "• "}`);
    return { kind: "block", source, parts: splitText(listed.trim(), depth + 1) };
  }
  return { kind: "unknown", source };
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} to
 * @param {number} depth
 * @returns {Part | null}
 */
function styled(text, at, to, depth) {
  const end = groupEnd(text, to);
  const name = /** @type {keyof typeof STYLES} */ (text.slice(at + 1, to));
  if (end < 0 || depth >= DEEPEST) return null;
  return { kind: STYLES[name], source: text.slice(at, end), parts: splitText(text.slice(to + 1, end - 1), depth + 1) };
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {Part | null}
 */
function fenced(text, at) {
  const rest = text.slice(at);
  const open = /^ {0,3}(`{3,}|~{3,})[^\n`]*\n/.exec(rest);
  if (!open) return null;
  const close = new RegExp(`^ {0,3}${open[1][0]}{${open[1].length},}[ \\t]*$`, "m");
  const body = rest.slice(open[0].length);
  const end = close.exec(body);
  return end ? { kind: "code", source: open[0] + body.slice(0, end.index + end[0].length) } : null;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {string} ticks
 * @returns {Part | null}
 */
function inlineCode(text, at, ticks) {
  if (ticks !== "`") return null; // two are a quotation mark of LaTeX
  const found = /^`([^`'\n\s](?:[^`'\n]{0,200}[^`'\n\s])?)`(?!`)/.exec(text.slice(at, at + 210));
  return found ? { kind: "inline code", source: found[0], text: found[1] } : null;
}
