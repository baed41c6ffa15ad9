/** The rows of a `tabular`. */

import { replaceCommand, splitOutside } from "./scan.js";
import { columnsOf } from "./tex.js";

/**
 * @typedef {{ text: string, span: number, align: string, left: boolean, right: boolean }} Cell - left, right: with a line there
 * @typedef {{ cells: Cell[], rule: boolean }} Row - rule: with a line above
 * @typedef {{ rows: Row[], rule: boolean }} Table - rule: with a line below
 */

const MOST_COLUMNS = 40;
const RULE = /\\(?:hline|toprule|midrule|bottomrule|(?:cline|cmidrule)\s*(?:\([^)]*\))?\s*\{[^{}]*\})/g;

/**
 * @param {string} body - of the environment, its columns first
 * @returns {Table}
 */
export function parseTable(body) {
  const { columns, rest } = columnsOf(body);
  const shapes = [...columns.matchAll(/(\|*)([lcr])(\|*)/g)].map(([, left, align, right]) => ({ align, left: left !== "", right: right !== "" }));
  /** @type {Row[]} */
  const rows = [];
  let rule = false;
  for (const line of splitOutside(rest, "\\\\")) {
    const bare = line.replace(/^\s*\[[\d.]+\s*[a-z]{2}\]/, "");
    const hasRule = RULE.test(bare);
    RULE.lastIndex = 0;
    const content = bare.replace(RULE, "");
    rule = rule || hasRule;
    if (!content.trim()) continue;
    let column = 0;
    const cells = splitOutside(content, "&").slice(0, MOST_COLUMNS).map((cell) => {
      const made = parseCell(cell, shapes[column] ?? { align: "l", left: false, right: false });
      column += made.span;
      return made;
    });
    rows.push({ cells, rule });
    rule = false;
  }
  return { rows, rule };
}

/**
 * @param {string} source
 * @param {{ align: string, left: boolean, right: boolean }} shape
 * @returns {Cell}
 */
function parseCell(source, shape) {
  let cell = { ...shape, text: source, span: 1 };
  replaceCommand(source, "multicolumn", 3, (count, columns, text) => {
    const align = /[lcr]/.exec(columns)?.[0] ?? "c";
    cell = { text, align, span: Math.min(Number(count) || 1, MOST_COLUMNS), left: columns.startsWith("|"), right: columns.endsWith("|") };
    return "";
  });
  return { ...cell, text: cell.text.replace(/\s+/g, " ").trim() };
}
