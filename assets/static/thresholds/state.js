/** The thresholds of the filters, and what a slider's ends mean. */

import { formatDigits } from "../lib/format.js";

/**
 * null: no threshold.
 * @typedef {object} Thresholds
 * @property {[number | null, number | null]} difficulty
 * @property {[number | null, number | null]} pass_rate
 * @property {number | null} reward
 * @property {number | null} agreement
 * @property {boolean} duplicates - whether near-duplicates may stay
 * @typedef {keyof Thresholds} SliderId
 * @typedef {object} Chart
 * @property {"difficulty" | "pass_rate" | "reward" | "agreement"} id
 * @property {string} title
 * @property {string} note
 * @property {number[]} edges
 * @property {number[]} counts
 * @property {boolean} below - whether values lie below the first edge
 * @property {boolean} above
 * @property {boolean} [single] - each bin holds one value, its lower edge
 */

/** Names of the sliders' ends in the replies of the server. @type {Record<SliderId, string[]>} */
export const EDGES = {
  difficulty: ["difficulty_from", "difficulty_to"],
  pass_rate: ["pass_rate_from", "pass_rate_to"],
  reward: ["reward"],
  agreement: ["agreement"],
  duplicates: ["duplicates"],
};

/** @returns {Thresholds} */
export const openThresholds = () => ({ difficulty: [null, null], pass_rate: [null, null], reward: null, agreement: null, duplicates: true });

/**
 * Whether a slider has two ends.
 * @param {SliderId} id
 * @returns {id is "difficulty" | "pass_rate"}
 */
export const isBand = (id) => id === "difficulty" || id === "pass_rate";

/**
 * The values of a slider's ends.
 * @param {Thresholds} thresholds
 * @param {Chart["id"]} id
 * @returns {(number | null)[]}
 */
export const endsOf = (thresholds, id) => (isBand(id) ? thresholds[id] : [thresholds[id]]);

/**
 * The thresholds with another value at an end of a slider. The ends of a band can't pass each other.
 * @param {Thresholds} thresholds
 * @param {Chart["id"]} id
 * @param {number} end - 0 or 1
 * @param {number | null} value
 * @returns {Thresholds}
 */
export function withEnd(thresholds, id, end, value) {
  if (!isBand(id)) return { ...thresholds, [id]: value };
  /** @type {Thresholds["difficulty"]} */
  const band = [...thresholds[id]];
  band[end] = value;
  const [low, high] = band;
  if (low !== null && high !== null && low > high) band[end] = band[1 - end];
  return { ...thresholds, [id]: band };
}

/**
 * Where the track of a slider begins and ends, and its step.
 * @param {Chart} chart
 */
export function trackOf({ edges, single }) {
  const [low, width, last] = [edges[0], edges[1] - edges[0], edges[edges.length - 1]];
  if (single) return { low, high: last - width, step: Number(formatDigits(width)) };
  return { low, high: last, step: Number(formatDigits(width / 5)) };
}

/**
 * The threshold that an input's text stands for. The end of the track is no threshold, unless it was typed and rows lie
 * beyond it.
 * @param {Chart} chart
 * @param {number} end - 1 for the upper end
 * @param {string} text
 * @param {boolean} typed
 */
export function parseEnd(chart, end, text, typed) {
  const given = Number(text);
  if (text === "" || !Number.isFinite(given)) return null;
  const { low, high } = trackOf(chart);
  const value = chart.single && !typed ? nearestEdge(chart, given) : given;
  const beyond = typed && (end ? chart.above : chart.below);
  return !beyond && (end ? value >= high : value <= low) ? null : value;
}

/**
 * A slider's steps are rounded: the value that is meant.
 * @param {Chart} chart
 * @param {number} value
 */
function nearestEdge({ edges }, value) {
  return edges.reduce((best, edge) => (Math.abs(edge - value) < Math.abs(best - value) ? edge : best));
}

/**
 * Whether a bin lies between the ends, by its middle.
 * @param {Chart} chart
 * @param {number} bin
 * @param {(number | null)[]} ends
 */
export function isBinKept(chart, bin, [from, to = null]) {
  const middle = chart.single ? chart.edges[bin] : (chart.edges[bin] + chart.edges[bin + 1]) / 2;
  return (from === null || middle >= from) && (to === null || middle <= to);
}
