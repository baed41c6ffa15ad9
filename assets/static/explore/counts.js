/** The funnel, the topics and the facets: counts of values, each a button or a box that chooses it. */

import { button, find, findAll, group, make, setText, updateKeyed } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { makeScrollableTable, setHeader, setTable } from "../lib/table.js";
import { clicked, isChosen, isOnly, toggled } from "./filter.js";

/** @typedef {import("./app.js").App} App */

const FUNNEL = ["stage", "", "passed", "dropped", "pending"];
const MAY_BE_ABSENT = new Set(["level", "correct", "checkability", "majority", "contaminated"]); // facets that are hidden without a value
const FIRST_STAGE = "generated"; // it drops nothing

/**
 * The panel of these counts, made where there is none yet.
 * @param {App} app
 * @param {string} id
 * @param {string} title
 * @param {string} note
 * @param {() => HTMLElement[]} content
 */
function panelOf(app, id, title, note, content) {
  let panel = findAll(app.part("board"), `section[data-counts="${id}"]`)[0];
  if (!panel) {
    panel = group("section", "", make("h3", "", title), make("p", "note"), ...content());
    panel.dataset.counts = id;
    app.part("board").append(panel);
  }
  setText(find(panel, ".note"), note);
  return panel;
}

/**
 * @param {App} app
 * @param {string} name
 * @param {string} title
 */
function clearButton(app, name, title) {
  const made = button("Clear", () => app.setCondition(name, null), "clear");
  made.setAttribute("aria-label", `Clear ${title}`);
  return made;
}

/**
 * @param {App} app
 * @param {string} name
 * @param {string | null} value
 * @param {MouseEvent} event
 */
function choose(app, name, value, event) {
  const several = event.ctrlKey || event.metaKey || event.shiftKey;
  app.setCondition(name, clicked(app.conditions[name], value, several));
}

/** @param {App} app */
export function drawFunnel(app) {
  const { last } = app;
  if (!last) return;
  const panel = panelOf(app, "funnel", "Funnel", last.dropped, () => {
    const { box, table } = makeScrollableTable("Funnel");
    table.className = "funnel";
    setHeader(table, FUNNEL);
    table.createTBody();
    return [box, clearButton(app, "drop_stage", "Funnel")];
  });
  find(panel, ".clear").hidden = !app.conditions.drop_stage;
  const most = Math.max(last.funnel[0][1], 1);
  find(panel, "table").classList.toggle("none-pending", last.funnel.every(([, , , , pending]) => !pending));
  updateKeyed(find(panel, "tbody"), last.funnel, ([stage]) => stage, ([stage]) => {
    const head = make("th", "", stage === FIRST_STAGE ? stage : undefined);
    head.scope = "row";
    if (stage !== FIRST_STAGE) {
      const press = button(stage, (event) => choose(app, "drop_stage", stage, event));
      press.title = `Show what ${stage} dropped, and why`;
      head.append(press);
    }
    const bars = group("td", "bars", make("span", "kept"), make("span", "dropped"));
    return group("tr", "", head, bars, make("td"), make("td"), make("td"));
  }, (row, [stage, , kept, dropped, pending]) => {
    row.querySelector("button")?.setAttribute("aria-pressed", String(isChosen(app.conditions, "drop_stage", stage)));
    find(row, ".kept").style.width = `${(kept / most) * 100}%`;
    find(row, ".dropped").style.width = `${(dropped / most) * 100}%`;
    [kept, dropped, pending].forEach((value, i) => setText(row.children[i + 2], formatNumber(value)));
  });
}

