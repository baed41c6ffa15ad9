/** The questions by topic, level, generator, run or status: a table of counts and means; a row filters by its value. */

import { button, find, findAll, group, make, setText, updateKeyed } from "../lib/dom.js";
import { formatNumber, formatPercent } from "../lib/format.js";
import { clicked, isChosen } from "./filter.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {{ value: number, low: number | null, high: number | null, n: number }} Mean
 * @typedef {{ value: string | null, text: string, count: number, share: number, means: Record<string, Mean | null> }} Group
 * @typedef {{ by: string, rows: Group[] }} Groups
 */

const MEANS = ["difficulty", "reward", "agreement"];
const MEAN_TITLE = "The mean, and its 95 % interval in small print";
/** By column, what its rows are sorted by. @type {Record<string, (group: Group) => number | string>} */
const KEYS = {
  name: ({ text }) => text,
  count: ({ count }) => count,
  ...Object.fromEntries(MEANS.map((name) => [name, (/** @type {Group} */ { means }) => means[name]?.value ?? -Infinity])),
};

/** @param {string} name @param {number} value */
const meanText = (name, value) => (name === "agreement" ? formatPercent(value) : value.toFixed(3));

/**
 * @param {string} name
 * @param {Mean | null} mean
 */
function intervalText(name, mean) {
  if (!mean || mean.low === null || mean.high === null) return mean ? "1 question" : "";
  return `${meanText(name, mean.low)} to ${meanText(name, mean.high)}`;
}

/** The buttons that choose what to group by. @param {App} app */
export function makeGroupChoice(app) {
  Object.entries(app.props.groups).forEach(([name, text]) => {
    const press = button(text, () => app.groupBy(app.group === name ? null : name));
    press.dataset.by = name;
    app.part("group-by").append(press);
  });
}

/** @param {App} app */
export function drawGroups(app) {
  const [place, found] = [app.part("groups"), app.last?.groups];
  findAll(app.part("group-by"), "button").forEach((press) => press.setAttribute("aria-pressed", String(press.dataset.by === app.group)));
  place.hidden = !found || app.group !== found.by;
  if (!found || place.hidden) return;
  const table = place.querySelector("table") ?? place.appendChild(makeTable(app));
  const order = app.groupOrder;
  setText(find(table, "th button"), app.props.groups[found.by]);
  ["name", "count", ...MEANS].forEach((name) => {
    const head = find(table, `th[data-column="${name}"]`);
    if (order.by === name) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  MEANS.forEach((name) => table.classList.toggle(`without-${name}`, !found.rows.some(({ means }) => means[name])));
  const most = Math.max(...found.rows.map(({ count }) => count), 1);
  updateKeyed(table.tBodies[0], sorted(found.rows, order), (row) => [found.by, row.value], (row) => makeRow(app, found.by, row), (made, row) => {
    find(made, "button").setAttribute("aria-pressed", String(isChosen(app.conditions, found.by, row.value)));
    find(made, ".track span").style.width = `${(row.count / most) * 100}%`;
    setText(find(made, ".n"), formatNumber(row.count));
    setText(find(made, ".share"), formatPercent(row.share));
    MEANS.forEach((name) => {
      const [cell, mean] = [find(made, `.mean-${name}`), row.means[name]];
      setText(find(cell, "span"), mean ? meanText(name, mean.value) : "");
      setText(find(cell, "small"), intervalText(name, mean));
      cell.title = mean ? `Of ${formatNumber(mean.n)} questions that have it` : "";
    });
  });
}

/**
 * @param {Group[]} rows
 * @param {{ by: string, down: boolean }} order
 */
function sorted(rows, { by, down }) {
  const key = KEYS[by];
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return sign * (x < y ? -1 : x > y ? 1 : 0);
  });
}

/** @param {App} app */
function makeTable(app) {
  const table = group("table", "grouped", make("thead"), make("tbody"));
  const row = make("tr");
  [["name", ""], ["count", "questions"], ["", ""], ["", "share"], ...MEANS.map((name) => [name, name])].forEach(([name, title]) => {
    const head = make("th", name === "name" ? "" : "number", name ? undefined : title);
    head.scope = "col";
    if (name) {
      head.dataset.column = name;
      head.append(button(title, () => {
        const { by, down } = app.groupOrder;
        app.groupOrder = { by: name, down: by === name ? !down : name !== "name" };
        drawGroups(app);
      }));
    }
    if (MEANS.includes(name)) {
      head.title = MEAN_TITLE;
      head.classList.add(`mean-${name}`);
    }
    row.append(head);
  });
  find(table, "thead").append(row);
  return /** @type {HTMLTableElement} */ (table);
}

/**
 * @param {App} app
 * @param {string} by
 * @param {Group} entry
 */
function makeRow(app, by, { value, text }) {
  const press = button(text, (event) => {
    const several = event.ctrlKey || event.metaKey || event.shiftKey;
    app.setCondition(by, clicked(app.conditions[by], value, several));
  });
  const head = group("th", "", press);
  head.setAttribute("scope", "row");
  const bar = group("td", "", group("span", "track", make("span", "kept")));
  const means = MEANS.map((name) => group("td", `number mean-${name}`, make("span"), " ", make("small")));
  return group("tr", "", head, make("td", "number n"), bar, make("td", "number share"), ...means);
}
