/** The state of Explore: what is looked at, and the requests to the server. */

import { canonicalFilter, getParameter, setParameters } from "../lib/address.js";
import { partsOf } from "../lib/dom.js";
import { announce, FILTER_CHANGED } from "../lib/messages.js";
import { call, RequestStream } from "../lib/requests.js";
import { ShownColumns } from "./columns.js";
import { rangeOf, searchText, withCondition, withRange, withSearch } from "./filter.js";

/**
 * @typedef {import("./filter.js").Filter} Filter
 * @typedef {{ sorts: Record<string, string>, facets: Record<string, string>, single: string[], groups: Record<string, string> }} Props
 * @typedef {{ after?: string, before?: string, at?: string }} Page - empty: the first one
 * @typedef {import("./bins.js").Bins & { id: string, title: string, note: string, axis: string, totals: number[], models?: [string, string][],
 *   model?: string | null }} Chart - models: those whose pass rates it can show, as name and text
 * @typedef {{ title: string, note: string, totals: [string | null, number][] }} TopicTotals
 * @typedef {{ charts: Chart[], topic: TopicTotals, version: string }} Board - what changes only with the rows
 * @typedef {{ value: any, text: string, count: number }} Count - value: a text, null, or the condition of a facet of which
 *   one value can be chosen
 * @typedef {Record<string, any> & { question_id: string, query: string[] | null }} Row
 * @typedef {{ rows: Row[], first: boolean, last: boolean, said: string }} TablePage
 * @typedef {object} Reply
 * @property {Filter} filter
 * @property {string | null} refused
 * @property {string} version
 * @property {number} total
 * @property {number} count
 * @property {string} headline
 * @property {{ name: string, text: string }[]} parts
 * @property {string[]} notes
 * @property {boolean} running
 * @property {Record<string, { counts: number[], none: number }>} numbers
 * @property {Count[]} topic
 * @property {Record<string, Count[]>} facets
 * @property {[string, number, number, number, number][]} funnel
 * @property {string} dropped
 * @property {import("./lengths.js").Lengths | null} [lengths]
 * @property {import("./rates.js").Rates | null} [rates]
 * @property {import("./groups.js").Groups | null} [groups]
 * @property {{ name: string | null, text: string } | null} [empty]
 * @property {Omit<Board, "version">} [board]
 * @property {TablePage} [page]
 * @property {string} [sort]
 * @property {boolean} [ranked]
 * @typedef {{ tick?: boolean }} How - tick: while a range is being dragged; without rows, and it can wait
 */

export class App {
  /**
   * @param {import("../lib/host.js").Host<Props>} host
   * @param {(app: App, reply: import("../lib/requests.js").Answer<Reply>, whole: boolean) => void} onReply
   */
  constructor({ element, props, server }, onReply) {
    this.element = element;
    this.part = partsOf(element);
    this.props = props;
    /** A text until the server has read it. @type {Filter | string} */
    this.filter = {};
    /** null: the best match where there is one, else the newest. @type {string | null} */
    this.sort = null;
    /** Whether the search is being typed on: one step of the history. */
    this.typing = false;
    /** What the questions are grouped by. @type {string | null} */
    this.group = null;
    this.groupOrder = { by: "count", down: true };
    this.columns = new ShownColumns();
    /** @type {Page} */
    this.page = {};
    /** @type {Board | null} */
    this.board = null;
    /** The newest reply that was drawn. @type {Reply | null} */
    this.last = null;
    /** The chart under the pointer, which isn't redrawn meanwhile. @type {string | null} */
    this.brushing = null;
    /** @type {RequestStream<How, import("../lib/requests.js").Answer<Reply>>} */
    this.requests = new RequestStream(
      (how) => {
        const { filter, sort, page, board, group } = this;
        return call(server, "explore_look", { filter, sort, group, texts: this.columns.texts, version: board && board.version, ...page, ...how });
      },
      (reply, how, newest) => onReply(this, reply, newest && !how.tick),
    );
  }

  /** The filter as an object. */
  get conditions() {
    return typeof this.filter === "object" ? this.filter : {};
  }

  /** @param {How} [how] */
  look(how = {}) {
    return this.requests.request(how, how.tick);
  }

  /**
   * Looks at another filter.
   * @param {Filter} filter
   * @param {How} [how]
   */
  filterBy(filter, how) {
    this.typing = false;
    this.filter = filter;
    this.page = {};
    return this.look(how);
  }

  /**
   * @param {string} name
   * @param {unknown} value - null removes the condition
   * @param {How} [how]
   */
  setCondition(name, value, how) {
    return this.filterBy(withCondition(this.filter, name, value), how);
  }

  /** @param {string | null} sort - null: the best match where there is one, else the newest */
  sortBy(sort) {
    this.sort = sort;
    this.page = {};
    return this.look();
  }

  /** @param {string | null} name - null: not at all */
  groupBy(name) {
    this.group = name;
    return this.look();
  }

  /** The range of a chart's condition. @param {string} name */
  range(name) {
    return rangeOf(this.conditions, name);
  }

  /**
   * @param {string} name
   * @param {import("./filter.js").Range | null} range - null: all values
   * @param {How} [how]
   */
  setRange(name, range, how) {
    return this.setCondition(name, withRange(this.conditions, name, range), how);
  }

  /** @param {string} text */
  search(text) {
    const where = this.part("where", HTMLSelectElement).value;
    const again = searchText(this.conditions) !== "" && text !== "";
    const answer = this.filterBy(withSearch(this.filter, text, where === "solutions"));
    this.typing = again;
    return answer;
  }

  /** Puts what is looked at into the address. */
  remember() {
    const filter = Object.keys(this.conditions).length ? JSON.stringify(this.filter) : null;
    setParameters({ filter, sort: this.sort, group: this.group }, { replace: this.typing });
    announce(FILTER_CHANGED);
  }

  /** Whether the address says something else than what is looked at: Back was pressed. */
  get left() {
    const filter = canonicalFilter(JSON.stringify(this.conditions)) === canonicalFilter(getParameter("filter"));
    return !filter || this.sort !== getParameter("sort") || this.group !== getParameter("group");
  }

  /** Reads what to look at from the address. */
  recall() {
    this.filter = getParameter("filter") || {};
    const sort = getParameter("sort");
    this.sort = sort !== null && sort in this.props.sorts ? sort : null;
    const group = getParameter("group");
    this.group = group !== null && group in this.props.groups ? group : null;
    this.page = {};
  }

  /** @param {string} id */
  chart(id) {
    return this.board?.charts.find((chart) => chart.id === id);
  }
}
