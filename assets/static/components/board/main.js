/** A board of charts as a component: its value is a list of charts. */

import { find } from "../../lib/dom.js";
import { Board } from "./draw.js";

/** @param {import("../../lib/host.js").Host<{ value: string }>} host */
export function mount({ element, props, watch }) {
  const board = new Board(find(element, ".board"));
  const draw = () => board.update(JSON.parse(props.value || "[]"));
  watch("value", draw);
  draw();
}
