/** The bins of a histogram, and the ranges that are made of them. */

import { formatDigits } from "../lib/format.js";

/**
 * @typedef {import("./filter.js").Range} Range
 * @typedef {object} Bins
 * @property {number[]} edges
 * @property {boolean} whole - whole numbers: a bin ends one before the next edge
 * @property {boolean} single - a bin holds one value, its lower edge
 * @property {boolean} below - whether the first bin also holds what lies below it
 * @property {boolean} above
 */

/**
 * The last value of a bin.
 * @param {Bins} bins
 * @param {number} bin
 */
const endOf = ({ edges, whole, single }, bin) => (single ? edges[bin] : whole ? edges[bin + 1] - 1 : edges[bin + 1]);

/**
 * How far the end of a bin lies from the next edge.
 * @param {Bins} bins
 */
export const gapOf = ({ edges, whole, single }) => (single ? edges[1] - edges[0] : whole ? 1 : 0);

/**
 * @param {Bins} bins
 * @param {number} bin
 */
export function binName(bins, bin) {
  const [low, high] = [bins.edges[bin], endOf(bins, bin)];
  if (bin === 0 && bins.below) return `${formatDigits(high)} or less`;
  if (bin === bins.edges.length - 2 && bins.above) return `${formatDigits(low)} or more`;
  return high === low ? formatDigits(low) : `${formatDigits(low)} to ${formatDigits(high)}`;
}

/**
 * The range of some bins. The outermost ones are open where values lie beyond them; null: all values.
 * @param {Bins} bins
 * @param {number} first
 * @param {number} last
 * @returns {Range | null}
 */
export function rangeOfBins(bins, first, last) {
  const low = first === 0 && bins.below ? null : bins.edges[first];
  const high = last === bins.edges.length - 2 && bins.above ? null : endOf(bins, last);
  return low === null && high === null ? null : [low, high];
}

/**
 * Whether a bin has values in a range.
 * @param {Bins} bins
 * @param {number} bin
 * @param {Range | undefined} range
 */
export function isInRange(bins, bin, range) {
  if (!range) return true;
  const [low, high] = range;
  const tiny = (bins.edges[1] - bins.edges[0]) * (bins.whole || bins.single ? -1e-6 : 1e-6);
  return (low === null || endOf(bins, bin) > low + tiny) && (high === null || bins.edges[bin] < high - tiny);
}
