/**
 * The canvas and the legend. Tiles are one small picture, stretched to where they lie: while the next reply is on its way
 * the last one is moved and stretched, so that a drag is followed without waiting.
 */

import { group, make } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { isDark, themeColor } from "../lib/theme.js";
import { rampColor, toCss, topicColor, valueColor } from "./colors.js";
import { toCanvas } from "./view.js";

/**
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./view.js").View} View
 * @typedef {object} Legend
 * @property {"topic" | "density" | "value"} kind
 * @property {string[]} [values] - names of the topics
 * @property {[string, string]} [ends]
 * @property {string} [note]
 * @typedef {object} MapReply
 * @property {string} map
 * @property {string} colour
 * @property {[number, number, number, number]} view
 * @property {number} count
 * @property {Legend} legend
 * @property {Point[] | null} [area]
 * @property {{ counts: string, values: string | null, most: number } | null} [tiles]
 * @property {{ ids: string[], x: number[], y: number[], values: number[] | null } | null} [points]
 * @typedef {{ counts: Uint32Array, values: Uint8Array | null }} Tiles
 */

const DOT = 3.5;
const NEAR = 8; // pixels from a point at which it is pointed at
const DENSITY_NOTE = "Questions in a tile, on a logarithmic scale.";
const TOPIC_NOTE = "A tile has the topic of most of its questions. Fainter tiles hold fewer questions.";

/** @param {string} text - in base 64 */
const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/**
 * @param {MapReply} reply
 * @returns {Tiles | null}
 */
export function unpackTiles({ tiles }) {
  if (!tiles) return null;
  return { counts: new Uint32Array(bytesOf(tiles.counts).buffer), values: tiles.values ? bytesOf(tiles.values) : null };
}

/** @param {MapReply} reply */
export function makeLegend({ legend, tiles }) {
  const box = make("div", "legend");
  if (legend.kind === "topic") {
    (legend.values ?? []).forEach((text, code) => {
      const swatch = make("span", "swatch");
      swatch.style.background = topicColor(code);
      box.append(group("div", "key", swatch, make("span", "", text)));
    });
    if (tiles) box.append(make("p", "quiet", TOPIC_NOTE));
  } else if (legend.kind !== "density" || tiles) {
    const ramp = make("div", "ramp");
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => toCss(rampColor(share)));
    ramp.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    const [low, high] = legend.ends ?? ["1", formatNumber(tiles?.most ?? 1)];
    const note = legend.kind === "density" ? DENSITY_NOTE : `${legend.note} Questions without a value are grey.`;
    box.append(ramp, group("div", "ends", make("span", "", low), make("span", "", high)), make("p", "quiet", note));
  }
  return box;
}

/**
 * Draws the map as it is seen from a view.
 * @param {HTMLCanvasElement} canvas
 * @param {object} scene
 * @param {MapReply} scene.reply
 * @param {Tiles | null} scene.tiles
 * @param {number} scene.grid - tiles on a side
 * @param {View} scene.view
 * @param {Point[] | null} scene.outline - an area that is being drawn
 * @param {boolean} scene.closed - whether its outline is closed
 * @param {HTMLCanvasElement} scene.picture - where the tiles are drawn first
 */
export function drawMap(canvas, { reply, tiles, grid, view, outline, closed, picture }) {
  const size = canvas.clientWidth;
  const pen = canvas.getContext("2d");
  if (!size || !pen) return;
  const sharp = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(size * sharp)) canvas.width = canvas.height = Math.round(size * sharp);
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, size, size);
  if (tiles) drawTiles(pen, size, { reply, tiles, grid, view, picture });
  else drawPoints(pen, size, reply, view, themeColor(canvas, "--color-accent", "#4f46e5"));
  const corners = (outline ?? reply.area ?? []).map((point) => toCanvas(view, size, point));
  drawOutline(pen, corners, outline !== null, outline === null || closed);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} size
 * @param {{ reply: MapReply, tiles: Tiles, grid: number, view: View, picture: HTMLCanvasElement }} scene
 */
function drawTiles(pen, size, { reply, tiles, grid, view, picture }) {
  picture.width = picture.height = grid;
  const inner = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d"));
  const image = inner.createImageData(grid, grid);
  const most = Math.log1p(reply.tiles?.most ?? 1);
  const density = reply.colour === "density";
  for (let i = 0; i < grid * grid; i += 1) {
    if (!tiles.counts[i]) continue;
    const share = Math.log1p(tiles.counts[i]) / most;
    const color = density || !tiles.values ? rampColor(share) : valueColor(tiles.values[i], reply.colour === "topic");
    const place = 4 * ((grid - 1 - Math.floor(i / grid)) * grid + (i % grid)); // rows come from low to high
    image.data.set(color, place);
    image.data[place + 3] = density ? 255 : 90 + 165 * share;
  }
  inner.putImageData(image, 0, 0);
  const [left, low, right, high] = reply.view;
  const [x, y] = toCanvas(view, size, [left, high]);
  const [x2, y2] = toCanvas(view, size, [right, low]);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, x, y, x2 - x, y2 - y);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} size
 * @param {MapReply} reply
 * @param {View} view
 * @param {string} accent
 */
function drawPoints(pen, size, { points, colour }, view, accent) {
  if (!points) return;
  const { x, y, values } = points;
  pen.globalAlpha = 0.8;
  x.forEach((_, i) => {
    const [px, py] = toCanvas(view, size, [x[i], y[i]]);
    pen.beginPath();
    pen.arc(px, py, DOT, 0, 2 * Math.PI);
    pen.fillStyle = values ? toCss(valueColor(values[i], colour === "topic")) : accent;
    pen.fill();
  });
  pen.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Point[]} corners
 * @param {boolean} dashed
 * @param {boolean} closed
 */
function drawOutline(pen, corners, dashed, closed) {
  if (corners.length < 2) return;
  pen.beginPath();
  corners.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  if (closed) pen.closePath();
  pen.lineWidth = 2;
  pen.strokeStyle = isDark() ? "#fff" : "#111";
  pen.setLineDash(dashed ? [4, 3] : []);
  pen.stroke();
  pen.setLineDash([]);
}

/**
 * The question whose point is nearest to a place on the canvas, if one is near.
 * @param {MapReply | null} reply
 * @param {View} view
 * @param {number} size
 * @param {Point} place
 */
export function pointAt(reply, view, size, [px, py]) {
  const points = reply?.points;
  if (!points) return null;
  let best = NEAR * NEAR;
  /** @type {{ id: string, x: number, y: number } | null} */
  let nearest = null;
  points.ids.forEach((id, i) => {
    const [x, y] = toCanvas(view, size, [points.x[i], points.y[i]]);
    const distance = (x - px) ** 2 + (y - py) ** 2;
    if (distance < best) [best, nearest] = [distance, { id, x, y }];
  });
  return /** @type {{ id: string, x: number, y: number } | null} */ (nearest);
}
