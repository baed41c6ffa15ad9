/** The filter in words, and the table of questions. */

import { getParameter } from "../lib/address.js";
import { button, find, findAll, group, make, setText, updateKeyed } from "../lib/dom.js";
import { openRow } from "../lib/messages.js";
import { drawPreview } from "../lib/text/draw.js";
import { cellText, cellValue, COLUMNS, drawHead } from "./columns.js";
import { searchText } from "./filter.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").Row} Row
 */

const COPIED_FOR = 4000; // milliseconds that a message stays
/** The texts that cells of the question column were drawn from. @type {WeakMap<Element, string>} */
const drawnQueries = new WeakMap();

/** @param {App} app */
export function drawFilter(app) {
  const { last, part, element } = app;
  if (!last) return;
  setText(part("headline"), last.headline);
  updateKeyed(part("parts"), last.parts, (entry) => entry.name, (entry) =>
    group("li", "", make("span"), button("×", () => app.setCondition(entry.name, null))), (made, entry) => {
    setText(find(made, "span"), entry.text);
    find(made, "button").setAttribute("aria-label", `Remove ${entry.text}`);
  });
  find(element, '.filter [data-do="clear"]').hidden = !last.parts.length;
  updateKeyed(part("notes"), last.notes.map((text, i) => ({ text, i })), (note) => note.i, () => make("p", "note"), (made, note) => setText(made, note.text));
  part("empty").hidden = !last.empty;
  if (last.empty) {
    setText(find(part("empty"), "span"), last.empty.text);
    setText(find(part("empty"), "button"), last.empty.name ? "Remove it" : "Clear all");
  }
  const text = part("text", HTMLInputElement);
  if (document.activeElement !== text) text.value = searchText(app.conditions);
  const where = part("where", HTMLSelectElement);
  if (searchText(app.conditions)) where.value = app.conditions.solution_text === undefined ? "" : "solutions";
  const sort = part("sort", HTMLSelectElement);
  find(sort, 'option[value="match"]').hidden = !last.ranked;
  if (document.activeElement !== sort) sort.value = last.sort || "-newest";
}

/**
 * @param {HTMLElement} box
 * @param {string[] | null} pieces - what a search did not find and what it found, in turns
 * @param {string} [empty] - where there is no text
 */
function drawQuery(box, pieces, empty = "(no text)") {
  const key = JSON.stringify(pieces);
  if (drawnQueries.get(box) === key) return;
  drawnQueries.set(box, key);
  if (!pieces?.join("")) box.textContent = pieces ? empty : "(deleted meanwhile)";
  else drawPreview(box, pieces);
}

/** @param {Row} entry */
function makeRow(entry) {
  const row = make("tr");
  row.tabIndex = 0;
  row.dataset.id = entry.question_id;
  COLUMNS.forEach(({ title, name, number, text }) => {
    const cell = make("td", `is-${name}${number ? " number" : ""}`);
    cell.dataset.title = title;
    cell.dir = "auto";
    if (name === "query" || text) cell.append(make("div"));
    row.append(cell);
  });
  row.addEventListener("click", () => openRow(entry.question_id));
  row.addEventListener("keydown", (event) => {
    if (event.key === "Enter") openRow(entry.question_id);
    const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  });
  return row;
}

/**
 * @param {App} app
 * @param {import("./app.js").TablePage} page
 */
export function drawTable(app, page) {
  const table = app.part("table", HTMLTableElement);
  drawHead(app, table);
  updateKeyed(table.tBodies[0], page.rows, (entry) => entry.question_id, makeRow, (row, entry) => {
    COLUMNS.forEach((column, i) => {
      const { name, text } = column;
      row.cells[i].hidden = !app.columns.has(app, column);
      if (name === "query") drawQuery(find(row.cells[i], "div"), entry.query);
      else if (text) drawQuery(find(row.cells[i], "div"), [entry[name] ?? ""], "");
      else setText(row.cells[i], cellText(name, cellValue(entry, name)));
    });
    row.classList.toggle("wrong", entry.correct === "different");
    row.title = entry.correct === "different" ? "The chosen solution contradicts the gold answer" : "";
  });
  markOpenRow(app);
  setText(app.part("range"), page.said);
  find(app.element, '[data-do="previous"]', HTMLButtonElement).disabled = page.first;
  find(app.element, '[data-do="next"]', HTMLButtonElement).disabled = page.last;
}

/**
 * Turns to the next page or to the one before.
 * @param {App} app
 * @param {1 | -1} step
 */
export async function turnPage(app, step) {
  const rows = app.last?.page?.rows ?? [];
  if (!rows.length) return;
  app.page = step > 0 ? { after: rows[rows.length - 1].question_id } : { before: rows[0].question_id };
  await app.look();
  app.part("table").scrollIntoView({ block: "start" });
}

/** Marks the row that is open. @param {App} app */
export function markOpenRow({ part }) {
  const id = getParameter("row");
  findAll(part("table"), "tbody tr").forEach((row) => {
    if (row.dataset.id === id) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  });
}

/**
 * Gives the focus to a row, on the page that holds it.
 * @param {App} app
 * @param {string} id
 */
export async function focusRow(app, id) {
  const rowOf = () => app.part("table").querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  if (!rowOf()) {
    app.page = { at: id };
    await app.look();
  }
  const row = rowOf();
  if (!(row instanceof HTMLElement)) return;
  row.focus();
  row.scrollIntoView({ block: "center" });
}

/** @param {App} app */
export async function copyLink({ part }) {
  const link = part("link", HTMLInputElement);
  link.value = location.href;
  try {
    await navigator.clipboard.writeText(location.href);
    link.hidden = true;
    setText(part("copied"), "The link to this view is copied.");
  } catch {
    link.hidden = false; // browsers have no clipboard without https, except on this machine
    link.select();
    setText(part("copied"), "Copy the link from the field.");
  }
  setTimeout(() => setText(part("copied"), ""), COPIED_FOR);
}
