/** LaTeX for KaTeX: what is refused, and what is written in another way because KaTeX lacks it. */

import { environmentAt, groupEnd, replaceCommand, splitOutside } from "./scan.js";

const DEEPEST = 12; // braces within braces
const MOST_COLUMNS = 30;
const LONGEST_PHANTOM = 60; // characters of LaTeX that take room without being seen
const SMALLEST = -2; // em
const WIDTH = /^\s*[\d.]*\s*(?:cm|mm|in|pt|em|ex|\\[A-Za-z]+)\s*$/; // of a tabularx, before its columns
const EM = { em: 1, ex: 0.43, pt: 0.1, mm: 0.28, cm: 2.8, in: 7.2, mu: 0.056, bp: 0.1, pc: 1.2 };

/** Commands that define others, load or link something, or put one thing over another. */
const REFUSED = new Set(
  `def gdef edef xdef let futurelet newcommand renewcommand providecommand global long expandafter noexpand char catcode
   href url includegraphics htmlClass htmlId htmlStyle htmlData html mathchoice llap rlap clap mathllap mathrlap mathclap
   smash raisebox input include write openout csname`.split(/\s+/),
);
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/; // eslint-disable-line no-control-regex

/** Macros that KaTeX lacks, by those that it has. */
export const MACROS = {
  "\\overarc": "\\overset{\\frown}{#1}", "\\arc": "\\overset{\\frown}{#1}", "\\wideparen": "\\overset{\\frown}{#1}",
  "\\emph": "\\textit{#1}", "\\mbox": "\\text{#1}", "\\hbox": "\\text{#1}", "\\textsc": "\\text{#1}", "\\textsl": "\\textit{#1}", "\\framebox": "\\fbox{#1}",
  "\\cancelto": "\\overset{#1}{\\cancel{#2}}", "\\nicefrac": "\\tfrac{#1}{#2}", "\\sfrac": "\\tfrac{#1}{#2}",
  "\\mathds": "\\mathbb{#1}", "\\mathbbm": "\\mathbb{#1}", "\\lcm": "\\operatorname{lcm}", "\\sgn": "\\operatorname{sgn}",
  "\\tr": "\\operatorname{tr}", "\\rank": "\\operatorname{rank}", "\\arccot": "\\operatorname{arccot}",
  "\\arcsec": "\\operatorname{arcsec}", "\\arccsc": "\\operatorname{arccsc}", "\\euro": "\\text{€}", "\\qed": "\\square",
  "\\degrees": "^\\circ", "\\celsius": "{}^\\circ\\text{C}", "\\ensuremath": "#1", "\\hfill": "\\quad", "\\indent": "\\quad",
  "\\noindent": "", "\\smallskip": "", "\\medskip": "", "\\bigskip": "", "\\displaylimits": "\\limits", "\\intertext": "\\text{#1}",
  "\\shortintertext": "\\text{#1}", "\\dotsi": "\\cdots",
};

/**
 * The same formula as KaTeX takes it; null where it must be shown as its source.
 * @param {string} tex
 * @param {boolean} display
 * @returns {string | null}
 */
export function toKatex(tex, display) {
  const made = rewritten(tex.trim().replace(/\n\s*\n/g, "\n"), display);
  return isRefused(made) ? null : made;
}

