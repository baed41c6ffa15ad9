/** Which part of the map is shown, and where its places are on the canvas. */

/**
 * @typedef {[number, number]} Point
 * @typedef {{ x: number, y: number, span: number }} View - the middle of what is shown, and its width, in the map's units
 * @typedef {{ side: number, least: number }} Bounds - the width of the whole map, and the least that can be shown
 */

/**
 * The nearest view that lies within the map.
 * @param {View} view
 * @param {Bounds} bounds
 * @returns {View}
 */
export function withinMap({ x, y, span }, { side, least }) {
  const width = clamp(span, least, side);
  return { x: clamp(x, width / 2, side - width / 2), y: clamp(y, width / 2, side - width / 2), span: width };
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * A view zoomed about a place that stays where it is on the canvas.
 * @param {View} view
 * @param {Bounds} bounds
 * @param {number} factor - less than 1 zooms in
 * @param {Point} [place] - the middle by default
 */
export function zoomed(view, bounds, factor, [x, y] = [view.x, view.y]) {
  const span = clamp(view.span * factor, bounds.least, bounds.side);
  const share = span / view.span;
  return withinMap({ x: x + (view.x - x) * share, y: y + (view.y - y) * share, span }, bounds);
}

/**
 * Left, low, right, high.
 * @param {View} view
 * @returns {[number, number, number, number]}
 */
export const rectangleOf = ({ x, y, span }) => [x - span / 2, y - span / 2, x + span / 2, y + span / 2];

/**
 * From the map to a canvas of this size. The map's second axis points up.
 * @param {View} view
 * @param {number} size
 * @param {Point} point
 * @returns {Point}
 */
export const toCanvas = (view, size, [x, y]) => [((x - view.x) / view.span + 0.5) * size, (0.5 - (y - view.y) / view.span) * size];

/**
 * @param {View} view
 * @param {number} size
 * @param {Point} point
 * @returns {Point}
 */
export const toMap = (view, size, [px, py]) => [view.x + (px / size - 0.5) * view.span, view.y + (0.5 - py / size) * view.span];

/**
 * As a filter keeps it.
 * @param {Point} point
 * @returns {Point}
 */
export const rounded = ([x, y]) => [Number(x.toFixed(3)), Number(y.toFixed(3))];

/**
 * A polygon with this many corners at most: those where the line turns least go first.
 * @param {readonly Point[]} points
 * @param {number} most
 */
export function simplified(points, most) {
  const left = [...points];
  while (left.length > most) {
    let [least, which] = [Infinity, 1];
    for (let i = 1; i < left.length - 1; i += 1) {
      const [[x1, y1], [x, y], [x2, y2]] = [left[i - 1], left[i], left[i + 1]];
      const area = Math.abs((x2 - x1) * (y - y1) - (x - x1) * (y2 - y1));
      if (area < least) [least, which] = [area, i];
    }
    left.splice(which, 1);
  }
  return left;
}
