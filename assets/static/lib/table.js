/** Tables: a header and rows, updated in place so that selection and scroll stay. */

import { fit, make, setText } from "./dom.js";
import { formatCell } from "./format.js";

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {boolean} [right] - numbers stand to the right
 */

/**
 * @typedef {string | number | null} Cell
 * @typedef {(cell: HTMLTableCellElement, value: Cell, column: number) => void} FillCell
 */

/**
 * The header cells of a table.
 * @param {HTMLTableElement} table
 * @param {readonly (string | Column)[]} columns
 * @returns {HTMLTableCellElement[]}
 */
export function setHeader(table, columns) {
  const head = table.tHead ?? table.createTHead();
  const row = head.rows[0] ?? head.insertRow();
  fit(row, columns.length, "th");
  const cells = /** @type {HTMLTableCellElement[]} */ ([...row.children]);
  columns.forEach((column, i) => {
    const { name, right = false } = typeof column === "string" ? { name: column } : column;
    cells[i].scope = "col";
    cells[i].className = right ? "number" : "";
    setText(cells[i], name);
  });
  return cells;
}

/**
 * The body of a table.
 * @template [Value=Cell]
 * @param {HTMLTableElement} table
 * @param {readonly (readonly Value[])[]} rows
 * @param {(cell: HTMLTableCellElement, value: Value, column: number) => void} [fillCell]
 */
export function setRows(table, rows, fillCell = /** @type {any} */ (fillText)) {
  const body = table.tBodies[0] ?? table.createTBody();
  fit(body, rows.length, "tr");
  rows.forEach((values, i) => {
    const row = body.rows[i];
    fit(row, values.length, "td");
    values.forEach((value, column) => fillCell(row.cells[column], value, column));
  });
}

/** @type {FillCell} */
function fillText(cell, value) {
  setText(cell, formatCell(value ?? ""));
}

/**
 * A table of numbers under a chart.
 * @param {HTMLTableElement} table
 * @param {readonly string[]} columns
 * @param {readonly (readonly Cell[])[]} rows
 */
export function setTable(table, columns, rows) {
  setHeader(table, columns);
  setRows(table, rows);
}

/** A scrollable box around a new table, which a keyboard can reach where it scrolls. @param {string} [label] */
export function makeScrollableTable(label) {
  const box = make("div", "scroll");
  if (label) {
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
  }
  const table = make("table");
  box.append(table);
  const sizes = new ResizeObserver(() => {
    box.tabIndex = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight ? 0 : -1;
  });
  sizes.observe(box);
  sizes.observe(table);
  return { box, table };
}
