/** Texts that grow while they are written, and whose formulas are drawn when no more comes. */

import { drawText } from "../../lib/text/draw.js";

/** What each element shows, and whether its formulas are drawn. @type {WeakMap<Element, { text: string, drawn: boolean }>} */
const shown = new WeakMap();

/**
 * @param {HTMLElement} box
 * @param {string} text
 * @param {boolean} ended
 */
export function setWritten(box, text, ended) {
  const before = shown.get(box);
  if (before?.text === text && before.drawn === ended) return;
  shown.set(box, { text, drawn: ended });
  box.hidden = !text;
  const last = box.lastChild;
  if (ended) drawText(box, text);
  else if (before && !before.drawn && last instanceof Text && text.startsWith(before.text)) last.appendData(text.slice(before.text.length));
  else box.textContent = text;
}
