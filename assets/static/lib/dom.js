/** Making, finding and changing elements. Texts are set as texts, never as HTML. */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * @param {string} text
 * @param {(event: MouseEvent) => void} action
 * @param {string} [className]
 */
export function button(text, action, className) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

/**
 * A `div` or another container of these children.
 * @param {keyof HTMLElementTagNameMap} tag
 * @param {string} className
 * @param {...(Node | string)} children
 */
export function group(tag, className, ...children) {
  const made = make(tag, className);
  made.append(...children);
  return made;
}

/**
 * Sets a text only where it differs, so that a reader's selection stays and screen readers don't repeat it.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Sets a text, and hides the element where there is none.
 * @param {HTMLElement} node
 * @param {string | null | undefined} text
 */
export function setMessage(node, text) {
  setText(node, text || "");
  node.hidden = !text;
}

/**
 * The first element of a selector. Error: there is none, or it is of another kind.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`There is no ${selector} here.`);
  return /** @type {Kind} */ (found);
}

/**
 * All elements of a selector that are of a kind.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind[]}
 */
export function findAll(root, selector, kind) {
  const found = [...root.querySelectorAll(selector)].filter((element) => element instanceof (kind ?? HTMLElement));
  return /** @type {Kind[]} */ (found);
}

/**
 * The parts of a component by their `data-part`: `part("name")`, or `part("name", HTMLInputElement)`.
 * @typedef {<Kind extends HTMLElement = HTMLElement>(name: string, kind?: new () => Kind) => Kind} Parts
 */

/**
 * @param {HTMLElement} root
 * @returns {Parts}
 */
export const partsOf = (root) => (name, kind) => find(root, `[data-part="${name}"]`, kind);

/**
 * Runs the action that a clicked element names in its `data-do`.
 * @param {HTMLElement} root
 * @param {Record<string, (event: MouseEvent) => unknown>} actions
 */
export function onActions(root, actions) {
  root.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest("[data-do]") : null;
    if (!(pressed instanceof HTMLElement) || (pressed instanceof HTMLButtonElement && pressed.disabled)) return;
    actions[pressed.dataset.do ?? ""]?.(event);
  });
}

/**
 * Removes children or appends new ones until there are `count`.
 * @param {Element} parent
 * @param {number} count
 * @param {keyof HTMLElementTagNameMap | (() => Element)} child - a tag, or what makes a child
 */
export function fit(parent, count, child) {
  while (parent.children.length > count) parent.lastElementChild?.remove();
  while (parent.children.length < count) parent.append(typeof child === "string" ? make(child) : child());
}

/**
 * Updates the children of a parent, one for each entry in order, found again by its key: what has the focus or is
 * scrolled stays so.
 * @template Entry
 * @template {HTMLElement} Child
 * @param {Element} parent
 * @param {readonly Entry[]} entries
 * @param {(entry: Entry) => unknown} key
 * @param {(entry: Entry) => Child} create
 * @param {(child: Child, entry: Entry) => void} fill
 * @param {(child: Child) => void} [remove] - called before a child without an entry goes
 */
export function updateKeyed(parent, entries, key, create, fill, remove) {
  const before = new Map(/** @type {Child[]} */ ([...parent.children]).map((child) => [child.dataset.key, child]));
  entries.forEach((entry, i) => {
    const name = JSON.stringify(key(entry));
    const child = before.get(name) ?? create(entry);
    child.dataset.key = name;
    before.delete(name);
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
    fill(child, entry);
  });
  before.forEach((child) => {
    remove?.(child);
    child.remove();
  });
}

/**
 * Options of a select, as `[value, text]`.
 * @param {HTMLSelectElement} select
 * @param {Iterable<readonly [string, string]>} options
 */
export function setOptions(select, options) {
  select.replaceChildren(...[...options].map(([value, text]) => new Option(text, value)));
}
