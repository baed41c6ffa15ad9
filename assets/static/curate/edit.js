/** Editing the question, its solution and its answer. Formulas and changes are drawn while one types. */

import { button, findAll, group, make } from "../lib/dom.js";
import { drawText } from "../lib/text/draw.js";
import { chosenIndex, drawCard, shownIndex } from "./card.js";
import { getDecidable } from "./decide.js";
import { makeDiff } from "./diff.js";
import { closeOnEscape, closePane, lengthProblem, onFieldKeys, openPane } from "./panes.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").Card} Card
 * @typedef {import("./app.js").Field} Field
 */

/** @type {[Field, string][]} */
const TITLES = [["query", "Question"], ["response", "Solution"], ["answer", "Answer"]];
const TITLE_OF = Object.fromEntries(TITLES);
const TYPING = 150; // milliseconds without a key until the changes are drawn

/**
 * What an edit begins with: the solution that is shown, with its edits if it is the chosen one.
 * @param {App} app
 * @param {Card} card
 */
function textsOf(app, card) {
  const index = shownIndex(app, card);
  const sample = card.samples[index];
  if (!sample) return { query: card.raw.query };
  const isOwn = index === chosenIndex(card) && card.raw.response !== null;
  const solution = isOwn ? card.raw : { response: sample.raw, answer: sample.answer };
  return { query: card.raw.query, response: solution.response ?? "", answer: solution.answer ?? "" };
}

/**
 * Why the changes can't be saved; empty where they can.
 * @param {[Field, string][]} changes
 * @param {number} most - characters
 */
export function changesProblem(changes, most) {
  const empty = changes.find(([, text]) => !text.trim());
  if (empty) return `${TITLE_OF[empty[0]]} is empty. Enter a text, or press Esc to cancel.`;
  return changes.map(([field, text]) => lengthProblem(`The ${TITLE_OF[field].toLowerCase()}`, text, most)).find(Boolean) ?? "";
}

/** @param {App} app */
export function openEdit(app) {
  const card = getDecidable(app);
  if (!card) return;
  /** @type {Partial<Record<Field, string>>} */
  const texts = textsOf(app, card);
  const preview = make("div");
  preview.setAttribute("role", "status");
  const labels = TITLES.filter(([field]) => texts[field] !== undefined).map(([field, title]) => {
    const area = make("textarea");
    area.name = field;
    area.value = texts[field] ?? "";
    area.dir = "auto";
    area.rows = field === "answer" ? 1 : 6;
    const drawn = make("div", "drawn");
    drawn.dataset.of = field;
    drawn.tabIndex = 0; // a long text scrolls
    drawn.setAttribute("role", "region");
    drawn.setAttribute("aria-label", `${title} as it will be shown`);
    return group("div", "sidebyside", group("label", "tall", title, area), group("div", "tall", group("div", "quiet", `${title} as it will be shown`), drawn));
  });
  const areas = labels.flatMap((label) => findAll(label, "textarea", HTMLTextAreaElement));
  const changesOf = () => areas.map(({ name, value }) => /** @type {[Field, string]} */ ([name, value]))
    .filter(([field, text]) => text !== (card.raw[field] ?? ""));
  const drawnOf = (/** @type {HTMLTextAreaElement} */ { name }) => findAll(app.part("pane"), `[data-of="${name}"]`)[0];
  /** @param {HTMLTextAreaElement} area */
  const drawFormulas = (area) => drawnOf(area) && drawText(drawnOf(area), area.value);
  const drawPreview = () => {
    const diffs = changesOf().flatMap(([field, text]) => [make("h3", "", `Changes of the ${TITLE_OF[field].toLowerCase()}`), makeDiff(card.raw[field] ?? "", text)]);
    preview.replaceChildren(...(diffs.length ? diffs : [make("p", "quiet", "No changes yet.")]));
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const close = () => closePane(app);
  const save = () => {
    clearTimeout(typing); // the preview must not replace an error
    const changes = changesOf();
    const problem = changesProblem(changes, app.props.longest_text);
    if (problem) preview.replaceChildren(make("p", "message is-error", problem));
    else if (changes.length) keepEdit(app, card, changes);
    else close();
  };
  areas.forEach((area) => {
    area.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        drawPreview();
        drawFormulas(area);
      }, TYPING);
    });
    onFieldKeys(area, save, close);
  });
  drawPreview();
  const buttons = group("div", "line ends", button("Save (Ctrl-Enter)", save, "main"), button("Cancel (Esc)", close));
  const pane = { kind: "edit", onKey: closeOnEscape(app), hasUnsaved: () => changesOf().length > 0 };
  openPane(app, pane, [...labels, preview, buttons]);
  areas.forEach(drawFormulas);
  areas[0].focus();
}

/**
 * @param {App} app
 * @param {Card} card
 * @param {[Field, string][]} changes
 */
function keepEdit(app, card, changes) {
  closePane(app);
  app.record("edit", Object.fromEntries(changes), card.id);
  changes.forEach(([field, text]) => {
    card.original[field] ??= card.raw[field] ?? "";
    card.raw[field] = text;
    card[field] = text;
  });
  app.report("Edited; the original is kept. Press u to undo.");
  drawCard(app);
}
