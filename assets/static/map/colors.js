/** The colours of tiles and points. */

import { isDark } from "../lib/theme.js";

/** @typedef {[number, number, number]} Rgb */

const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const TOPICS = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#8a8f98"];
const NO_VALUE = 255;
const LARGEST_VALUE = 254;
/** @type {Rgb} */
const GREY = [140, 145, 155];

/**
 * @param {string} hex
 * @returns {Rgb}
 */
export const parseHex = (hex) => [parseInt(hex.slice(1, 3), 16), parseInt(hex.slice(3, 5), 16), parseInt(hex.slice(5, 7), 16)];

const STOPS = VIRIDIS.map(parseHex);

/** @param {number} code */
export const topicColor = (code) => TOPICS[code % TOPICS.length];

/**
 * A colour of the ramp. Large values are dark on a light page and bright on a dark one.
 * @param {number} share - in [0, 1]
 * @param {boolean} [dark]
 * @returns {Rgb}
 */
export function rampColor(share, dark = isDark()) {
  const place = (dark ? share : 1 - share) * (STOPS.length - 1);
  const k = Math.min(Math.floor(place), STOPS.length - 2);
  /** @param {0 | 1 | 2} i */
  const mix = (i) => Math.round(STOPS[k][i] + (STOPS[k + 1][i] - STOPS[k][i]) * (place - k));
  return [mix(0), mix(1), mix(2)];
}

/**
 * The colour of a value as the server codes it: the number of a topic, or a share in 254ths.
 * @param {number} value
 * @param {boolean} isTopic
 * @returns {Rgb}
 */
export function valueColor(value, isTopic) {
  if (value === NO_VALUE) return GREY;
  return isTopic ? parseHex(topicColor(value)) : rampColor(value / LARGEST_VALUE);
}

/** @param {Rgb} rgb */
export const toCss = (rgb) => `rgb(${rgb.join(",")})`;
