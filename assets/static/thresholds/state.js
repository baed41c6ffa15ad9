/** The thresholds of the filters, and what a slider's ends mean. */

import { formatDigits } from "../lib/format.js";

/**
 * null: no threshold.
 * @typedef {object} Thresholds
 * @property {[number | null, number | null]} difficulty
 * @property {number | null} reward
 * @property {number | null} agreement
 * @property {boolean} duplicates - whether near-duplicates may stay
 * @typedef {keyof Thresholds} SliderId
 * @typedef {object} Chart
 * @property {"difficulty" | "reward" | "agreement"} id
 * @property {string} title
 * @property {string} note
 * @property {number[]} edges
 * @property {number[]} counts
 * @property {boolean} below - whether values lie below the first edge
 * @property {boolean} above
 */

/** Names of the sliders' ends in the replies of the server. @type {Record<SliderId, string[]>} */
export const EDGES = {
  difficulty: ["difficulty_from", "difficulty_to"],
  reward: ["reward"],
  agreement: ["agreement"],
  duplicates: ["duplicates"],
};

/** @returns {Thresholds} */
export const openThresholds = () => ({ difficulty: [null, null], reward: null, agreement: null, duplicates: true });

/**
 * The values of a slider's ends.
 * @param {Thresholds} thresholds
 * @param {Chart["id"]} id
 * @returns {(number | null)[]}
 */
export const endsOf = (thresholds, id) => (id === "difficulty" ? thresholds.difficulty : [thresholds[id]]);

/**
 * The thresholds with another value at an end of a slider. The ends of a band can't pass each other.
 * @param {Thresholds} thresholds
 * @param {Chart["id"]} id
 * @param {number} end - 0 or 1
 * @param {number | null} value
 * @returns {Thresholds}
 */
export function withEnd(thresholds, id, end, value) {
  if (id !== "difficulty") return { ...thresholds, [id]: value };
  /** @type {Thresholds["difficulty"]} */
  const band = [...thresholds.difficulty];
  band[end] = value;
  const [low, high] = band;
  if (low !== null && high !== null && low > high) band[end] = band[1 - end];
  return { ...thresholds, difficulty: band };
}

/**
 * Where the track of a slider begins and ends, and its step.
 * @param {Chart} chart
 */
export function trackOf({ edges }) {
  return { low: edges[0], high: edges[edges.length - 1], step: Number(formatDigits((edges[1] - edges[0]) / 5)) };
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
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) return null;
  const { low, high } = trackOf(chart);
  const beyond = typed && (end ? chart.above : chart.below);
  return !beyond && (end ? value >= high : value <= low) ? null : value;
}

/**
 * Whether a bin lies between the ends, by its middle.
 * @param {Chart} chart
 * @param {number} bin
 * @param {(number | null)[]} ends
 */
export function isBinKept(chart, bin, [from, to = null]) {
  const middle = (chart.edges[bin] + chart.edges[bin + 1]) / 2;
  return (from === null || middle >= from) && (to === null || middle <= to);
}
