/** Redrawing a part of the page without taking from the reader what has the focus or was opened. */

import { findAll } from "./dom.js";

const NAMED = "a, button, input, select, textarea, summary, [tabindex]";

/** What an element is called, whatever it counts. @param {Element} node */
const nameOf = (node) => `${node.tagName} ${node.getAttribute("aria-label") ?? node.textContent ?? ""}`.replace(/\d[\d,]*/g, "#");

/**
 * The names of elements in order, each with the number of equal ones before it.
 * @param {readonly Element[]} nodes
 */
function keysOf(nodes) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  return nodes.map((node) => {
    const name = nameOf(node);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return `${name} ${counts.get(name)}`;
  });
}

/**
 * Draws a part afresh. The element that had the focus is found again by its name, and so are opened details.
 * @param {HTMLElement} place
 * @param {() => void} draw
 */
export function redraw(place, draw) {
  const active = document.activeElement;
  const before = findAll(place, NAMED);
  const focused = active && place.contains(active) ? keysOf(before)[before.findIndex((node) => node === active)] : undefined;
  const summaries = () => findAll(place, "details > summary");
  const open = new Set(keysOf(summaries()).filter((_, i) => summaries()[i].closest("details")?.open));
  draw();
  keysOf(summaries()).forEach((key, i) => {
    const details = summaries()[i].closest("details");
    if (details && open.has(key)) details.open = true;
  });
  if (focused === undefined) return;
  const after = findAll(place, NAMED);
  after[keysOf(after).indexOf(focused)]?.focus({ preventScroll: true });
}
