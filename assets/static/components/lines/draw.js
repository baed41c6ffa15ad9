/** The questions of a run as one line each, with a segment for each stage. */

import { button, find, fit, group, make, setText, updateKeyed } from "../../lib/dom.js";
import { QUESTION } from "../../lib/live.js";
import { drawPreview } from "../../lib/text/draw.js";
import { setWritten } from "./text.js";

/**
 * @typedef {import("../../lib/live.js").Question} Question
 * @typedef {{ question: Question, title: string, short: string }} Line - `short`: the title in a few characters
 */

/** The texts whose formulas are drawn. @type {WeakMap<Element, string>} */
const previews = new WeakMap();

/**
 * @param {HTMLElement} list
 * @param {readonly Line[]} lines
 * @param {string | null} focus - the question in focus
 * @param {(id: string) => void} onPress
 */
export function drawLines(list, lines, focus, onPress) {
  updateKeyed(list, lines, ({ question }) => question.id, ({ question }) => makeLine(question.id, onPress), (item, line) => drawLine(item, line, focus));
}

/**
 * @param {string} id
 * @param {(id: string) => void} onPress
 */
function makeLine(id, onPress) {
  const line = button("", () => onPress(id), "line");
  line.append(make("span", "number"), make("span", "says"), make("span", "segments"), make("span", "outcome"));
  line.dataset.question = id;
  line.addEventListener("keydown", ({ key }) => {
    const item = line.parentElement;
    const other = key === "ArrowDown" ? item?.nextElementSibling : key === "ArrowUp" ? item?.previousElementSibling : null;
    const next = other?.firstElementChild;
    if (next instanceof HTMLElement) next.focus();
  });
  return group("li", "", line);
}

/**
 * @param {HTMLElement} item
 * @param {Line} line
 * @param {string | null} focus
 */
function drawLine(item, { question, title, short }, focus) {
  const line = find(item, ".line");
  line.setAttribute("aria-current", String(question.id === focus));
  line.title = `${title}: ${question.outcome.text}`;
  setText(find(line, ".number"), short);
  const says = find(line, ".says");
  const text = question.texts[QUESTION] || "…";
  if (!question.ended) setWritten(says, text, false);
  else if (previews.get(says) !== text) {
    previews.set(says, text);
    drawPreview(says, [text]);
  }
  says.classList.toggle("writing", question.writing);
  const segments = find(line, ".segments");
  fit(segments, question.chips.length, "span");
  question.chips.forEach(({ state }, i) => (segments.children[i].className = state));
  const outcome = find(line, ".outcome");
  outcome.className = `outcome ${question.outcome.state}`;
  setText(outcome, question.outcome.text);
}
