/**
 * One Tab stop for a group of alike controls: arrow keys, Home and End move within it. Tab then takes a keyboard past a
 * list of fifty values in one step.
 */

import { findAll } from "./dom.js";

/** @typedef {readonly [group: string, items: string]} Group - selectors of the groups, and of the items within one */

const STEPS = /** @type {Record<string, 1 | -1>} */ ({ ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 });

/** @param {HTMLElement} item */
const isUsable = (item) => item.closest("[hidden]") === null && !item.matches(":disabled");

/**
 * @param {HTMLElement} group
 * @param {string} items
 */
const usableItems = (group, items) => findAll(group, items).filter(isUsable);

/**
 * @param {readonly HTMLElement[]} items
 * @param {HTMLElement | undefined} current
 */
const setCurrent = (items, current) => items.forEach((item) => (item.tabIndex = item === current ? 0 : -1));

/**
 * The index that a key leads to; null for another key, or where the group ends.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 */
export function indexAfter(key, at, count) {
  const to = key === "Home" ? 0 : key === "End" ? count - 1 : key in STEPS ? at + STEPS[key] : null;
  return to !== null && to !== at && to >= 0 && to < count ? to : null;
}

/**
 * Keeps one Tab stop in each group, whatever is drawn in it later.
 * @param {HTMLElement} root
 * @param {readonly Group[]} groups
 */
export function rove(root, groups) {
  const update = () => groups.forEach(([selector, items]) => findAll(root, selector).forEach((group) => {
    const usable = usableItems(group, items);
    const stops = usable.filter((item) => item.tabIndex === 0);
    if (stops.length === 1) return;
    const focused = usable.find((item) => item === document.activeElement);
    setCurrent(usable, focused ?? usable.find((item) => item.matches(":checked, [aria-pressed=true]")) ?? usable[0]);
  }));

  /** The group of an item and its place there. @param {EventTarget | null} target */
  function placeOf(target) {
    if (!(target instanceof HTMLElement)) return null;
    for (const [selector, items] of groups) {
      const group = target.matches(items) ? target.closest(selector) : null;
      if (group instanceof HTMLElement) {
        const usable = usableItems(group, items);
        if (usable.includes(target)) return { usable, at: usable.indexOf(target) };
      }
    }
    return null;
  }

  let isPlanned = false;
  new MutationObserver(() => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      update();
    });
  }).observe(root, { childList: true, subtree: true, attributeFilter: ["hidden", "disabled"] });
  root.addEventListener("focusin", ({ target }) => {
    const place = placeOf(target);
    if (place) setCurrent(place.usable, place.usable[place.at]);
  });
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = placeOf(event.target);
    const to = place && indexAfter(event.key, place.at, place.usable.length);
    if (place === null || to === null) return;
    event.preventDefault();
    place.usable[to].focus();
  });
  update();
}
