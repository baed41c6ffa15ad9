/**
 * A sheet: sentences, progress bars, tables and texts side by side, in order. When its value changes it touches only
 * what is different, so that nothing flickers and a reader's selection, scroll and focus stay.
 */

import { ADDRESS_CHANGED, formatAddress, getParameter, setParameters } from "../../lib/address.js";
import { find, fit, group, make, setText } from "../../lib/dom.js";
import { formatCell, formatLocalTime } from "../../lib/format.js";
import { listen } from "../../lib/lifetime.js";
import { showInExplore } from "../../lib/messages.js";
import { makeScrollableTable, setHeader, setRows } from "../../lib/table.js";

/**
 * @typedef {{ kind: "text", text: string, strong: boolean }} TextPart
 * @typedef {{ kind: "bar", share: number, label: string }} BarPart
 * @typedef {{ text: string, explore?: import("../../lib/messages.js").ExploreRequest, time?: string }} RichCell
 * @typedef {string | number | RichCell} SheetCell
 * @typedef {{ kind: "table", title: string, columns: string[], rows: SheetCell[][], right: boolean[],
 *   keys?: string[], chosen?: string | null }} TablePart
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
    setSentence(node, part.text);
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
function fillTable(node, { title, columns, rows, right, keys, chosen }) {
  find(node, ".scroll").setAttribute("aria-label", title);
  const table = find(node, "table", HTMLTableElement);
  setHeader(table, columns.map((name, i) => ({ name, right: right[i] })));
  setRows(table, rows, (cell, value, i) => {
    fillCell(cell, value ?? "");
    cell.className = right[i] ? "number" : "";
    cell.dir = right[i] ? "" : "auto";
  });
  table.classList.toggle("choosable", keys !== undefined);
  table.classList.toggle("facts", columns.every((name) => !name));
  [...(table.tBodies[0]?.rows ?? [])].forEach((row, i) => {
    if (keys) row.dataset.key = keys[i];
    else delete row.dataset.key;
    row.tabIndex = keys ? 0 : -1;
    if (keys && keys[i] === chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  });
}

/**
 * A text or a number; a link into Explore; or a time in the reader's zone.
 * @param {HTMLTableCellElement} cell
 * @param {SheetCell} value
 */
function fillCell(cell, value) {
  if (typeof value !== "object") {
    setText(cell, formatCell(value));
    return;
  }
  const was = JSON.stringify(value);
  if (cell.dataset.rich === was && cell.childElementCount) return;
  cell.dataset.rich = was;
  const { text, explore, time } = value;
  if (explore) {
    const link = make("a", "", text);
    /** @type {Record<string, string>} */
    const parameters = explore.row ? { row: explore.row } : { filter: JSON.stringify(explore.filter) };
    link.href = formatAddress({ tab: "explore", parameters }, document.baseURI);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab or window
      event.preventDefault();
      event.stopPropagation();
      setParameters(parameters); // before Explore is in front, so that both are one step of the history
      showInExplore(explore);
    });
    cell.replaceChildren(link);
  } else if (time) {
    const shown = make("time", "", formatLocalTime(time));
    shown.dateTime = time;
    shown.title = text;
    cell.replaceChildren(shown);
  } else setText(cell, text);
}

/**
 * A sentence, in which what is between backticks is code.
 * @param {HTMLElement} node
 * @param {string} text
 */
function setSentence(node, text) {
  if (node.dataset.text === text) return;
  node.dataset.text = text;
  const parts = text.split("`");
  const whole = parts.length % 2 === 0;
  node.replaceChildren(...(whole ? [text] : parts.map((part, i) => (i % 2 ? make("code", "", part) : part))));
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

/** @param {import("../../lib/host.js").Host<{ value: string, address: string }>} host */
export function mount({ element, props, watch, emit }) {
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

  /** @param {Event} event */
  function choose(event) {
    const row = event.target instanceof Element ? event.target.closest("tr[data-key]") : null;
    if (!(row instanceof HTMLElement) || getSelection()?.toString()) return;
    if (event instanceof KeyboardEvent && (event.key !== "Enter" || event.target !== row)) return;
    if (props.address) setParameters({ [props.address]: row.dataset.key ?? null });
    emit("choose", { key: row.dataset.key });
  }

  function chooseAddressed() {
    const key = getParameter(props.address);
    if (key) emit("choose", { key });
  }

  element.addEventListener("click", choose);
  element.addEventListener("keydown", choose);
  if (props.address) {
    listen(element, window, ADDRESS_CHANGED, chooseAddressed);
    chooseAddressed();
  }
  watch("value", draw);
  draw();
}
