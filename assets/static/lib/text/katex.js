/** Formulas by KaTeX, which the app serves from the installed Gradio. Its elements are made once and copied. */

import { make } from "../dom.js";
import { MACROS, toKatex } from "./tex.js";

/**
 * @typedef {object} Katex
 * @property {(tex: string, place: HTMLElement, options: object) => void} render
 * @typedef {{ tex: string, display: boolean }} Formula
 */

const CACHED = 2000; // formulas
const UNKNOWN = "var(--unknown-latex)"; // the colour by which commands that KaTeX lacks are found

/** @type {Map<string, HTMLElement | null>} */
const made = new Map();
/** @type {Katex | null} */
let katex = null;
/** @type {Promise<unknown> | null} */
let loading = null;

/** KaTeX and its stylesheet, loaded once for the page; without them texts stay as they were written. */
export function loadKatex() {
  loading ??= (async () => {
    const style = make("link");
    style.rel = "stylesheet";
    style.href = new URL("../../../../vendor/katex/katex.css", import.meta.url).href;
    document.head.append(style);
    katex = (await import(new URL("../../../../vendor/katex/katex.js", import.meta.url).href)).default;
  })();
  return loading;
}

/** @param {Formula} formula */
const keyOf = ({ tex, display }) => `${display ? "display" : "line"} ${tex}`;

/** Whether a formula can be drawn at no cost. @param {Formula} formula */
export const isMade = (formula) => made.has(keyOf(formula));

/**
 * A new element of the formula; null where it cannot be drawn, or not yet.
 * @param {Formula} formula
 */
export function makeFormula(formula) {
  const key = keyOf(formula);
  const found = made.get(key);
  if (found !== undefined) return found && copyOf(found);
  if (!katex) return null;
  const element = render(katex, formula);
  made.set(key, element);
  const [oldest] = made.keys();
  if (made.size > CACHED) made.delete(oldest);
  return element && copyOf(element);
}

/** @param {HTMLElement} element */
const copyOf = (element) => /** @type {HTMLElement} */ (element.cloneNode(true));

/**
 * @param {Katex} renderer
 * @param {Formula} formula
 */
function render(renderer, { tex, display }) {
  const accepted = toKatex(tex, display);
  if (accepted === null) return null;
  const place = make("span");
  try {
    renderer.render(accepted, place, {
      displayMode: display,
      throwOnError: false, // a command that it lacks is written out within the formula
      errorColor: UNKNOWN,
      strict: "ignore",
      trust: false,
      maxExpand: 500,
      maxSize: 12,
      macros: { ...MACROS },
    });
  } catch {
    return null;
  }
  const element = place.firstElementChild;
  if (!(element instanceof HTMLElement) || element.classList.contains("katex-error")) return null;
  const seen = element.querySelector(".katex-html");
  const unknown = [...(seen?.querySelectorAll(`[style*="${UNKNOWN}"]`) ?? [])];
  const lengthOf = (/** @type {Node | null} */ node) => node?.textContent?.replace(/[\s\u200b]/g, "").length ?? 0;
  const leaves = unknown.filter((command) => !command.querySelector(`[style*="${UNKNOWN}"]`));
  if (unknown.length && leaves.reduce((sum, leaf) => sum + lengthOf(leaf), 0) >= lengthOf(seen)) return null; // nothing else
  unknown.forEach((command) => {
    command.classList.add("unknown-latex");
    command.setAttribute("title", "This command cannot be drawn");
  });
  return element;
}
