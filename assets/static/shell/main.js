/** The frame of the page: the rail of tabs, a search, what is running, and the theme; and the browser's history. */

import { addressedTab, addressOf, enterTab, followHistory, setParameters } from "../lib/address.js";
import { button, find, findAll, onActions, partsOf, setMessage, setText, updateKeyed } from "../lib/dom.js";
import { withSearch } from "../explore/filter.js";
import { listen, repeat } from "../lib/lifetime.js";
import { RUNS_CHANGED, SAMPLE_REQUESTED, showInExplore } from "../lib/messages.js";
import { call } from "../lib/requests.js";
import { onTabChange, openTab } from "../lib/tabs.js";
import { isDark, recallDark, setDark } from "../lib/theme.js";
import { drawTextsInPage } from "../lib/text/in_page.js";

/**
 * @typedef {{ tab: string, text: string }} RunningJob
 * @typedef {{ models: string, workspace: string, jobs: RunningJob[] }} Status
 */

const EVERY = 3000; // milliseconds between two questions to the server about what is running
const CALM = 4; // times longer where nothing was running
const TITLE = "ScaleQuest Explorer";
/** Keys of the rail -> how many tabs on. @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** @param {import("../lib/host.js").Host} host */
export function mount({ element, server }) {
  const part = partsOf(element);
  const links = findAll(part("rail"), "a", HTMLAnchorElement);
  /** How far each tab was scrolled. @type {Map<string, number>} */
  const scrolled = new Map();
  let front = addressedTab();
  let waited = 0; // ticks since the last question
  let busy = false;

  /** @param {string} tab */
  function mark(tab) {
    links.forEach((link) => {
      const here = link.dataset.tab === tab;
      link.setAttribute("aria-selected", String(here));
      link.tabIndex = here ? 0 : -1;
      if (here) document.title = tab === "home" ? TITLE : `${link.textContent} · ${TITLE}`;
      if (here) link.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    document.body.dataset.tab = tab;
  }

  /** @param {string} tab */
  function enter(tab) {
    const before = front;
    if (tab !== before) scrolled.set(before, scrollY);
    front = tab;
    if (enterTab(tab) && tab === "help") setParameters({ help: before }, { replace: true }); // every tab has its topic
    mark(tab);
    links.forEach((link) => (link.href = addressOf(link.dataset.tab ?? "home")));
    requestAnimationFrame(() => scrollTo(0, scrolled.get(tab) ?? 0));
    look();
  }

  /** @param {MouseEvent} event */
  function follow(event) {
    const link = event.target instanceof Element ? event.target.closest("a[data-tab]") : null;
    if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return; // another window
    event.preventDefault();
    openTab(link.dataset.tab ?? "home");
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const at = links.findIndex((link) => link === document.activeElement);
    const last = links.length - 1;
    const to = event.key === "Home" ? 0 : event.key === "End" ? last : at + (STEPS[event.key] ?? NaN);
    if (at < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    links[(to + links.length) % links.length].focus();
  }

  async function look() {
    if (document.hidden) return;
    waited = 0;
    /** @type {import("../lib/requests.js").Answer<Status>} */
    const status = await call(server, "shell_status", {});
    if (status.error !== undefined) return; // the next answer says it
    busy = status.jobs.length > 0 || status.models.startsWith("Loading");
    setText(part("models"), status.models);
    setMessage(part("workspace"), status.workspace);
    part("jobs").hidden = !status.jobs.length;
    updateKeyed(part("jobs"), status.jobs, (job) => job.tab, (job) => button("", () => openTab(job.tab), "job"), (made, job) => setText(made, job.text));
  }

  function drawTheme() {
    setText(part("theme"), isDark() ? "Light" : "Dark");
    part("theme").setAttribute("aria-label", `${isDark() ? "Light" : "Dark"} colours`);
  }

  element.addEventListener("click", follow);
  part("rail").addEventListener("keydown", move);
  part("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = find(element, "input", HTMLInputElement);
    if (field.value.trim()) showInExplore({ filter: withSearch({}, field.value, false) });
    field.value = "";
  });
  onActions(element, {
    skip: (event) => {
      event.preventDefault();
      const content = find(document, "#pages");
      content.tabIndex = -1;
      content.focus();
    },
    theme: () => {
      setDark(!isDark());
      drawTheme();
    },
  });
  history.scrollRestoration = "manual";
  followHistory(openTab);
  mark(front);
  recallDark();
  drawTheme();
  let opened = false;
  onTabChange((tab) => {
    if (!opened) openTab(front); // Gradio begins with Home
    const first = !opened && tab !== front;
    opened = true;
    if (!first) enter(tab);
  });
  drawTextsInPage();
  look();
  repeat(element, EVERY, () => (waited += 1) >= (busy ? 1 : CALM) && look());
  [RUNS_CHANGED, SAMPLE_REQUESTED].forEach((name) => listen(element, window, name, look));
}
