/**
 * The page's addresses: /explore?filter=..., /row/ID, /sample/RUN, /runs/RUN, /curate/QUEUE, /help/TOPIC, and a name for
 * each other tab. Every tab has its own parameters, which it keeps while others are in front; they are in the address
 * of the tab in front. A change of the address is a step of the browser's history.
 *
 * The first version had all parameters in the query of one address ("/?row=ID"); such links still work.
 */

/** @typedef {Record<string, string>} Parameters */
/** @typedef {{ tab: string, parameters: Parameters }} Address */

export const TABS = ["home", "sample", "runs", "explore", "curate", "export", "compare", "train", "help"];
/** Sent when the browser's Back or Forward has changed the address. */
export const ADDRESS_CHANGED = "address-changed";
/** The parameter of a tab that is part of its path. @type {Record<string, string>} */
const IN_PATH = { sample: "sample", runs: "run", explore: "row", curate: "curate", help: "help" };
/** Whose each parameter is; all others are of the tab in front. @type {Record<string, string>} */
const OWNERS = { ...Object.fromEntries(Object.entries(IN_PATH).map(([tab, name]) => [name, tab])), filter: "explore", sort: "explore", group: "explore", view: "explore" };
const THEME = "__theme"; // Gradio's: it stays in the address whatever the tab
const STORED = "scalequest-addresses";

/**
 * @param {string} href
 * @param {string} base - the address of the page's root
 * @returns {Address}
 */
export function parseAddress(href, base) {
  const url = new URL(href);
  const [first = "", second = ""] = url.pathname.slice(new URL(base).pathname.length).split("/");
  const given = Object.fromEntries([...url.searchParams].filter(([name]) => name !== THEME));
  const tab = first === "row" ? "explore" : TABS.includes(first) ? first : tabOf(given);
  const parameters = { ...given };
  if (second && IN_PATH[tab] && (tab !== "explore" || first === "row")) parameters[IN_PATH[tab]] = decodeURIComponent(second);
  return { tab, parameters };
}

/** The tab of an address of the first version. @param {Parameters} given */
function tabOf(given) {
  return ["help", "curate", "sample", "run", "row", "filter", "sort", "view"].filter((name) => name in given).map((name) => OWNERS[name])[0] ?? "home";
}

/**
 * @param {Address} address
 * @param {string} base
 * @param {string | null} [theme]
 */
export function formatAddress({ tab, parameters }, base, theme) {
  const { [IN_PATH[tab] ?? ""]: inPath, ...query } = parameters;
  const place = inPath ? `${tab === "explore" ? "row" : tab}/${encodeURIComponent(inPath)}` : tab === "home" ? "" : tab;
  const url = new URL(place, base);
  Object.entries(query).forEach(([name, value]) => url.searchParams.set(name, value));
  if (theme) url.searchParams.set(THEME, theme);
  return url.href;
}

/** The parameters of each tab as they were last. @type {Record<string, Parameters> | null} */
let kept = null;
/** The tab in front. */
let front = "home";

/** Whether the page was reloaded or come back to, not opened by a link. */
function isReloaded() {
  const [entry] = performance.getEntriesByType("navigation");
  return entry instanceof PerformanceNavigationTiming && entry.type !== "navigate";
}

/** Reads the address once; a reload has also what tabs in the background had. */
function addresses() {
  if (kept) return kept;
  try {
    kept = JSON.parse((isReloaded() && sessionStorage.getItem(STORED)) || "{}");
  } catch {
    kept = {};
  }
  return readAddress();
}

/** Takes the tab in front and its parameters from the address. */
function readAddress() {
  const { tab, parameters } = parseAddress(location.href, document.baseURI);
  const all = (kept ??= {});
  front = tab;
  all[tab] = {};
  Object.entries(parameters).forEach(([name, value]) => ((all[OWNERS[name] ?? tab] ??= {})[name] = value));
  return all;
}

/** @param {boolean} replace - without a step of the history */
function writeAddress(replace) {
  const all = addresses();
  const theme = new URL(location.href).searchParams.get(THEME);
  const href = formatAddress({ tab: front, parameters: all[front] ?? {} }, document.baseURI, theme);
  try {
    sessionStorage.setItem(STORED, JSON.stringify(all));
  } catch {
    // A browser without storage forgets the tabs in the background on a reload.
  }
  if (href !== location.href) history[replace ? "replaceState" : "pushState"](history.state, "", href);
}

/** The tab that the address names. */
export function addressedTab() {
  addresses();
  return front;
}

/** The address of a tab with the parameters that it had last. @param {string} tab */
export const addressOf = (tab) => formatAddress({ tab, parameters: addresses()[tab] ?? {} }, document.baseURI);

/** A tab was brought to the front; whether it was another one that the address named. @param {string} tab */
export function enterTab(tab) {
  addresses();
  if (tab === front) return false;
  front = tab;
  writeAddress(false);
  return true;
}

/** Begins to follow the browser's Back and Forward. @param {(tab: string) => void} openTab */
export function followHistory(openTab) {
  addresses();
  writeAddress(true);
  window.addEventListener("popstate", () => {
    readAddress();
    openTab(front);
    window.dispatchEvent(new CustomEvent(ADDRESS_CHANGED));
  });
}

/**
 * Puts parameters into the address of their tab; null removes one.
 * @param {Record<string, string | null>} parameters
 * @param {{ replace?: boolean }} [how] - replace: without a step of the history
 */
export function setParameters(parameters, { replace = false } = {}) {
  const all = addresses();
  /** @type {Set<string>} */
  const changed = new Set();
  Object.entries(parameters).forEach(([name, value]) => {
    const own = (all[OWNERS[name] ?? front] ??= {});
    const same = name === "filter" ? canonicalFilter(own[name] ?? null) === canonicalFilter(value) : (own[name] ?? null) === value;
    if (!same) changed.add(OWNERS[name] ?? front);
    if (value === null) delete own[name];
    else own[name] = value;
  });
  writeAddress(replace || !changed.has(front));
}

/** @param {string} name */
export const getParameter = (name) => addresses()[OWNERS[name] ?? front]?.[name] ?? null;

/** Explore's filter as text, null without one: the server reads it, and says what is wrong with it. */
export const addressFilter = () => getParameter("filter");

/**
 * A filter as an object; empty where the text is none.
 * @param {string | null} text
 * @returns {Record<string, unknown>}
 */
export function parseFilter(text) {
  try {
    const parsed = JSON.parse(text || "{}");
    return parsed !== null && typeof parsed === "object" && !Array.isArray(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

/**
 * One text for equal filters, whatever the order of their fields; null for what is no JSON.
 * @param {string | null} text
 * @returns {string | null}
 */
export function canonicalFilter(text) {
  try {
    const fields = Object.entries(JSON.parse(text || "{}"));
    return JSON.stringify(Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))));
  } catch {
    return null;
  }
}
