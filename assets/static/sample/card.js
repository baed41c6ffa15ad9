/** The question in focus: its stages, and its solutions grouped by answer, equal ones together, with reward bars. */

import { button, find, fit, group, make, setMessage, setText } from "../lib/dom.js";
import { QUESTION } from "../lib/live.js";
import { drawAnswer } from "../lib/text/draw.js";
import { setWritten } from "../components/lines/text.js";

/**
 * @typedef {import("../lib/live.js").Question} Question
 * @typedef {import("../lib/live.js").AnswerGroup} AnswerGroup
 * @typedef {import("../lib/live.js").Chip} Chip
 */

/**
 * @typedef {object} CardState
 * @property {string} title
 * @property {boolean} kept
 * @property {boolean} busy - the page is sampling
 */

/**
 * @param {string} id
 * @param {{ keep: () => void, again: () => void, story: () => void }} actions
 */
export function makeCard(id, { keep, again, story }) {
  const head = make("h3");
  head.id = `head-${id}`;
  const question = make("div", "question");
  question.dir = "auto";
  const acts = group("div", "acts", button("", keep, "act keep"), button("Regenerate", again, "act again"), button("Open in Explore", story, "act story"));
  const card = group("article", "", group("div", "top", head, acts), question, make("ol", "chips"), make("p", "note"),
    make("p", "why"), make("div", "groups"), make("p", "facts"));
  card.dataset.question = id;
  card.setAttribute("aria-labelledby", head.id);
  return card;
}

/**
 * @param {HTMLElement} card
 * @param {Question} question
 * @param {CardState} state
 */
export function drawCard(card, question, { title, kept, busy }) {
  setMessage(find(card, "h3"), title);
  setMessage(find(card, ".facts"), question.facts);
  setWritten(find(card, ".question"), question.texts[QUESTION] ?? "", question.ended);
  find(card, ".question").classList.toggle("writing", question.writing);
  drawChips(find(card, ".chips"), question.chips);
  setMessage(find(card, ".note"), question.note);
  setMessage(find(card, ".why"), question.why);
  drawGroups(find(card, ".groups"), question);
  find(card, ".acts").hidden = !question.ended;
  const keep = find(card, ".keep", HTMLButtonElement);
  setText(keep, kept ? "Kept" : "Keep");
  keep.disabled = kept || !question.may_keep;
  find(card, ".again", HTMLButtonElement).disabled = busy;
}

/**
 * @param {HTMLElement} list
 * @param {Chip[]} chips
 */
export function drawChips(list, chips) {
  fit(list, chips.length, "li");
  chips.forEach((chip, i) => {
    const className = `chip ${chip.state}`;
    if (list.children[i].className !== className) list.children[i].className = className;
    setText(list.children[i], chip.text);
  });
}

function makeSolution() {
  const text = make("div", "text");
  text.dir = "auto";
  const fold = group("details", "", make("summary", "", "Reasoning"), make("div", "text"));
  fold.hidden = true;
  const bar = group("div", "bar", make("div"));
  return group("div", "solution", group("p", "sample", make("span", "title"), make("span", "times")), bar, fold, text);
}

/**
 * @param {HTMLElement} box
 * @param {Question} question
 */
function drawGroups(box, question) {
  const { groups } = question;
  const shape = groups.map(({ solutions }) => solutions.join(" ")).join("|");
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.replaceChildren(...groups.map(({ solutions }) => {
      const columns = group("div", "columns", ...solutions.map(makeSolution));
      return group("section", "", group("h4", "", make("span", "answer"), make("span", "agree")), columns);
    }));
  }
  groups.forEach((answer, i) => {
    const section = box.children[i];
    drawHead(section, answer);
    answer.solutions.forEach((numbers, k) => {
      const solution = find(section, ".columns").children[k];
      if (solution instanceof HTMLElement) drawSolution(solution, numbers, question);
    });
  });
}

/**
 * @param {Element} section
 * @param {AnswerGroup} answer
 */
function drawHead(section, { title, answer }) {
  const place = find(section, ".answer");
  if (answer !== null && place.dataset.answer !== answer) {
    place.dataset.answer = answer;
    setText(place, answer);
    drawAnswer(place, answer);
  }
  place.hidden = answer === null;
  setText(find(section, ".agree"), title);
}

/**
 * One solution, or several with the same text.
 * @param {HTMLElement} box
 * @param {number[]} numbers
 * @param {Question} question
 */
function drawSolution(box, numbers, { samples, texts, ended }) {
  const sample = samples.find(({ number }) => number === numbers[0]);
  if (!sample) return;
  box.classList.toggle("chosen", sample.chosen);
  setText(find(box, ".title"), sample.title);
  const times = find(box, ".times");
  setMessage(times, numbers.length > 1 ? `×${numbers.length}` : "");
  times.title = numbers.length > 1 ? `Samples ${numbers.join(", ")} have the same text.` : "";
  const bar = find(box, ".bar");
  bar.hidden = sample.bar === null;
  find(bar, "div").style.width = `${4 + 96 * (sample.bar ?? 0)}%`;
  const reasoning = texts[`${sample.number}r`] ?? "";
  const fold = find(box, "details");
  fold.hidden = !reasoning;
  if (reasoning) setWritten(find(fold, ".text"), reasoning, ended);
  setWritten(find(box, ":scope > .text"), texts[String(sample.number)] ?? "", ended);
}
