/** The page's tabs. Gradio draws and mounts them; its own row of buttons is hidden, and the rail replaces it. */

import { TABS } from "./address.js";
import { findAll } from "./dom.js";

/** Gradio's buttons, which have the tabs' names in the address as their ids. */
const buttons = () => findAll(document, '#pages > .tab-wrapper [role="tab"]', HTMLButtonElement);

/** @param {string} tab - its name in the address */
export function openTab(tab) {
  const button = buttons().find((one) => one.dataset.tabId === tab);
  if (button && button.getAttribute("aria-selected") !== "true") button.click();
}

/** The name of the tab in front; null before Gradio has drawn the tabs. */
export function openedTab() {
  const id = buttons().find((one) => one.getAttribute("aria-selected") === "true")?.dataset.tabId ?? null;
  return id !== null && TABS.includes(id) ? id : null;
}

/**
 * Calls back when another tab comes to the front, whatever brought it there, and once at the beginning.
 * @param {(tab: string) => void} action
 */
export function onTabChange(action) {
  /** @type {string | null} */
  let before = null;
  const look = () => {
    const tab = openedTab();
    if (tab === null || tab === before) return;
    before = tab;
    action(tab);
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-selected"] });
  look();
}
