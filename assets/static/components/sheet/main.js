/**
 * A sheet: sentences, progress bars, tables and texts side by side, in order. When its value changes it touches only
 * what is different, so that nothing flickers and a reader's selection, scroll and focus stay.
 */

import { find, fit, group, make, setText } from "../../lib/dom.js";
import { formatCell } from "../../lib/format.js";
import { makeScrollableTable, setHeader, setRows } from "../../lib/table.js";

/**
 * @typedef {{ kind: "text", text: string, strong: boolean }} TextPart
 * @typedef {{ kind: "bar", share: number, label: string }} BarPart
 * @typedef {{ kind: "table", title: string, columns: string[], rows: (string | number)[][], right: boolean[] }} TablePart
 * @typedef {{ kind: "sides", title: string, sides: { title: string, text: string }[] }} SidesPart
 * @typedef {TextPart | BarPart | TablePart | SidesPart} Part
 */

/** @param {Part["kind"]} kind */
function makePart(kind) {
  if (kind === "text") return make("p");
  if (kind === "bar") {
    const bar = group("div", "bar", make("div"));
    Object.entries({ role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }).forEach(([name, value]) => bar.setAttribute(name, value));
    return bar;
  }
  const content = kind === "table" ? makeScrollableTable().box : make("div", "sides");
  return group("figure", "", make("figcaption"), content);
}

/**
 * @param {HTMLElement} node
 * @param {Part} part
 */
function fillPart(node, part) {
  if (part.kind === "text") {
    node.className = part.strong ? "strong" : "";
    setText(node, part.text);
  } else if (part.kind === "bar") {
    node.setAttribute("aria-valuenow", String(Math.round(part.share * 100)));
    node.setAttribute("aria-label", part.label);
    find(node, "div").style.width = `${Math.min(Math.max(part.share, 0), 1) * 100}%`;
  } else {
    setText(find(node, "figcaption"), part.title);
    if (part.kind === "table") fillTable(node, part);
    else fillSides(find(node, ".sides"), part);
  }
}

/**
 * @param {HTMLElement} node
 * @param {TablePart} part
 */
function fillTable(node, { title, columns, rows, right }) {
  find(node, ".scroll").setAttribute("aria-label", title);
  const table = find(node, "table", HTMLTableElement);
  setHeader(table, columns.map((name, i) => ({ name, right: right[i] })));
  setRows(table, rows, (cell, value, i) => {
    setText(cell, formatCell(value ?? ""));
    cell.className = right[i] ? "number" : "";
    cell.dir = right[i] ? "" : "auto";
  });
}

/**
 * @param {HTMLElement} columns
 * @param {SidesPart} part
 */
function fillSides(columns, { sides }) {
  fit(columns, sides.length, () => {
    const text = make("p", "written");
    text.dir = "auto";
    return group("div", "", make("p", "about"), text);
  });
  sides.forEach((side, i) => {
    const [about, text] = columns.children[i].children;
    setText(about, side.title);
    setText(text, side.text);
  });
}

/** @param {import("../../lib/host.js").Host<{ value: string }>} host */
export function mount({ element, props, watch }) {
  function draw() {
    const root = find(element, ".sheet");
    /** @type {Part[]} */
    const parts = JSON.parse(props.value || "[]");
    while (root.children.length > parts.length) root.lastElementChild?.remove();
    parts.forEach((part, i) => {
      let node = /** @type {HTMLElement | undefined} */ (root.children[i]);
      if (node?.dataset.kind !== part.kind) {
        const made = makePart(part.kind);
        made.dataset.kind = part.kind;
        if (node) node.replaceWith(made);
        else root.append(made);
        node = made;
      }
      fillPart(node, part);
    });
  }

  watch("value", draw);
  draw();
}
