/**
 * Texts of models and files in the page: formulas are drawn, tables and code are shown as such, figures are folded. All
 * else is set as text. A text first appears as it was written; its formulas follow in idle time, those in view first.
 */

import { group, make } from "../dom.js";
import { inIdleTime } from "./idle.js";
import { isMade, loadKatex, makeFormula } from "./katex.js";
import { splitText } from "./parts.js";
import { parseTable } from "./tabular.js";

/**
 * @typedef {import("./parts.js").Part} Part
 * @typedef {import("./parts.js").FormulaPart} FormulaPart
 */

const AHEAD = "400px"; // below the window's edge, where formulas are drawn before they are seen
const BLOCKS = new Set(["table", "code", "drawing", "block", "unknown"]);
const NOT_DRAWN = "Shown as it was written: this cannot be drawn";

/** The formulas that elements wait for. @type {WeakMap<Element, FormulaPart>} */
const waiting = new WeakMap();
/** @type {IntersectionObserver | null} */
let observer = null;

/**
 * Shows a text in an element.
 * @param {HTMLElement} box
 * @param {string} text
 */
export function drawText(box, text) {
  box.classList.add("model-text", "is-drawn");
  box.dir = "auto";
  box.replaceChildren(...nodesOf(splitText(text)));
}

/**
 * Shows a text with all its formulas, in view or not. The promise ends when they are drawn.
 * @param {HTMLElement} box
 * @param {string} text
 */
export async function drawWholeText(box, text) {
  await loadKatex();
  drawText(box, text);
  box.querySelectorAll(".formula").forEach((node) => node instanceof HTMLElement && drawFormula(node));
}

/**
 * Makes the formulas of a text that will be shown soon.
 * @param {string} text
 */
export function prepareText(text) {
  loadKatex().then(() => {
    splitText(text).forEach((part) => part.kind === "formula" && !isMade(part) && inIdleTime(() => makeFormula(part)));
  }, () => {});
}

/**
 * Shows a final answer: a formula where it can be one.
 * @param {HTMLElement} box
 * @param {string} answer
 */
export function drawAnswer(box, answer) {
  const tex = `\\boxed{${answer}}`;
  box.classList.add("is-drawn");
  if (answer.includes("$")) return;
  box.replaceChildren(formulaNode({ kind: "formula", source: answer, tex, display: false }));
}

/**
 * The nodes of some parts.
 * @param {Part[]} parts
 * @returns {Node[]}
 */
function nodesOf(parts) {
  return parts.map((part, i) => {
    if (part.kind !== "text") return nodeOf(part, parts[i + 1]);
    let { text } = part;
    const [before, after] = [parts[i - 1], parts[i + 1]];
    if (before && isBlock(before)) text = text.slice(tailOf(before, part).length).replace(/^[ \t]*(?:\n[ \t]*){0,2}/, "");
    if (after && isBlock(after)) text = text.replace(/(?:\n[ \t]*)?\n[ \t]*$/, "");
    return document.createTextNode(text);
  });
}

/** @param {Part} part */
const isBlock = (part) => BLOCKS.has(part.kind) || (part.kind === "formula" && part.display);

/**
 * The punctuation that ends a displayed formula and is written after it.
 * @param {Part} part
 * @param {Part | undefined} next
 */
function tailOf(part, next) {
  return part.kind === "formula" && part.display && next?.kind === "text" ? (/^[.,;:]/.exec(next.text)?.[0] ?? "") : "";
}

/**
 * @param {Exclude<Part, import("./parts.js").PlainPart>} part
 * @param {Part | undefined} next
 * @returns {Node}
 */
function nodeOf(part, next) {
  switch (part.kind) {
    case "formula": {
      const tail = tailOf(part, next);
      const node = formulaNode(part);
      return part.display ? group("span", `display${part.tex.includes("\\tag") ? " has-tag" : ""}`, node, tail) : node;
    }
    case "table": return tableNode(part.body);
    case "code": return codeNode(part.source);
    case "inline code": return make("code", "", part.text);
    case "drawing": return drawingNode(part);
    case "unknown": return sourceNode(part.source, true);
    case "bold": return group("strong", "", ...nodesOf(part.parts));
    case "italic": return group("em", "", ...nodesOf(part.parts));
    default: return group("div", "", ...nodesOf(part.parts));
  }
}

/** A formula, which is its source until it is drawn. @param {FormulaPart} part */
function formulaNode(part) {
  const node = make("span", "formula", part.source);
  waiting.set(node, part);
  if (isMade(part)) drawFormula(node);
  else waitForView(node);
  return node;
}

