/** The manual's list of topics. Its links, and those between pages of the manual, change the topic within the page. */

import { find, findAll } from "../lib/dom.js";

/** @typedef {{ value: string }} Props - the topic that is shown */

const WIDE = "(min-width: 700px)"; // on narrower pages the list is above the text

/** @param {import("../lib/host.js").Host<Props>} host */
export function mount({ element, props, watch, emit }) {
  const region = find(document, "#help");

  function markCurrent() {
    findAll(element, "a", HTMLAnchorElement).forEach((link) => {
      if (link.dataset.topic === props.value) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
  }

  /** @param {MouseEvent} event */
  function openTopic(event) {
    const link = event.target instanceof Element ? event.target.closest('a[href*="?help="]') : null;
    if (!(link instanceof HTMLAnchorElement)) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens another page
    event.preventDefault();
    emit("topic", { topic: new URL(link.href).searchParams.get("help") });
    if (region.getBoundingClientRect().top < 0) region.scrollIntoView();
  }

  find(element, "details", HTMLDetailsElement).open = matchMedia(WIDE).matches;
  region.addEventListener("click", openTopic);
  watch("value", markCurrent);
  markCurrent();
}
