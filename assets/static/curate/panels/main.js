/** The panels below the question. Each is computed when it is opened, and again when its tab is shown again. */

import { button, find, findAll, group, make, onActions } from "../../lib/dom.js";
import { formatCount } from "../../lib/format.js";
import { onShownChange } from "../../lib/lifetime.js";
import { announce, DECISIONS_CHANGED, SETTLING_REQUESTED } from "../../lib/messages.js";
import { redraw } from "../../lib/redraw.js";
import { RequestNumbers } from "../../lib/requests.js";
import { Bulk } from "./bulk.js";
import { callPanels, reviewerName } from "./requests.js";
import { drawChart, makeTable } from "./tables.js";

/**
 * @typedef {object} Reply
 * @property {undefined} [error]
 * @property {string[]} notes
 * @property {import("./tables.js").Table[]} tables
 * @property {import("./tables.js").Chart | null} [chart]
 * @property {number | null} [more] - of the history: where its next page begins
 * @property {boolean | null} [blind] - of the agreement: whether it counts blind decisions alone
 * @property {number} [unsettled] - of the reviewers: disagreements that nobody has settled
 * @property {boolean} [make] - of the pairs: whether there are new ones
 * @property {string | null} [command] - of the pairs: what trains with them
 */

/** @param {import("../../lib/host.js").Host} host */
export function mount({ element, server }) {
  const requests = new RequestNumbers();
  let historyOf = "me";
  let onlyBlind = false;
  const bulk = new Bulk(element, server, () => {
    announce(DECISIONS_CHANGED);
    bulk.refresh();
    if (find(element, "[data-panel=history]", HTMLDetailsElement).open) refresh("history");
  });

  /** @param {string} name */
  function bodyOf(name) {
    const panel = find(element, `[data-panel="${name}"]`);
    if (!panel.querySelector(".body")) panel.append(make("div", "body"));
    return find(panel, ".body");
  }

  /**
   * @param {string} name
   * @param {number} [before] - of the history: the next page, added to what is shown
   */
  async function refresh(name, before) {
    if (name === "bulk") return bulk.refresh();
    const number = requests.next(name);
    const of = historyOf === "me" ? reviewerName() : "";
    const reply = await callPanels(server, "curate_panel", { panel: name, before: before ?? null, of, blind: onlyBlind });
    if (!requests.isNewest(number, name)) return undefined;
    const body = bodyOf(name);
    if (reply.error) body.replaceChildren(make("p", "error", reply.error));
    else if (before !== undefined) addHistory(body, reply);
    else draw(body, name, reply);
    return undefined;
  }

  /**
   * @param {HTMLElement} body
   * @param {string} name
   * @param {Reply} reply
   */
  function draw(body, name, reply) {
    const plot = make("div", "plot");
    const tables = reply.tables.filter(({ rows }) => rows.length).map((table) => makeTable(table, undo));
    const notes = reply.notes.map((text) => make("p", "quiet", text));
    const isHistory = name === "history";
    const choices = isHistory ? [makeHistoryChoice()] : typeof reply.blind === "boolean" ? [makeBlindChoice()] : [];
    redraw(body, () => body.replaceChildren(
      ...choices, ...notes, ...(reply.chart ? [plot] : []), ...tables,
      ...(isHistory ? [makeMore(reply)] : []), ...(name === "pairs" ? makePairs(reply) : []), ...(reply.unsettled ? [makeSettle(reply.unsettled)] : []),
    ));
    if (reply.chart) drawChart(plot, reply.chart);
  }

  /**
   * @param {HTMLElement} body
   * @param {Reply} reply
   */
  function addHistory(body, reply) {
    const rows = reply.tables.flatMap((table) => findAll(makeTable(table, undo), "tbody tr"));
    find(body, "tbody").append(...rows);
    find(body, ".more").replaceWith(makeMore(reply));
  }

  /**
   * Buttons of which one is pressed.
   * @template Value
   * @param {readonly (readonly [Value, string])[]} choices
   * @param {Value} chosen
   * @param {(value: Value) => void} choose
   */
  function makeChoice(choices, chosen, choose) {
    return group("div", "line", ...choices.map(([value, text]) => {
      const made = button(text, () => choose(value), value === chosen ? "main" : "");
      made.setAttribute("aria-pressed", String(value === chosen));
      return made;
    }));
  }

  const makeHistoryChoice = () => makeChoice([["me", "Mine"], ["all", "Everyone's"]], historyOf, (of) => {
    historyOf = of;
    refresh("history");
  });

  const makeBlindChoice = () => makeChoice([[false, "All decisions"], [true, "Blind decisions only"]], onlyBlind, (only) => {
    onlyBlind = only;
    refresh("reviewers");
  });

  /** @param {Reply} reply */
  function makeMore({ more }) {
    return group("div", "line more", ...(more ? [button("Show older decisions", () => refresh("history", more))] : []));
  }

  /** @param {number} count */
  const makeSettle = (count) => group("div", "line", button(`Settle ${formatCount(count, "disagreement")}…`, () => announce(SETTLING_REQUESTED), "main"));

  /** @param {Reply} reply */
  function makePairs(reply) {
    const create = button("Create new pairs", () => {
      create.disabled = true;
      change("pairs", "curate_pairs");
    }, "main");
    create.disabled = !reply.make;
    create.title = reply.make ? "" : "This needs an edited question, or an accepted and a rejected question of the same kind.";
    const line = group("div", "line", create);
    if (!reply.command) return [line];
    return [line, make("p", "quiet", "To train a generator with the stored pairs:"), make("code", "", reply.command)];
  }

  /** @param {string} eventId */
  const undo = (eventId) => change("history", "curate_take_back", { event_id: eventId });

  /**
   * Changes something on the server, and shows the panel with what was done above it.
   * @param {string} panel
   * @param {string} name
   * @param {object} [request]
   */
  async function change(panel, name, request) {
    const reply = await callPanels(server, name, request);
    if (!reply.error && panel === "history") announce(DECISIONS_CHANGED);
    await refresh(panel);
    bodyOf(panel).prepend(make("p", reply.error ? "error" : "", reply.error || reply.said));
  }

  const panels = findAll(element, "details[data-panel]", HTMLDetailsElement);
  panels.forEach((panel) => panel.addEventListener("toggle", () => panel.open && refresh(panel.dataset.panel ?? "")));
  onActions(element, { cancelBulk: () => bulk.cancel() });
  onShownChange(element, (shown) => {
    if (shown) panels.filter(({ open }) => open).forEach((panel) => refresh(panel.dataset.panel ?? ""));
  });
}
