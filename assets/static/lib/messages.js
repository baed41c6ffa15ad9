/**
 * What components say to each other, as events of the window. Gradio puts a component on the page when its tab is first
 * opened, so a request to one that isn't there yet waits here.
 */

import { setParameters } from "./address.js";
import { listen } from "./lifetime.js";
import { openTab } from "./tabs.js";

/**
 * What Explore is asked to show: a filter, or its search field. A row is shown over the open tab.
 * @typedef {{ filter?: Record<string, unknown>, row?: string, search?: boolean }} ExploreRequest
 */

/** Sent when the filter in the address has changed or was confirmed. */
export const FILTER_CHANGED = "explore-address";
/** Sent when the row in the address has changed: another question is open, or none. */
export const ROW_CHANGED = "row-address";
/** Sent when a saved view was added by another component. */
export const VIEWS_CHANGED = "explore-views";
/** Sent when decisions were made or taken back outside of the open queue. */
export const DECISIONS_CHANGED = "curate-changed";
/** Sent when all decisions of the open queue are stored. */
export const DECISIONS_SAVED = "curate-saved";
/** Sent when a queue of the disagreements is wanted. */
export const SETTLING_REQUESTED = "curate-settle";
/** Sent when a live run of this page has ended. */
export const RUNS_CHANGED = "runs-changed";
/** Sent to start a live run with Sample's settings. */
export const SAMPLE_REQUESTED = "sample-start";
const SAMPLE_SHOWN = "sample-ask";
/** Sent to show Explore's table in place of the map, or of another view. */
export const TABLE_REQUESTED = "explore-table";
const ROW_CLOSED = "row-closed";
const EXPLORE_REQUESTED = "explore-ask";
const REVIEW_REQUESTED = "curate-ask";

/** @type {ExploreRequest | null} */
let exploreRequest = null;
let reviewRequested = false;
/** @type {string | null} */
let sampleRequest = null;

/** @param {string} name */
export const announce = (name) => window.dispatchEvent(new CustomEvent(name));

/**
 * Shows the story of a question over the open tab; null closes it.
 * @param {string | null} id
 */
export function openRow(id) {
  setParameters({ row: id });
  announce(ROW_CHANGED);
}

/**
 * Says that the story of a question was closed, and that what opened it can't have the focus any more.
 * @param {string} id
 */
export const announceRowClosed = (id) => window.dispatchEvent(new CustomEvent(ROW_CLOSED, { detail: id }));

/**
 * @param {HTMLElement} element
 * @param {(id: string) => void} handler
 */
export const onRowClosed = (element, handler) =>
  listen(element, window, ROW_CLOSED, (event) => handler(event.detail));

/** @param {ExploreRequest} request */
export function showInExplore(request) {
  if (request.row) {
    openRow(request.row);
    return;
  }
  const { filter } = request;
  // Explore opens with it: a step of the history to the tab, and not another one to the filter.
  if (filter) setParameters({ filter: Object.keys(filter).length ? JSON.stringify(filter) : null });
  exploreRequest = request;
  openTab("explore");
  window.dispatchEvent(new CustomEvent(EXPLORE_REQUESTED));
}

/**
 * @param {HTMLElement} element
 * @param {(request: ExploreRequest) => void} handler
 */
export function onExploreRequest(element, handler) {
  const handle = () => {
    const request = exploreRequest;
    exploreRequest = null;
    if (request) handler(request);
  };
  listen(element, window, EXPLORE_REQUESTED, handle);
  return handle;
}

/** Asks Curate to review what Explore shows. */
export function requestReview() {
  reviewRequested = true;
  openTab("curate");
  window.dispatchEvent(new CustomEvent(REVIEW_REQUESTED));
}

/**
 * @param {HTMLElement} element
 * @param {() => void} handler
 */
export function onReviewRequest(element, handler) {
  const handle = () => {
    if (!reviewRequested) return;
    reviewRequested = false;
    handler();
  };
  listen(element, window, REVIEW_REQUESTED, handle);
  return handle;
}

/** Shows a live run in Sample. @param {string} run */
export function showInSample(run) {
  sampleRequest = run;
  openTab("sample");
  window.dispatchEvent(new CustomEvent(SAMPLE_SHOWN));
}

/**
 * @param {HTMLElement} element
 * @param {(run: string) => void} handler
 */
export function onSampleRequest(element, handler) {
  const handle = () => {
    const run = sampleRequest;
    sampleRequest = null;
    if (run !== null) handler(run);
  };
  listen(element, window, SAMPLE_SHOWN, handle);
  return handle;
}

/** Opens the form that imports a dataset, in Runs. */
export function showImport() {
  openTab("runs");
  let looks = 0;
  const timer = setInterval(() => {
    const head = document.querySelector("#import-open");
    looks += 1;
    if (head instanceof HTMLElement && head.offsetParent !== null) {
      const form = document.querySelector("#import");
      if (!(form instanceof HTMLElement) || form.offsetParent === null) head.click();
      head.scrollIntoView({ block: "start" });
      head.focus();
      clearInterval(timer);
    } else if (looks > 50) clearInterval(timer);
  }, 100);
}
