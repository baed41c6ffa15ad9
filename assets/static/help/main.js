/** The manual's list of topics. Its links, and those between pages of the manual, change the topic within the page. */

import { ADDRESS_CHANGED, getParameter, parseAddress, setParameters } from "../lib/address.js";
import { find, findAll } from "../lib/dom.js";
import { listen, onShownChange } from "../lib/lifetime.js";

/** @typedef {{ value: string }} Props - the topic that is shown */

const WIDE = "(min-width: 700px)"; // on narrower pages the list is above the text
const INDEX = "index";

/** @param {import("../lib/host.js").Host<Props>} host */
export function mount({ element, props, watch, emit }) {
  const region = find(document, "#help");

  function markCurrent() {
    findAll(element, "a", HTMLAnchorElement).forEach((link) => {
      if (link.dataset.topic === props.value) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
  }

  /** Shows the topic that the address names. */
  function show() {
    const topic = getParameter("help") ?? INDEX;
    if (topic !== props.value) emit("topic", { topic });
  }

  /** @param {MouseEvent} event */
  function openTopic(event) {
    const link = event.target instanceof Element ? event.target.closest('a[href*="help/"]') : null;
    if (!(link instanceof HTMLAnchorElement)) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens another page
    const { tab, parameters } = parseAddress(link.href, document.baseURI);
    if (tab !== "help") return;
    event.preventDefault();
    setParameters({ help: parameters.help ?? INDEX });
    show();
    if (region.getBoundingClientRect().top < 0) region.scrollIntoView();
  }

  find(element, "details", HTMLDetailsElement).open = matchMedia(WIDE).matches;
  region.addEventListener("click", openTopic);
  listen(element, window, ADDRESS_CHANGED, show);
  onShownChange(element, (shown) => shown && show());
  watch("value", markCurrent);
  markCurrent();
  show();
}
