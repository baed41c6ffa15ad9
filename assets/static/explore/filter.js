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
 * Whether a condition is exactly this one. "At most none" is "none".
 * @param {unknown} condition
 * @param {unknown} value
 */
export function isOnly(condition, value) {
  /** @param {unknown} one */
  const text = (one) => JSON.stringify(one ?? null);
  return value !== null && (text(condition) === text(value) || (text(condition) === "[null,0]" && text(value) === "[0,0]"));
}

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
 * The range of two fields, or what is wrong with it: ends are never swapped, because the other one may be half typed.
 * @param {Range | null} range - as it was; the end of a field in which nothing was typed stays
 * @param {{ typed: boolean, text: string, bad: boolean }[]} fields - bad: the typed text is not a number
 * @returns {{ range: Range | null, text: string | null }} range: null where both ends are open
 */
export function readEnds(range, fields) {
  if (fields.some(({ bad }) => bad)) return { range, text: "Write a number, e.g. 0.5 or -2." };
  const [low, high] = fields.map(({ typed, text }, end) => (typed ? (text === "" ? null : Number(text)) : (range?.[end] ?? null)));
  if (low !== null && high !== null && low > high) {
    return { range, text: `The lower end, ${low}, is above the upper end, ${high}.` };
  }
  return { range: low === null && high === null ? null : [low, high], text: null };
}