/** @param {App} app */
export function drawTopics(app) {
  const { last, board } = app;
  if (!last || !board) return;
  const panel = panelOf(app, "topic", board.topic.title, board.topic.note, () => {
    const details = group("details", "", make("summary", "", "As a table"), make("table"));
    details.addEventListener("toggle", () => drawTopics(app));
    return [make("div", "values"), clearButton(app, "topic", "Topic"), details];
  });
  find(panel, ".clear").hidden = !app.conditions.topic;
  const totals = new Map(board.topic.totals);
  /** @param {import("./app.js").Count} entry */
  const totalOf = (entry) => totals.get(entry.value) ?? 0;
  const scaled = app.part("scale", HTMLInputElement).checked;
  const most = Math.max(...(scaled ? last.topic.map((entry) => entry.count) : totals.values()), 1);
  const entries = [...last.topic].sort((a, b) => totalOf(b) - totalOf(a));
  updateKeyed(find(panel, ".values"), entries, (entry) => entry.value, (entry) => {
    const press = button("", (event) => choose(app, "topic", entry.value, event));
    const track = group("span", "track", make("span", "total"), make("span", "kept"));
    press.append(make("span", "name", entry.text), track, make("span", "count"));
    return press;
  }, (press, entry) => {
    press.setAttribute("aria-pressed", String(isChosen(app.conditions, "topic", entry.value)));
    find(press, ".total").style.width = scaled ? "0" : `${(totalOf(entry) / most) * 100}%`; // cut off, all would be alike
    find(press, ".kept").style.width = `${(entry.count / most) * 100}%`;
    setText(find(press, ".count"), `${formatNumber(entry.count)} of ${formatNumber(totalOf(entry))}`);
  });
  if (find(panel, "details", HTMLDetailsElement).open) {
    const rows = entries.map((entry) => [entry.text, totalOf(entry), entry.count]);
    setTable(find(panel, "table", HTMLTableElement), ["topic", "in all", "kept"], rows);
  }
}

/** The values of each facet that had a count: they stay at 0, so that nothing moves. @type {WeakMap<Element, Set<string>>} */
const counted = new WeakMap();

/** @param {Element} facet */
function countedValues(facet) {
  const values = counted.get(facet) ?? new Set();
  counted.set(facet, values);
  return values;
}

/**
 * @param {Element} facet
 * @param {import("./app.js").Count} entry
 */
const wasCounted = (facet, { value }) => countedValues(facet).has(JSON.stringify(value));

/** @param {App} app */
export function drawFacets(app) {
  const { last, props } = app;
  if (!last) return;
  const facets = app.part("facets");
  if (!facets.querySelector(".boxes")) facets.append(make("div", "boxes"));
  updateKeyed(find(facets, ".boxes"), Object.keys(props.facets), (name) => name, (name) => {
    const clear = clearButton(app, name, props.facets[name]);
    return group("fieldset", "", make("legend", "", props.facets[name]), make("div", "choices"), clear);
  }, (made, name) => {
    find(made, ".clear").hidden = !app.conditions[name];
    const single = props.single.includes(name);
    /** @param {import("./app.js").Count} entry */
    const isOn = ({ value }) => (single ? isOnly(app.conditions[name], value) : isChosen(app.conditions, name, value));
    const entries = last.facets[name].filter((entry) => entry.count || isOn(entry) || wasCounted(made, entry));
    entries.forEach((entry) => entry.count && countedValues(made).add(JSON.stringify(entry.value)));
    // Only some imports have levels, and only questions with gold answers are right or wrong.
    made.hidden = MAY_BE_ABSENT.has(name) && !entries.some((entry) => entry.value !== null || isOn(entry));
    updateKeyed(find(made, ".choices"), entries, (entry) => entry.value, (entry) => {
      const box = make("input");
      box.type = "checkbox";
      box.disabled = single && entry.value === null;
      box.addEventListener("change", () => app.setCondition(name, single ? (box.checked ? entry.value : null) : toggled(app.conditions[name], entry.value)));
      return group("label", "", box, make("span", "name", entry.text), make("span", "count"));
    }, (label, entry) => {
      find(label, "input", HTMLInputElement).checked = isOn(entry);
      setText(find(label, ".count"), formatNumber(entry.count));
    });
  });
}
