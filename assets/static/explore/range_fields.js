/**
 * The two fields under a chart, in which the ends of a range are typed. What is typed becomes the filter on Enter or
 * when a field is left; a redraw changes no field that is being typed in, and ends in the wrong order are not used.
 */

import { button, find, findAll, group, make, setMessage } from "../lib/dom.js";
import { formatDigits } from "../lib/format.js";
import { readEnds } from "./filter.js";

/**
 * @typedef {import("./filter.js").Range} Range
 * @typedef {object} Field
 * @property {string} title - of the chart
 * @property {Range | null} range
 * @property {number} step
 * @property {Range} limits - shown where an end is open
 */

/**
 * @param {() => Range | null} current - the range in the filter
 * @param {(range: Range | null) => void} apply
 */
export function makeRangeFields(current, apply) {
  const box = make("div", "ends");
  const problem = make("p", "problem");
  problem.setAttribute("role", "alert");
  problem.hidden = true;
  const inputs = ["from", "to"].map((name) => {
    const input = make("input");
    input.type = "number";
    input.addEventListener("input", () => (input.dataset.typed = ""));
    input.addEventListener("change", use);
    input.addEventListener("blur", () => isTyped(box) || writeEnds(box, current()));
    box.append(group("label", "", `${name} `, input));
    return input;
  });

  function use() {
    const { range, text } = readEnds(current(), inputs.map((input) => ({
      typed: "typed" in input.dataset, text: input.value, bad: input.validity.badInput,
    })));
    inputs.forEach((input) => input.setAttribute("aria-invalid", String(text !== null)));
    setMessage(problem, text);
    if (text !== null) return;
    forgetTyping(box);
    apply(range);
  }

  box.append(button("Clear", () => apply(null)), problem);
  return box;
}

/** Whether a field has what was typed and not used. @param {HTMLElement} box */
const isTyped = (box) => findAll(box, "input", HTMLInputElement).some((input) => "typed" in input.dataset);

/** What was typed is not waited for any more. @param {HTMLElement} box */
function forgetTyping(box) {
  findAll(box, "input", HTMLInputElement).forEach((input) => {
    delete input.dataset.typed;
    input.removeAttribute("aria-invalid");
  });
  setMessage(find(box, ".problem"), null);
}

/**
 * @param {HTMLElement} box
 * @param {Range | null} range
 */
function writeEnds(box, range) {
  findAll(box, "input", HTMLInputElement).forEach((input, i) => {
    const bound = range ? range[i] : null;
    input.value = bound === null ? "" : formatDigits(bound);
  });
}

/**
 * @param {HTMLElement} box - as `makeRangeFields` made it
 * @param {Field} field
 */
export function drawRangeFields(box, { title, range, step, limits }) {
  const key = JSON.stringify(range);
  const inputs = findAll(box, "input", HTMLInputElement);
  const typing = inputs.some((input) => input === document.activeElement);
  const waiting = isTyped(box) && box.dataset.range === key;
  if (!typing && !waiting) {
    forgetTyping(box);
    writeEnds(box, range);
  }
  box.dataset.range = key;
  inputs.forEach((input, i) => {
    input.step = formatDigits(step);
    input.placeholder = formatDigits(limits[i] ?? 0);
    input.setAttribute("aria-label", `${title} ${i ? "to" : "from"}`);
  });
  const clear = find(box, "button");
  clear.hidden = !range;
  clear.setAttribute("aria-label", `Clear ${title}`);
}
