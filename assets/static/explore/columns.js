/** The columns of the table of questions: their texts, what they are sorted by, and which of them are shown. */

import { button, find, findAll, group, make } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {object} Column
 * @property {string} name
 * @property {string} title
 * @property {string} [sort] - the order that a click on its head gives; a second click reverses it
 * @property {boolean} [number] - aligned to the right
 * @property {boolean} [extra] - shown only where it is chosen
 * @property {boolean} [text] - read from the database only where it is shown
 */

const [NUMBER, EXTRA] = [{ number: true }, { extra: true }];
/** @type {Column[]} */
export const COLUMNS = [
  { name: "query", title: "question" },
  { name: "topic", title: "topic" },
  { name: "difficulty", title: "difficulty", sort: "-difficulty", ...NUMBER },
  { name: "reward", title: "reward", sort: "-reward", ...NUMBER },
  { name: "agreement", title: "agreement", sort: "-agreement", ...NUMBER },
  { name: "pass_rate", title: "pass rate", sort: "-pass_rate", ...NUMBER },
  { name: "samples", title: "samples", sort: "-n_solutions", ...NUMBER },
  { name: "status", title: "status" },
  { name: "drop_stage", title: "dropped at" },
  { name: "drop_reason", title: "why" },
  { name: "answer", title: "answer", text: true, ...EXTRA },
  { name: "solution", title: "solution", text: true, ...EXTRA },
  { name: "correct", title: "gold", ...EXTRA },
  { name: "majority", title: "majority", ...EXTRA },
  { name: "disagreement", title: "disagreement", sort: "-disagreement", ...NUMBER, ...EXTRA },
  { name: "query_chars", title: "question length", sort: "-query_chars", ...NUMBER, ...EXTRA },
  { name: "response_chars", title: "solution length", sort: "-response_chars", ...NUMBER, ...EXTRA },
  { name: "near_duplicates", title: "near-duplicates", sort: "-near_duplicates", ...NUMBER, ...EXTRA },
  { name: "contaminated", title: "in a benchmark", ...EXTRA },
  { name: "novelty", title: "novelty", sort: "-novelty", ...NUMBER, ...EXTRA },
  { name: "level", title: "level", ...EXTRA },
  { name: "generator", title: "generator", ...EXTRA },
  { name: "run", title: "run", ...EXTRA },
];
const STORED = "explore-columns";
const NEEDS_VALUES = new Set(["difficulty", "reward", "agreement", "pass_rate"]); // hidden where no row has a value
const PERCENTS = new Set(["agreement", "pass_rate", "disagreement"]);
/** @type {Record<string, Record<string, string>>} */
const WORDS = { correct: { same: "right", different: "wrong" }, majority: { same: "agrees", different: "disagrees" } };

/** The columns that were chosen on this machine; null: the usual ones. @returns {Set<string> | null} */
function stored() {
  try {
    const names = JSON.parse(localStorage.getItem(STORED) ?? "null");
    return Array.isArray(names) ? new Set(names) : null;
  } catch {
    return null; // no storage, or something else in it
  }
}

export class ShownColumns {
  constructor() {
    this.chosen = stored() ?? new Set(COLUMNS.filter(({ extra }) => !extra).map(({ name }) => name));
    this.chosen.add("query");
  }

  /** Whether answers or solutions are to be read. */
  get texts() {
    return COLUMNS.some(({ name, text }) => text && this.chosen.has(name));
  }

  /**
   * @param {App} app
   * @param {Column} column
   */
  has(app, { name }) {
    return this.chosen.has(name) && (!NEEDS_VALUES.has(name) || Boolean(app.chart(name)));
  }

  /**
   * @param {string} name
   * @param {boolean} shown
   */
  choose(name, shown) {
    if (shown) this.chosen.add(name);
    else this.chosen.delete(name);
    try {
      localStorage.setItem(STORED, JSON.stringify([...this.chosen]));
    } catch {
      // without storage the choice lasts as long as the page
    }
  }
}

/**
 * The boxes by which columns are chosen.
 * @param {HTMLElement} place
 * @param {ShownColumns} shown
 * @param {(column: Column) => void} onChange
 */
export function makeColumnChoice(place, shown, onChange) {
  COLUMNS.filter(({ name }) => name !== "query").forEach((column) => {
    const box = make("input");
    box.type = "checkbox";
    box.checked = shown.chosen.has(column.name);
    box.addEventListener("change", () => {
      shown.choose(column.name, box.checked);
      onChange(column);
    });
    place.append(group("label", "", box, column.title));
  });
}

/** The order after a click on a head. @param {string} first @param {string | undefined} current */
const clickedOrder = (first, current) => (current !== first ? first : first.startsWith("-") ? first.slice(1) : `-${first}`);

/**
 * The heads of the table: a button where rows can be sorted by the column.
 * @param {App} app
 * @param {HTMLTableElement} table
 */
export function drawHead(app, table) {
  const row = find(table, "thead").firstElementChild ?? find(table, "thead").appendChild(make("tr"));
  if (!row.children.length) {
    COLUMNS.forEach(({ name, title, sort, number }) => {
      const head = group("th", `is-${name}${number ? " number" : ""}`, sort ? button(title, () => app.sortBy(clickedOrder(sort, app.last?.sort))) : title);
      head.setAttribute("scope", "col");
      row.append(head);
    });
  }
  findAll(table, "thead th").forEach((head, i) => {
    const [{ sort }, current] = [COLUMNS[i], app.last?.sort ?? ""];
    head.hidden = !app.columns.has(app, COLUMNS[i]);
    const sorted = sort && current.replace("-", "") === sort.replace("-", "");
    if (sorted) head.setAttribute("aria-sort", current.startsWith("-") ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

/**
 * @param {string} name
 * @param {string | number | boolean | null} value
 */
export function cellText(name, value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return WORDS[name]?.[value] ?? value;
  if (PERCENTS.has(name)) return `${Math.round(value * 100)} %`;
  if (Number.isInteger(value) && !["difficulty", "reward", "novelty"].includes(name)) return formatNumber(value);
  return value && Math.abs(value) < 0.0005 ? value.toExponential(1) : (value + 0).toFixed(3);
}

/**
 * @param {import("./app.js").Row} row
 * @param {string} name
 */
export const cellValue = (row, name) =>
  name === "disagreement" ? (row.agreement === null ? null : 1 - row.agreement) : row[name];
