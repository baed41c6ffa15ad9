/**
 * Formulas. A text first appears as it was written; a hidden component of Gradio renders its Markdown when no key was
 * pressed for a moment, one text after the other, those of the next card ahead. Its output is copied into the card.
 */

/** @typedef {{ text: string, markdown: string | null }} Text - `markdown`: null without formulas */

const PAUSE = 180; // milliseconds without a key before a text is rendered: KaTeX blocks the page
const TIMEOUT = 4000;
const CACHED = 40;
const QUEUED = 8;

export class Formulas {
  /**
   * @param {HTMLElement} card - its `.written` elements are replaced when they are rendered
   * @param {() => void} render - makes Gradio render the `data-markdown` of the hidden component
   */
  constructor(card, render) {
    this.card = card;
    this.render = render;
    /** @type {Map<string, DocumentFragment>} */
    this.rendered = new Map();
    /** The Markdown that an element waits for. @type {WeakMap<Element, string>} */
    this.sources = new WeakMap();
    /** @type {string[]} */
    this.waiting = [];
    this.isRendering = false;
    this.count = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * @param {HTMLElement} node
   * @param {Text} text
   */
  fill(node, { text, markdown }) {
    node.classList.remove("is-rendered");
    node.textContent = text;
    node.dir = "auto";
    if (!markdown) {
      this.sources.delete(node);
      return;
    }
    this.sources.set(node, markdown);
    if (this.rendered.has(markdown)) this.draw(node, markdown);
    else this.request(markdown);
  }

  /**
   * @param {Element} node
   * @param {string} markdown
   */
  draw(node, markdown) {
    const made = this.rendered.get(markdown);
    if (!made) return;
    node.replaceChildren(made.cloneNode(true));
    node.classList.add("is-rendered");
  }

  /**
   * @param {string} markdown
   * @param {boolean} [ahead] - for a card that is not shown yet
   */
  request(markdown, ahead = false) {
    if (this.rendered.has(markdown)) return;
    const others = this.waiting.filter((other) => other !== markdown);
    this.waiting = (ahead ? [...others, markdown] : [markdown, ...others]).slice(0, QUEUED);
    this.scheduleRender();
  }

  /** Renders the next text after a pause; each call begins the pause again. */
  scheduleRender() {
    clearTimeout(this.timer);
    if (this.waiting.length && !this.isRendering) this.timer = setTimeout(() => this.renderNext(), PAUSE);
  }

  renderNext() {
    const place = document.getElementById("curate-formulas");
    const markdown = place && !this.isRendering ? this.waiting.shift() : undefined;
    if (!place || markdown === undefined) return;
    this.count += 1;
    const marker = `text ${this.count}`; // its first paragraph, which tells this output from the one before
    const finish = (/** @type {Element | null} */ prose) => {
      clearTimeout(timeout);
      observer.disconnect();
      this.isRendering = false;
      if (prose) this.keep(markdown, prose);
      this.scheduleRender();
    };
    const timeout = setTimeout(() => finish(null), TIMEOUT);
    const observer = new MutationObserver(() => {
      const prose = place.querySelector("p")?.parentElement;
      if (prose?.firstElementChild?.textContent?.trim() !== marker || prose.textContent?.includes("⟦")) return;
      finish(prose);
    });
    this.isRendering = true;
    observer.observe(place, { childList: true, subtree: true, characterData: true });
    place.dataset.markdown = `${marker}\n\n${markdown}`;
    this.render();
  }

  /**
   * @param {string} markdown
   * @param {Element} prose
   */
  keep(markdown, prose) {
    const made = document.createDocumentFragment();
    prose.childNodes.forEach((node) => node !== prose.firstElementChild && made.append(node.cloneNode(true)));
    this.rendered.set(markdown, made);
    const [oldest] = this.rendered.keys();
    if (this.rendered.size > CACHED) this.rendered.delete(oldest);
    this.card.querySelectorAll(".written").forEach((node) => this.sources.get(node) === markdown && this.draw(node, markdown));
  }
}
