/** The page's address: the filter, the order and the row of Explore, the queue of Curate. */

/**
 * A URL with these parameters; null removes one.
 * @param {string} href
 * @param {Record<string, string | null>} parameters
 */
export function withParameters(href, parameters) {
  const url = new URL(href);
  Object.entries(parameters).forEach(([name, value]) => {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  });
  return url.href;
}

/**
 * Puts parameters into the address without a step of the browser's history.
 * @param {Record<string, string | null>} parameters
 */
export function setParameters(parameters) {
  const href = withParameters(location.href, parameters);
  if (href !== location.href) history.replaceState(history.state, "", href);
}

/** @param {string} name */
export const getParameter = (name) => new URL(location.href).searchParams.get(name);

/** The filter in the address as text, null without one: the server reads it, and says what is wrong with it. */
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