/** @param {HTMLElement} node */
function drawFormula(node) {
  const part = waiting.get(node);
  if (!part) return;
  waiting.delete(node);
  node.replaceChildren(makeFormula(part) ?? sourceNode(part.source, false));
}

/** Draws a formula in idle time once it is in view or close to it. @param {HTMLElement} node */
function waitForView(node) {
  observer ??= new IntersectionObserver((entries) => {
    const seen = entries.filter((entry) => entry.isIntersecting).map(({ target }) => target);
    seen.forEach((target) => observer?.unobserve(target));
    if (!seen.length) return;
    loadKatex().then(() => seen.forEach((target) => inIdleTime(() => {
      if (target instanceof HTMLElement && target.isConnected) drawFormula(target);
    })), (error) => console.error(error));
  }, /** @type {IntersectionObserverInit} */ ({ rootMargin: AHEAD, scrollMargin: AHEAD })); // of the window, and of boxes that scroll
  observer.observe(node);
}

/**
 * @param {string} source
 * @param {boolean} isWhole - on lines of its own
 */
function sourceNode(source, isWhole) {
  const node = make("code", `not-drawn${isWhole ? " is-block" : ""}`, source);
  node.title = NOT_DRAWN;
  return node;
}

/** Code with its first and its last line, which fence it. @param {string} source */
function codeNode(source) {
  const first = source.indexOf("\n") + 1;
  const last = Math.max(source.lastIndexOf("\n") + 1, first);
  return group("pre", "", make("span", "fence", source.slice(0, first)), source.slice(first, last), make("span", "fence", source.slice(last)));
}

/** @param {import("./parts.js").DrawingPart} part */
function drawingNode({ source, language }) {
  const lines = source.trim().split("\n").length;
  const title = `Figure: ${lines} ${lines === 1 ? "line" : "lines"} of ${language} code`;
  return group("details", "drawing", make("summary", "", title), make("pre", "", source));
}

/** @param {string} body */
function tableNode(body) {
  const { rows, rule } = parseTable(body);
  const table = make("table");
  rows.forEach((row) => {
    const line = table.insertRow();
    if (row.rule) line.classList.add("has-rule");
    row.cells.forEach(({ text, span, align, left, right }) => {
      const cell = line.insertCell();
      cell.colSpan = span;
      cell.className = `is-${align}${left ? " has-left" : ""}${right ? " has-right" : ""}`;
      cell.append(...nodesOf(splitText(text)));
    });
  });
  if (rule) table.classList.add("has-rule");
  return group("div", "scroll", table);
}

/**
 * Shows the beginning of a text on a few lines of a table: formulas within the line, and names of what has no room.
 * @param {HTMLElement} box
 * @param {string[]} pieces - what a search did not find and what it found, in turns
 */
export function drawPreview(box, pieces) {
  /** @type {[number, number][]} */
  const found = [];
  let end = 0;
  pieces.forEach((piece, i) => {
    if (i % 2) found.push([end, end + piece.length]);
    end += piece.length;
  });
  let at = 0;
  box.classList.add("model-text", "is-drawn", "is-preview");
  box.replaceChildren(...splitText(pieces.join("")).flatMap((part) => {
    const from = at;
    at += part.source.length;
    const marks = found.filter(([start, stop]) => start < at && stop > from);
    if (part.kind === "text" && part.text === part.source) return marked(part.text, marks.map(([start, stop]) => [start - from, stop - from]));
    const node = previewNode(part);
    return [marks.length ? group("mark", "", node) : node];
  }));
}

/**
 * @param {Part} part
 * @returns {Node}
 */
function previewNode(part) {
  switch (part.kind) {
    case "text": return document.createTextNode(part.text);
    case "formula": {
      const node = formulaNode({ ...part, display: false });
      node.classList.toggle("was-display", part.display);
      return node;
    }
    case "inline code": return make("code", "", part.text);
    case "table": return make("span", "left-out", "table");
    case "drawing": return make("span", "left-out", "figure");
    case "bold": return group("strong", "", ...part.parts.map(previewNode));
    case "italic": return group("em", "", ...part.parts.map(previewNode));
    case "block": return group("span", "", ...part.parts.map(previewNode));
    default: return make("code", "", part.source);
  }
}

/**
 * @param {string} text
 * @param {number[][]} marks - where each begins and ends
 * @returns {Node[]}
 */
function marked(text, marks) {
  /** @type {Node[]} */
  const nodes = [];
  let at = 0;
  marks.forEach(([start, end]) => {
    if (start > at) nodes.push(document.createTextNode(text.slice(at, start)));
    nodes.push(make("mark", "", text.slice(Math.max(start, at), end)));
    at = end;
  });
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}
