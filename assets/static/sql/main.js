/** The SQL section: a statement goes to the server, its result comes back as texts and is shown as texts. */

import { button, make, onActions, partsOf, setMessage, setText } from "../lib/dom.js";
import { formatAge, formatTime } from "../lib/format.js";
import { onAppear, repeat } from "../lib/lifetime.js";
import { call, randomId } from "../lib/requests.js";
import { setHeader, setRows } from "../lib/table.js";
import { toCsv } from "./csv.js";

/**
 * @typedef {{ terms: string, examples: Record<string, string> }} Props
 * @typedef {{ age: number, of: string, cost: string }} Snapshot
 * @typedef {object} Result
 * @property {string[]} columns
 * @property {string[]} types
 * @property {boolean[]} right - which columns hold numbers
 * @property {(string | null)[][]} rows
 * @property {string} said
 * @typedef {{ error?: string, snapshot?: Snapshot | null, result?: Result, views?: Record<string, string[]> }} Reply
 */

const AGE_EVERY = 10_000; // milliseconds between two looks at the snapshot's age
const URL_LIFE = 10_000; // milliseconds that a browser has to begin a download

/** @param {import("../lib/host.js").Host<Props>} host */
export function mount({ element, props, server }) {
  const part = partsOf(element);
  const statement = part("statement", HTMLTextAreaElement);
  const runButton = part("run", HTMLButtonElement);
  const refreshButton = part("refresh", HTMLButtonElement);
  const table = part("table", HTMLTableElement);
  let busy = false;
  /** @type {string | null} */
  let running = null; // the name of the statement that is running
  /** @type {Result | null} */
  let result = null;
  /** @type {(Snapshot & { madeAt: number }) | null} */
  let snapshot = null;

  function drawSnapshot() {
    setText(refreshButton, snapshot ? "Refresh" : "Make a snapshot");
    if (!snapshot) {
      setText(part("snapshot"), "There is no snapshot yet. The first statement makes one: a copy of all rows at that time.");
      return;
    }
    const age = formatAge((Date.now() - snapshot.madeAt) / 1000);
    setText(part("snapshot"), `Snapshot of ${formatTime(snapshot.madeAt)}${snapshot.of}, ${age}, ${snapshot.cost}`);
  }

  function drawResult() {
    part("box").hidden = result === null;
    if (result === null) return;
    const { columns, types, right, rows } = result;
    const heads = setHeader(table, columns.map((name, i) => ({ name, right: right[i] })));
    heads.forEach((head, i) => {
      const type = make("span", "type", types[i]);
      type.title = types[i];
      head.append(type);
    });
    setRows(table, rows, (cell, value, i) => {
      cell.className = right[i] ? "number" : "";
      const inner = make("div", value === null ? "cell null" : "cell", value === null ? "NULL" : String(value));
      if (!right[i]) inner.dir = "auto";
      cell.replaceChildren(inner);
    });
    part("box").scrollTo(0, 0);
  }

  /** @param {Reply} reply */
  function drawReply(reply) {
    if (reply.snapshot !== undefined) {
      snapshot = reply.snapshot && { ...reply.snapshot, madeAt: Date.now() - reply.snapshot.age * 1000 };
    }
    setMessage(part("error"), reply.error);
    drawSnapshot();
  }

  /** Nothing can be run while the last statement or the snapshot is under way, or without a statement. */
  function drawRun() {
    const empty = !statement.value.trim();
    runButton.disabled = busy || empty;
    runButton.title = empty ? "Write a statement first" : "Ctrl+Enter";
  }

  /** @param {string | null} status - null when nothing is under way any more */
  function drawBusy(status) {
    busy = status !== null;
    refreshButton.disabled = busy;
    drawRun();
    part("cancel").hidden = running === null;
    part("box").classList.toggle("old", running !== null);
    part("download").hidden = running !== null || !result?.rows.length;
    if (status !== null) setText(part("status"), status);
  }

  async function run() {
    if (runButton.disabled) return;
    running = randomId();
    part("error").hidden = true;
    drawBusy(snapshot === null ? "Making a snapshot, then running…" : "Running…");
    /** @type {Reply} */
    const reply = await call(server, "sql_run", { statement: statement.value, name: running });
    running = null;
    result = reply.result ?? null;
    drawBusy(null);
    setText(part("status"), result ? result.said : "No result.");
    drawResult();
    drawReply(reply);
  }

  async function refresh() {
    const status = part("status").textContent ?? "";
    drawBusy("Making a snapshot…");
    const reply = await call(server, "sql_refresh");
    drawBusy(null);
    setText(part("status"), status);
    drawReply(reply);
  }

  async function look() {
    /** @type {Reply} */
    const reply = await call(server, "sql_look");
    if (reply.views) {
      const terms = Object.entries(reply.views).map(([name, columns]) => [make("dt", "", name), make("dd", "", columns.join(", "))]);
      part("views").replaceChildren(...terms.flat());
    }
    if (running === null) drawReply(reply);
  }

  function download() {
    if (!result) return;
    const blob = new Blob([toCsv(result.columns, result.rows, result.right)], { type: "text/csv;charset=utf-8" });
    const link = make("a");
    link.href = URL.createObjectURL(blob);
    link.download = "result.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), URL_LIFE);
  }

  setText(part("terms"), props.terms);
  Object.entries(props.examples).forEach(([name, example]) => {
    part("examples").append(button(name, () => {
      statement.value = example;
      drawRun();
      statement.focus();
    }));
  });
  onActions(element, { run, refresh, download, cancel: () => running !== null && call(server, "sql_cancel", { name: running }) });
  statement.addEventListener("input", drawRun);
  statement.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  });
  repeat(element, AGE_EVERY, drawSnapshot);
  onAppear(element, look);
  drawSnapshot();
  drawRun();
}
