/** The story of a question: the question, its stages, its solutions, what it overlaps with. */

import { button, group, make } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { openRow } from "../lib/messages.js";
import { makeScrollableTable, setHeader, setRows } from "../lib/table.js";
import { drawAnswer, drawText } from "../lib/text/draw.js";

/**
 * @typedef {import("./types.js").Row} Row
 * @typedef {import("./types.js").Pieces} Pieces
 */

/** @type {Record<string, string>} */
const MARKS = { passed: "✓", dropped: "✕", failed: "!", pending: "…", "not checked": "–", "not reached": "·" };
const TAGS = /** @type {const} */ ({ same: "span", "only here": "del", strong: "strong" });

/**
 * @param {string} title
 * @param {...(Node | string)} children
 */
export const section = (title, ...children) => group("section", "", make("h3", "", title), ...children);

/**
 * @param {string} title
 * @param {...(Node | string)} children
 */
export const folded = (title, ...children) => group("details", "", make("summary", "", title), ...children);

/**
 * A text of a model or a file, with its formulas.
 * @param {string} text
 * @param {string} className
 */
export function textBox(text, className) {
  const box = make("div", className);
  drawText(box, text);
  return box;
}

/** @param {import("./types.js").Table} table */
export function tableBox({ title, head, rows }) {
  const { box, table } = makeScrollableTable(title);
  setHeader(table, head);
  setRows(table, rows);
  return box;
}

/** The question, and what is known of it. @param {Row} row */
export function headOf({ question, original, gold, facts, stages }) {
  /** @type {HTMLElement[]} */
  const parts = [textBox(question, "question")];
  if (original !== null) parts.push(folded("Before a reviewer edited it", textBox(original, "text")));
  if (gold !== null) {
    const answer = make("span", "", gold);
    drawText(answer, gold);
    parts.push(group("p", "gold", "Reference answer: ", answer));
  }
  parts.push(make("p", "quiet facts", facts.join(" · ")), section("Stages", group("ul", "stages", ...stages.map(stageItem))));
  return parts;
}

/** @param {import("./types.js").Stage} stage */
function stageItem({ stage, state, said, judge, raw, row }) {
  const chip = make("span", `chip is-${state.replace(" ", "-")}`, `${MARKS[state] ?? ""} ${stage}`);
  const sentence = make("span", "said", ["not reached", "not checked"].includes(state) || state === "passed" ? said : `${state}: ${said}`);
  if (judge) sentence.append(make("span", "quiet", ` · by ${judge}`));
  if (row) sentence.append(" ", rowButton(row, "Show it"));
  const item = group("li", "", chip, sentence);
  if (raw) item.append(folded(`What ${judge || "the judge"} wrote`, textBox(raw, "text")));
  return item;
}

/** What follows the decision. @param {Row} row */
export function bodyOf(row) {
  return [solutionsOf(row.solutions), ...benchmarkOf(row.benchmark), ...nearOf(row.near), ...(row.rates ? [section(row.rates.title, tableBox(row.rates))] : [])];
}

/** @param {import("./types.js").Solutions} solutions */
function solutionsOf({ said, groups, edited }) {
  const made = section("Solutions", make("p", "quiet", said));
  const anyChosen = groups.some(({ solutions }) => solutions.some(({ chosen }) => chosen));
  groups.forEach((one, i) => {
    const head = make("h4");
    if (one.answer === null) head.append("No final answer");
    else {
      const answer = make("span", "model-text is-answer", one.answer);
      drawAnswer(answer, one.answer);
      head.append("Answer ", answer);
    }
    head.append(make("span", "quiet", ` ${one.counted}`));
    made.append(head, ...one.solutions.map((solution, k) => {
      const box = solutionBox(solution);
      box.open = solution.chosen || (!anyChosen && i + k === 0);
      return box;
    }));
  });
  if (typeof edited === "string") made.append(make("h4", "", "Solution edited by a reviewer"), textBox(edited, "text"));
  return made;
}

/** @param {import("./types.js").Solution} solution */
function solutionBox({ chosen, title, facts, text, reasoning }) {
  const summary = group("summary", "", make("strong", "", title), make("span", "quiet", ` ${facts}`));
  const made = group("details", `solution${chosen ? " is-chosen" : ""}`, summary);
  if (reasoning) made.append(reasoningBox(reasoning));
  made.append(text ? textBox(text, "text") : make("p", "quiet", "No response after the reasoning."));
  return /** @type {HTMLDetailsElement} */ (made);
}

/** Folded; drawn when it is first opened, because reasoning is long. @param {string} text */
function reasoningBox(text) {
  const made = folded(`Reasoning, ${formatNumber(text.length)} characters`);
  made.classList.add("reasoning");
  made.addEventListener("toggle", () => made.append(textBox(text, "text")), { once: true });
  return made;
}

/** @param {Pieces} pieces */
function quote(pieces) {
  return group("blockquote", "", ...pieces.flatMap(([kind, text], i) => [...(i ? [" "] : []), make(TAGS[kind], "", text)]));
}

/** @param {import("./types.js").Benchmark | null} benchmark */
function benchmarkOf(benchmark) {
  if (!benchmark) return [];
  const made = section("In a benchmark", make("p", "", benchmark.about));
  if (benchmark.theirs && benchmark.mine) {
    made.append(make("h4", "", benchmark.source), quote(benchmark.theirs), make("h4", "", "This question"), quote(benchmark.mine));
  }
  return [made];
}

/** @param {import("./types.js").Near[]} near */
function nearOf(near) {
  if (!near.length) return [];
  const note = "Bold words are only in the other question, struck-through words only in this one.";
  const items = near.flatMap(({ id, about, pieces, gone }) => {
    const head = group("p", "", gone ? make("span", "", id) : rowButton(id), `, ${about}`);
    return gone ? [head] : [head, quote(pieces)];
  });
  return [section("Near-duplicates", make("p", "quiet", note), ...items)];
}

/** @param {import("./types.js").Similar} similar */
export function similarOf({ about, rows }) {
  const items = rows.map(({ id, similarity, topic, text }) => {
    const box = make("div", "text preview");
    drawText(box, text);
    return group("li", "", group("p", "", make("strong", "", similarity), " ", rowButton(id), make("span", "quiet", ` ${topic}`)), box);
  });
  return [section("Similar questions", make("p", "quiet", about), group("ul", "similar", ...items))];
}

/**
 * @param {string} id
 * @param {string} [text]
 */
function rowButton(id, text = id) {
  const made = button(text, () => openRow(id), "id");
  made.setAttribute("aria-label", `Show ${id}`);
  return made;
}