/** @param {string} tex */
function isRefused(tex) {
  if (UNSEEN.test(tex.replace(/[\n\t]/g, " ")) || /(?<!\\)#/.test(tex)) return true;
  for (const [, name] of tex.matchAll(/\\([A-Za-z]+|.)/gs)) if (REFUSED.has(name)) return true;
  for (const [, size, unit] of tex.matchAll(/(-\s*\d*\.?\d+)\s*(em|ex|pt|mm|cm|in|mu|bp|pc)\b/g)) {
    if (Number(size.replace(/\s/g, "")) * EM[/** @type {keyof typeof EM} */ (unit)] < SMALLEST) return true;
  }
  for (const match of tex.matchAll(/\\[hv]?phantom\s*(?=\{)/g)) {
    const from = match.index + match[0].length;
    if (groupEnd(tex, from) - from > LONGEST_PHANTOM) return true;
  }
  if (tex.split("\\\\").some((row) => (row.match(/(?<!\\)&/g)?.length ?? 0) >= MOST_COLUMNS)) return true;
  return !isBalanced(tex);
}

/** Whether braces close, and are not nested too deeply to read. @param {string} tex */
function isBalanced(tex) {
  let depth = 0;
  for (const [token] of tex.matchAll(/\\.|[{}]/gs)) {
    if (token === "{") depth += 1;
    if (token === "}") depth -= 1;
    if (depth < 0 || depth > DEEPEST) return false;
  }
  return depth === 0;
}

/**
 * @param {string} tex
 * @param {boolean} display
 */
function rewritten(tex, display) {
  let made = tex
    .replace(/\\(?:re)?newcommand\s*\{?\\arraystretch\}?\s*\{[\d.]*\}|\\def\s*\\arraystretch\s*\{[\d.]*\}/g, "")
    .replace(/\\(?:setlength|addtolength)\s*\{?\\[a-z]+\}?\s*\{[^{}]*\}/g, "")
    .replace(/\\noalign\s*\{\s*(?:\\(?:small|med|big)skip\s*)*\}/g, "")
    .replace(/\\cr(?![A-Za-z])/g, "\\\\")
    .replace(/\\label\s*\{[^{}]*\}/g, "")
    .replace(/\\color\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}/g, "") // a colour can hide what it colours
    .replace(/\\cal\s+([A-Z])|\\cal\s*\{([A-Z]+)\}/g, (_, one, more) => `\\mathcal{${one ?? more}}`)
    .replace(/(?<!\\)\\(?:vspace|vskip)\s*\*?\s*(?:\{[^{}]*\}|-?[\d.]+\s*[a-z]{2})/g, "")
    .replace(/(\\hspace|\\\\)\*/g, "$1")
    .replace(/(?<!\\)%/g, "\\%"); // models mean a percent sign, not a comment
  made = replaceCommand(made, "textcolor", 2, (_, body) => `{${body}}`);
  made = replaceCommand(made, "colorbox", 2, (_, body) => `\\text{${body}}`);
  made = replaceCommand(made, "fcolorbox", 3, (_line, _fill, body) => `\\fbox{${body}}`);
  made = replaceCommand(made, "parbox", 2, (_, body) => `\\text{${body}}`);
  made = environments(made);
  return display ? made : inner(made);
}

/** Environments that number their lines are written without numbers; those that KaTeX lacks as near ones. @param {string} tex */
function environments(tex) {
  return eachEnvironment(tex, (name, body) => {
    if (/^(?:align|alignat|gather|equation)$/.test(name)) return `\\begin{${name}*}${body}\\end{${name}*}`;
    if (/^x?x?alignat\*?$/.test(name)) return `\\begin{alignat*}${body}\\end{alignat*}`;
    if (/^flalign\*?$/.test(name)) return `\\begin{align*}${body}\\end{align*}`;
    if (/^multline\*?$/.test(name)) return `\\begin{gather*}${body}\\end{gather*}`;
    if (/^(?:displaymath|math)$/.test(name)) return body;
    if (/^eqnarray\*?$/.test(name)) return `\\begin{array}{rcl}${body}\\end{array}`;
    if (/^d?array$/.test(name)) return array(name, body, false);
    if (/^tabular[xy]?\*?$/.test(name)) return array("array", body, true);
    return `\\begin{${name}}${body}\\end{${name}}`;
  });
}

/**
 * A formula within a line: environments that KaTeX takes only in displays become those that it takes in a line.
 * @param {string} tex
 */
function inner(tex) {
  const whole = eachEnvironment(tex, (name, body) => {
    if (name === "equation*") return body;
    const inLine = { "align*": "aligned", "gather*": "gathered", "alignat*": "alignedat", split: "aligned" }[name] ?? name;
    return `\\begin{${inLine}}${body}\\end{${inLine}}`;
  });
  return replaceCommand(whole, "tag\\*?", 1, (body) => `\\quad(\\text{${body}})`);
}

/**
 * @param {string} tex
 * @param {(name: string, body: string) => string} replace
 * @returns {string}
 */
function eachEnvironment(tex, replace) {
  let made = "";
  let from = 0;
  const begin = /\\\\|\\begin\{/g;
  for (let match = begin.exec(tex); match; match = begin.exec(tex)) {
    const found = match[0] === "\\\\" ? null : environmentAt(tex, match.index);
    if (!found) continue;
    made += tex.slice(from, match.index) + replace(found.name, eachEnvironment(found.body, replace));
    from = found.end;
    begin.lastIndex = from;
  }
  return made + tex.slice(from);
}

/**
 * An array with plain columns; cells of a `tabular` are texts.
 * @param {string} name
 * @param {string} body
 * @param {boolean} isText
 */
function array(name, body, isText) {
  const { columns, rest } = columnsOf(body);
  const lines = rest.replace(/\\(?:cline|cmidrule)\s*(?:\([^)]*\))?\s*\{[^{}]*\}|\\(?:top|mid|bottom)rule\b/g, "\\hline ");
  const rows = splitOutside(lines, "\\\\").map((row) => splitOutside(row, "&").map((cell) => {
    const wide = replaceCommand(cell, "multicolumn", 3, (count, _, text) =>
      (isText ? asText(text) : text) + "&".repeat(Math.min(Math.max(Number(count) - 1 || 0, 0), MOST_COLUMNS)));
    return wide === cell && isText ? asText(cell) : wide;
  }).join("&"));
  return `\\begin{${name}}{${columns}}${rows.join("\\\\")}\\end{${name}}`;
}

/** @param {string} cell */
function asText(cell) {
  const lines = /^(?:\s|\\hline)*/.exec(cell)?.[0] ?? "";
  const text = cell.slice(lines.length).trim();
  return text ? `${lines}\\text{${text}} ` : lines;
}

/**
 * The columns of an array or a tabular, and what follows them.
 * @param {string} body
 * @returns {{ columns: string, rest: string }}
 */
export function columnsOf(body) {
  let at = /^\s*(?:\[[^\]]*\]\s*)?/.exec(body)?.[0].length ?? 0;
  let end = groupEnd(body, at);
  if (end > 0 && body[end] === "{" && WIDTH.test(body.slice(at + 1, end - 1))) {
    at = end;
    end = groupEnd(body, at);
  }
  if (end < 0) return { columns: "c", rest: body };
  let columns = body.slice(at + 1, end - 1);
  columns = columns.replace(/\*\s*\{(\d+)\}\s*\{([^{}]*)\}/g, (_, count, what) => what.repeat(Math.min(Number(count), MOST_COLUMNS)));
  for (let before = ""; before !== columns;) {
    before = columns;
    columns = columns.replace(/[@!><]\s*\{(?:[^{}]|\{[^{}]*\})*\}/g, "").replace(/[pmbX]\s*\{[^{}]*\}/g, "l");
  }
  return { columns: columns.replace(/[XLCR]/g, "l").replace(/[^lcr|:]/g, "") || "c", rest: body.slice(end) };
}
