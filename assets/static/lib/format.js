/** Numbers, times and names as the page shows them. */

/**
 * With its thousands separated.
 * @param {number} value
 */
export const formatNumber = (value) => value.toLocaleString("en");

/**
 * Six digits at most.
 * @param {number} value
 */
export const formatDigits = (value) => String(Number(value.toPrecision(6)));

/** @param {number} share - in [0, 1] */
export const formatPercent = (share) => `${(share * 100).toFixed(1)}\u00a0%`;

/**
 * A cell of a table: numbers with their thousands separated, texts as they are.
 * @param {string | number} value
 */
export const formatCell = (value) => (typeof value === "number" ? formatNumber(value) : value);

/**
 * "1 question", "2 questions".
 * @param {number} count
 * @param {string} noun
 */
export const formatCount = (count, noun) => `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;

/** @param {number} seconds */
export function formatAge(seconds) {
  const count = Math.max(seconds, 0);
  const [value, unit] = count < 60 ? [count, "second"] : count < 5400 ? [count / 60, "minute"] : [count / 3600, "hour"];
  return `${formatCount(Math.round(value), unit)} old`;
}

/**
 * A time in the reader's zone, like 2026-11-30 16:05.
 * @param {string} iso
 */
export const formatLocalTime = (iso) => new Date(iso).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });

/**
 * A time of the day, like 09:05:00.
 * @param {number} milliseconds - since 1970
 */
export const formatTime = (milliseconds) => new Date(milliseconds).toLocaleTimeString("en-GB");
