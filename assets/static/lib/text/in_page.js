/** Texts within Markdown that the server wrote (ui/web/latex.py): drawn as soon as they are on the page. */

import { drawAnswer, drawText } from "./draw.js";

const WRITTEN = ".model-text:not(.is-drawn)";

/** Draws the texts that are on the page and those that come. */
export function drawTextsInPage() {
  drawIn(document.body);
  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) if (node instanceof HTMLElement) drawIn(node);
    }
  }).observe(document.body, { childList: true, subtree: true });
}

/** @param {HTMLElement} root */
function drawIn(root) {
  if (root.matches(WRITTEN)) draw(root);
  root.querySelectorAll(WRITTEN).forEach((box) => box instanceof HTMLElement && draw(box));
}

/** @param {HTMLElement} box */
function draw(box) {
  const text = box.textContent ?? "";
  if (box.classList.contains("is-answer")) drawAnswer(box, text);
  else drawText(box, text);
}
