/**
 * The switch between the table, the map, What if and SQL. The last three are components of their own, which are laid over
 * the middle of Explore: facets and charts stay next to them. What was never shown is not drawn.
 */

import { ADDRESS_CHANGED, addressedTab, getParameter, setParameters } from "../lib/address.js";
import { find, findAll } from "../lib/dom.js";
import { listen } from "../lib/lifetime.js";
import { TABLE_REQUESTED } from "../lib/messages.js";

const TABLE = "table";
const VIEWS = [TABLE, "map", "whatif", "sql"];

/** @param {import("./app.js").App} app */
export function mountViews({ element, part }) {
  const tabs = findAll(part("switch"), "[role=tab]", HTMLButtonElement);
  const space = part("view-space");
  const sectionOf = (/** @type {string} */ view) => document.getElementById(`${view}-section`);
  let shown = TABLE;

  /** Lays the section that is shown over the space that is left for it. */
  function place() {
    const section = sectionOf(shown);
    const page = element.closest("#page-explore");
    if (!section || !page || space.hidden) return;
    const [area, outer] = [space.getBoundingClientRect(), page.getBoundingClientRect()];
    const isWide = getComputedStyle(part("middle")).display === "flex";
    Object.assign(section.style, {
      left: `${area.left - outer.left}px`,
      top: `${area.top - outer.top}px`,
      width: `${area.width}px`,
      height: isWide ? `${area.height}px` : "auto",
    });
    space.style.height = isWide ? "" : `${section.scrollHeight}px`;
  }

  /** @param {string} view */
  function show(view) {
    shown = VIEWS.includes(view) ? view : TABLE;
    part("middle").dataset.shown = shown;
    space.hidden = shown === TABLE;
    tabs.forEach((tab) => {
      const isOn = tab.dataset.view === shown;
      tab.setAttribute("aria-selected", String(isOn));
      tab.tabIndex = isOn ? 0 : -1;
    });
    VIEWS.slice(1).forEach((name) => {
      const section = sectionOf(name);
      section?.classList.toggle("is-shown", name === shown);
      if (section) observer.observe(section);
    });
    place();
  }

  /** @param {string} view */
  function choose(view) {
    setParameters({ view: view === TABLE ? null : view });
    show(view);
  }

  const observer = new ResizeObserver(place);
  [element, space, part("middle")].forEach((one) => observer.observe(one));
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab.dataset.view ?? TABLE));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[(i + step + tabs.length) % tabs.length];
      next.focus();
      choose(next.dataset.view ?? TABLE);
    });
  });
  listen(element, window, ADDRESS_CHANGED, () => addressedTab() === "explore" && show(getParameter("view") ?? TABLE));
  listen(element, window, TABLE_REQUESTED, () => {
    choose(TABLE);
    const row = part("table").querySelector("tbody tr");
    if (row instanceof HTMLElement) row.focus();
    else find(part("switch"), "[aria-selected=true]").focus();
  });
  show(getParameter("view") ?? TABLE);
}
