/**
 * The filter that Explore shows: the same JSON object as everywhere. In the address and in requests it may still be a
 * text, which the server reads.
 */

/**
 * @typedef {string | null} Value
 * @typedef {[number | null, number | null]} Range
 * @typedef {Record<string, any>} Filter
 */

/**
 * A filter with another condition of this name; null or an empty list removes it.
 * @param {Filter | string} filter - a text counts as an empty filter: the server refused it
 * @param {string} name
 * @param {unknown} value
 * @returns {Filter}
 */
export function withCondition(filter, name, value) {
  const fields = typeof filter === "object" ? { ...filter } : {};
  if (value === null || (Array.isArray(value) && value.length === 0)) delete fields[name];
  else fields[name] = value;
  return fields;
}

/**
 * The range of a condition: itself, or that of a model's pass rates.
 * @param {Filter} filter
 * @param {string} name
 * @returns {Range | undefined}
 */
export function rangeOf(filter, name) {
  const condition = filter[name];
  return condition === undefined || Array.isArray(condition) ? condition : condition.range;
}

/**
 * A condition with another range, of the same model where it names one; null: none.
 * @param {Filter} filter
 * @param {string} name
 * @param {Range | null} range
 */
export function withRange(filter, name, range) {
  const model = filter[name]?.model;
  if (!model) return range;
  return range ? { model, range } : { model };
}

/**
 * The condition on pass rates after a model was chosen; null: of the one that was measured first. The range stays.
 * @param {Filter} filter
 * @param {string | null} model
 */
export function withModel(filter, model) {
  const range = rangeOf(filter, "pass_rate");
  if (!model) return range ?? null;
  return range ? { model, range } : { model };
}

/**
 * @param {Filter} filter
 * @param {string} name
 * @param {Value} value
 */
export const isChosen = (filter, name, value) => (filter[name] ?? []).includes(value);

/**
 * The values of a condition after one was added, or removed where it was there.
 * @param {Value[] | undefined} values
 * @param {Value} value
 * @returns {Value[]}
 */
export function toggled(values = [], value = null) {
  return values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
}

/**
 * The values of a condition after a click: this one alone, or none if it was alone before. With `several` it is toggled.
 * @param {Value[] | undefined} values
 * @param {Value} value
 * @param {boolean} several
 * @returns {Value[]}
 */
export function clicked(values = [], value = null, several = false) {
  if (several) return toggled(values, value);
  return values.length === 1 && values[0] === value ? [] : [value];
}

/**
 * The filter of a text in the search field: /.../ is a regular expression, /.../i one that ignores case, everything else
 * is words. In solutions the text is looked for as it is.
 * @param {Filter | string} filter
 * @param {string} text
 * @param {boolean} [inSolutions]
 * @returns {Filter}
 */
export function withSearch(filter, text, inSolutions = false) {
  /** @type {Filter} */
  const rest = typeof filter === "object" ? { ...filter } : {};
  ["words", "regex", "solution_text"].forEach((name) => delete rest[name]);
  const typed = text.trim();
  if (inSolutions) return typed ? { ...rest, solution_text: typed } : rest;
  const between = /^\/(.+)\/(i?)$/s.exec(typed);
  if (between) return { ...rest, regex: `${between[2] ? "(?i)" : ""}${between[1]}` };
  return typed ? { ...rest, words: typed } : rest;
}

/**
 * The text of the search field for a filter.
 * @param {Filter} filter
 * @returns {string}
 */
export function searchText({ words, regex, solution_text: inSolutions }) {
  if (inSolutions !== undefined) return inSolutions;
  if (words !== undefined) return words;
  if (regex === undefined) return "";
  return regex.startsWith("(?i)") ? `/${regex.slice(4)}/i` : `/${regex}/`;
}

/**
 * A range with a typed end. Ends in the wrong order are swapped; null without an end.
 * @param {Range | undefined} range
 * @param {number} end - 0 or 1
 * @param {string} text
 * @returns {Range | null}
 */
export function withTypedEnd(range, end, text) {
  const value = text === "" ? null : Number(text);
  /** @type {Range} */
  const typed = [...(range ?? /** @type {Range} */ ([null, null]))];
  typed[end] = Number.isFinite(value) ? value : null;
  const [low, high] = typed;
  if (low !== null && high !== null && low > high) typed.reverse();
  return typed[0] === null && typed[1] === null ? null : typed;
}
