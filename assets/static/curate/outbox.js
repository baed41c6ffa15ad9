/**
 * Decisions on their way to the server. They are sent in order, each with an id from the browser, and stay in the
 * browser until the server has stored them; one that is sent twice is stored once. They survive a reload of the page.
 */

import { randomId } from "../lib/requests.js";

/**
 * @typedef {object} Decision
 * @property {string} event_id
 * @property {string | null} question_id - null for an undo
 * @property {string} action
 * @property {object} payload
 * @property {string} queue
 * @property {string | null} reviewer
 * @typedef {object} Result - what the server did with one decision
 * @property {string} event_id
 * @property {string} [refused] - why it will never be stored
 * @property {string | null} [undone] - the question of the decision that was taken back; null: there was none
 * @property {string} [said]
 * @property {number} [at] - its index in the queue
 * @property {import("./queue.js").Verb | null} [decided]
 * @typedef {{ reviewer: string | null, queue: string, events: Decision[] }} Batch
 * @typedef {{ done?: Result[], estimate?: string, error?: string }} Reply
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Store
 */

const KEY = "curate-outbox";
const MOST = 50; // decisions in one request
const DELAYS = [1000, 2000, 4000, 8000, 15000]; // milliseconds until the next try

export class Outbox {
  /**
   * @param {object} options
   * @param {(batch: Batch) => Promise<Reply>} options.send
   * @param {(batch: Batch, results: Map<string, Result>, reply: Reply) => void} options.onReply
   * @param {(problem?: string) => void} options.onChange - `problem`: why the last request failed
   * @param {() => void} options.onSaved - all decisions are stored
   * @param {() => Store} options.storage - may raise: browsers can forbid it
   * @param {number[]} [options.delays]
   */
  constructor({ send, onReply, onChange, onSaved, storage, delays = DELAYS }) {
    this.send = send;
    this.onReply = onReply;
    this.onChange = onChange;
    this.onSaved = onSaved;
    this.storage = storage;
    this.delays = delays;
    /** @type {Decision[]} */
    this.decisions = [];
    this.sending = false;
    this.failures = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  get size() {
    return this.decisions.length;
  }

  /**
   * Whether decisions on a question are not stored yet.
   * @param {string | null} id
   */
  isPending(id) {
    return this.decisions.some((decision) => decision.question_id === id);
  }

  /** @param {Omit<Decision, "event_id">} decision */
  add(decision) {
    this.decisions.push({ event_id: randomId(16), ...decision });
    this.save();
    this.onChange();
    return this.flush();
  }

  save() {
    try {
      if (this.size) this.storage().setItem(KEY, JSON.stringify(this.decisions));
      else this.storage().removeItem(KEY);
    } catch {
      // without storage they are kept as long as the page is open
    }
  }

  /** Sends what a page that was closed or reloaded has left. */
  restore() {
    try {
      const left = JSON.parse(this.storage().getItem(KEY) || "[]");
      if (Array.isArray(left)) this.decisions = left;
    } catch {
      this.decisions = [];
    }
    return this.flush();
  }

  /** The first decisions that have one queue and one reviewer. */
  nextBatch() {
    const [{ queue, reviewer }] = this.decisions;
    const other = this.decisions.findIndex((decision) => decision.queue !== queue || decision.reviewer !== reviewer);
    const events = this.decisions.slice(0, Math.min(other < 0 ? this.size : other, MOST));
    return { reviewer, queue, events };
  }

  /** Sends the decisions, one request at a time. */
  async flush() {
    if (this.sending || !this.size) return;
    clearTimeout(this.retry);
    this.sending = true;
    const batch = this.nextBatch();
    const reply = await this.send(batch);
    this.sending = false;
    const results = new Map((reply.done ?? []).map((result) => [result.event_id, result]));
    this.decisions = this.decisions.filter((decision) => !results.has(decision.event_id));
    this.save();
    this.failures = reply.error ? this.failures + 1 : 0;
    this.onReply(batch, results, reply);
    this.onChange(reply.error);
    if (reply.error) this.retry = setTimeout(() => this.flush(), this.delays[Math.min(this.failures, this.delays.length) - 1]);
    else if (this.size) this.flush();
    else this.onSaved();
  }
}
