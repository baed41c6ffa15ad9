/** The page's tabs. They are Gradio's and have no address, so they are found by their names. */

import { getParameter } from "./address.js";

/** @param {string} name */
export function openTab(name) {
  // A narrow page folds some tabs into a menu.
  const tabs = document.querySelectorAll('[role="tab"], .overflow-dropdown button');
  tabs.forEach((tab) => {
    const selected = tab.getAttribute("aria-selected") === "true";
    if (tab instanceof HTMLElement && tab.textContent?.trim() === name && !selected) tab.click();
  });
}

/** Opens the tab that the page's address is about, if it is about one. */
export function openAddressedTab() {
  if (getParameter("curate") !== null) openTab("Curate");
  else if (getParameter("sample") !== null) openTab("Sample");
  else if (["filter", "sort", "row"].some((name) => getParameter(name) !== null)) openTab("Explore");
}
