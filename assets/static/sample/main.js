/**
 * The cards of a live run: each question with its stages as chips and its solutions side by side. When the value changes
 * it touches only what is different, so that a reader's place and focus stay.
 */

import { button, find, fit, group, make, partsOf, setMessage, setText, updateKeyed } from "../lib/dom.js";
import { drawText } from "../lib/text/draw.js";

/**
 * @typedef {{ number: number, title: string, reasoning: string, text: string, chosen: boolean }} Solution
 * @typedef {{ title: string, numbers: string }} AnswerGroup - the numbers of its solutions, with spaces between
 * @typedef {{ state: string, text: string }} Chip
 * @typedef {object} Card
 * @property {string} id
 * @property {string} title
 * @property {string} facts
 * @property {string} text
 * @property {boolean} writing
 * @property {Chip[]} chips
 * @property {string} note
 * @property {AnswerGroup[]} groups
 * @property {Solution[]} samples
 * @property {string} why
 * @property {boolean} ended
 * @property {string} keep - what the button says
 * @property {boolean} may_keep
 * @property {boolean} may_regenerate
 * @typedef {{ number?: number, status?: string, numbers?: string, stored?: string, cards?: Card[] }} Snapshot
 */

/**
 * The numbers of the solutions of a group.
 * @param {AnswerGroup} answer
 */
const solutionsOf = (answer) => answer.numbers.split(" ");

function makeSolution() {
  const text = make("div", "text");
  text.dir = "auto";
  const fold = group("details", "", make("summary", "", "Reasoning"), make("div", "text"));
  fold.hidden = true;
  return group("div", "solution", make("p", "sample"), fold, text);
}

/**
 * @param {HTMLElement} box
 * @param {Card} card
 */
function drawGroups(box, { groups, samples, ended }) {
  const shape = groups.map((answer) => answer.numbers).join("|");
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.replaceChildren(...groups.map((answer) => {
      const columns = group("div", "columns", ...solutionsOf(answer).map(makeSolution));
      return group("section", "", make("h4"), columns);
    }));
  }
  const byNumber = new Map(samples.map((sample) => [String(sample.number), sample]));
  groups.forEach((answer, i) => {
    const section = box.children[i];
    setMessage(find(section, "h4"), answer.title);
    solutionsOf(answer).forEach((number, k) => {
      const sample = byNumber.get(number);
      const solution = find(section, ".columns").children[k];
      if (!sample) return;
      solution.classList.toggle("chosen", sample.chosen);
      setMessage(find(solution, ".sample"), sample.title);
      const fold = find(solution, "details");
      fold.hidden = !sample.reasoning;
      if (sample.reasoning) setWritten(find(fold, ".text"), sample.reasoning, ended);
      setWritten(find(solution, ":scope > .text"), sample.text, ended);
    });
  });
}

/** The texts whose formulas are drawn. @type {WeakMap<Element, string>} */
const drawnTexts = new WeakMap();

/**
 * A text as it is written; its formulas once no more comes.
 * @param {HTMLElement} box
 * @param {string} text
 * @param {boolean} ended
 */
function setWritten(box, text, ended) {
  if (!ended) setMessage(box, text);
  else if (drawnTexts.get(box) !== text) {
    drawnTexts.set(box, text);
    box.hidden = !text;
    drawText(box, text);
  }
}

/**
 * @param {HTMLElement} list
 * @param {Chip[]} chips
 */
function drawChips(list, chips) {
  fit(list, chips.length, "li");
  chips.forEach((chip, i) => {
    list.children[i].className = `chip ${chip.state}`;
    setText(list.children[i], chip.text);
  });
}

/**
 * @param {HTMLElement} card
 * @param {string} name
 * @param {string} text
 * @param {boolean} enabled
 */
function drawButton(card, name, text, enabled) {
  const made = find(card, `.${name}`, HTMLButtonElement);
  setMessage(made, text);
  made.disabled = !enabled;
}

/**
 * @param {HTMLElement} element
 * @param {Card} card
 */
function drawCard(element, card) {
  setMessage(find(element, "h3"), card.title);
  setMessage(find(element, ".facts"), card.facts);
  setWritten(find(element, ".question"), card.text, card.ended);
  find(element, ".question").classList.toggle("writing", card.writing);
  drawChips(find(element, ".chips"), card.chips);
  setMessage(find(element, ".note"), card.note);
  drawGroups(find(element, ".groups"), card);
  setMessage(find(element, ".why"), card.why);
  find(element, ".acts").hidden = !card.ended;
  drawButton(element, "keep", card.keep, card.may_keep);
  drawButton(element, "again", "Regenerate", card.may_regenerate);
}

/** @param {import("../lib/host.js").Host<{ value: Snapshot | null }>} host */
export function mount({ element, props, watch, emit }) {
  const part = partsOf(element);
  let newest = 0;

  /** @param {Card} card */
  function makeCard({ id }) {
    const head = make("h3");
    head.id = `head-${id}`;
    const question = make("div", "question");
    question.dir = "auto";
    const buttons = [["keep", "keep"], ["again", "regenerate"]];
    const acts = group("div", "acts", ...buttons.map(([name, event]) => button("", () => emit(event, { id }), `act ${name}`)));
    const card = group("article", "", head, make("p", "facts"), question, make("ol", "chips"), make("p", "note"),
      make("div", "groups"), make("p", "why"), acts);
    card.dataset.question = id;
    card.setAttribute("aria-labelledby", head.id);
    return card;
  }

  function draw() {
    const { number = 0, status = "", numbers = "", stored = "", cards = [] } = props.value ?? {};
    if (number < newest) return;
    newest = number;
    setText(part("status"), status);
    setMessage(part("numbers"), numbers);
    setMessage(part("stored"), stored);
    updateKeyed(part("cards"), cards, (card) => card.id, makeCard, drawCard);
  }

  watch("value", draw);
  draw();
}
