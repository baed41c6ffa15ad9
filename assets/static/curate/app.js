/** The state of Curate: who reviews, which queue and question are open, and the requests to the server. */

import { partsOf, setText } from "../lib/dom.js";
import { announce, DECISIONS_SAVED } from "../lib/messages.js";
import { call, RequestNumbers } from "../lib/requests.js";
import { drawCard } from "./card.js";
import { Outbox } from "./outbox.js";
import { drawBar, drawDone, drawSaved } from "./progress.js";
import { idsAhead, openId } from "./queue.js";

/**
 * @typedef {import("./queue.js").Queue} Queue
 * @typedef {{ sample: number, title: string, answer: string | null, text: string, raw: string, reasoning: string }} Sample
 * @typedef {{ title: string, facts: string, samples: number[] }} AnswerGroup
 * @typedef {{ name: string, value: string, percentile: number | null }} Score
 * @typedef {{ query: string, response: string | null, answer: string | null }} Raw
 * @typedef {keyof Raw} Field - a text that can be edited
 * @typedef {object} Card
 * @property {string} id
 * @property {undefined} [gone]
 * @property {boolean} hidden - without scores: the queue is blind, and the question not decided yet
 * @property {"" | "hidden" | "shown"} others - what other reviewers did; empty: nothing
 * @property {string[]} facts
 * @property {string} query
 * @property {string | null} response
 * @property {string | null} answer
 * @property {Raw} raw - what an edit begins with
 * @property {Partial<Record<Field, string>>} original - of the edited fields
 * @property {string} reference
 * @property {number | null} chosen
 * @property {Sample[]} samples
 * @property {AnswerGroup[]} groups
 * @property {Score[]} scores
 * @property {{ stage: string, said: string, raw: string }[]} verdicts
 * @property {string} dropped
 * @property {{ id: string, text: string }[]} near
 * @property {number} near_of
 * @property {string[]} reviews - what each reviewer has last decided
 * @property {string} status
 * @property {string[]} tags
 * @property {{ who: string, text: string, when: string }[]} notes
 * @property {{ who: string, what: string, with: string, when: string, undone: boolean }[]} decisions
 * @typedef {{ id: string, gone: string }} GoneCard - its run was deleted
 * @typedef {{ name: string, text: string, order: string, of: string, filter: string, progress: string, over: boolean,
 *   made: string }} QueueRow
 * @typedef {object} Overview - what the tab shows before a queue is open
 * @property {string | null} who
 * @property {boolean} fixed - a login says who reviews
 * @property {boolean} demo
 * @property {number} total
 * @property {QueueRow[]} queues
 * @property {number} seed - one that no queue has
 * @property {{ name: string, text: string, filter: string }[]} views
 * @property {string[]} notes
 * @property {string[]} tags
 * @typedef {object} Props
 * @property {{ name: string, title: string, help: string }[]} orders
 * @property {string[]} fields
 * @property {number} size
 * @property {number} largest
 * @property {string[]} reasons
 * @property {string} demo
 * @property {number} longest_reason
 * @property {number} longest_note
 * @property {number} longest_text
 * @property {number} longest_name
 * @typedef {object} Pane - what is asked over the card
 * @property {string} kind
 * @property {(event: KeyboardEvent) => boolean} onKey - whether it used the key
 * @property {() => boolean} hasUnsaved - whether leaving the page would lose what was written
 * @typedef {object} Actions - what buttons of the card and replies of the server start
 * @property {(name: string) => unknown} openQueue
 * @property {() => unknown} leaveQueue
 * @property {(step: 1 | -1) => void} cycleSample
 * @property {(index: number) => void} toggleTag
 * @property {() => unknown} editTags
 * @property {() => void} closePane
 * @property {(batch: import("./outbox.js").Batch, results: Map<string, import("./outbox.js").Result>) => void} settle
 */

const NO_ANSWER = "The app does not answer. Check that it is still running. Your decisions stay in this browser until they are saved.";
const AHEAD = 6; // cards that are fetched before they are shown
const CACHED = 60; // cards

export class App {
  /**
   * @param {import("../lib/host.js").Host<Props>} host
   * @param {(app: App) => Actions} makeActions
   */
  constructor({ element, props, server }, makeActions) {
    this.element = element;
    this.part = partsOf(element);
    this.props = props;
    this.server = server;
    /** @type {string | null} */
    this.reviewer = null;
    /** @type {Overview | null} */
    this.overview = null;
    /** @type {Queue | null} */
    this.queue = null;
    /** Those of the keys 1 to 9. @type {string[]} */
    this.tags = [];
    /** @type {Map<string, Card | GoneCard>} */
    this.cards = new Map();
    this.cardRequests = new RequestNumbers();
    this.listRequests = new RequestNumbers();
    /** The index of the solution that is shown; null: the chosen one. @type {number | null} */
    this.sampleShown = null;
    /** Whether other reviewers' decisions are shown before one's own. */
    this.showsOthers = false;
    /** Questions whose other decisions were on the screen. @type {Set<string>} */
    this.exposed = new Set();
    /** @type {Pane | null} */
    this.pane = null;
    /** What had the focus when the pane was opened. @type {Element | null} */
    this.opener = null;
    this.outbox = new Outbox({
      send: (batch) => this.call("curate_send", { ...batch, others: this.showsOthers }),
      onReply: (batch, results, reply) => {
        this.actions.settle(batch, results);
        if (!this.queue || reply.estimate === undefined || batch.queue !== this.queue.name) return;
        setText(this.part("estimate"), reply.estimate);
        if (this.queue.at === null) drawDone(this, this.queue);
      },
      onChange: (problem) => drawSaved(this, problem),
      onSaved: () => announce(DECISIONS_SAVED),
      storage: () => sessionStorage,
    });
    this.actions = makeActions(this);
  }

  /** The open card; undefined while it is loading. */
  get card() {
    return this.cards.get(openId(this.queue));
  }

  /**
   * @param {string} name
   * @param {object} [request]
   * @returns {Promise<any>}
   */
  call(name, request) {
    return call(this.server, name, { reviewer: this.reviewer || null, ...request }, NO_ANSWER);
  }

  /** An error above the tab; empty removes it. @param {string} text */
  showError(text) {
    const message = this.part("message");
    setText(message, text);
    message.classList.toggle("is-error", Boolean(text));
    message.hidden = !text;
  }

  /** What the last key did. @param {string} text */
  report(text) {
    setText(this.part("feedback"), text);
  }

  /**
   * Stores a decision, an edit, a tag or a note.
   * @param {string} action
   * @param {object} payload
   * @param {string | null} id
   */
  record(action, payload, id) {
    if (!this.queue) return;
    this.outbox.add({ question_id: id, action, payload, queue: this.queue.name, reviewer: this.reviewer });
  }

  /** Fetches cards; one that was requested again meanwhile is dropped. @param {string[]} ids */
  async fetchCards(ids) {
    const { queue, showsOthers } = this;
    if (!ids.length || !queue) return;
    const numbers = ids.map((id) => this.cardRequests.next(id));
    const reply = await this.call("curate_cards_of", { ids, blind: queue.blind, others: showsOthers });
    if (this.queue?.name !== queue.name) return;
    const newest = ids.filter((id, i) => this.cardRequests.isNewest(numbers[i], id));
    newest.forEach((id) => this.cardRequests.forget(id));
    if (reply.error) {
      if (!this.card) this.showError(reply.error);
      return;
    }
    this.showError("");
    newest.forEach((id) => this.keepCard(id, reply.cards[id]));
    if (newest.includes(openId(this.queue))) drawCard(this);
  }

  /**
   * @param {string} id
   * @param {Card | GoneCard} card
   */
  keepCard(id, card) {
    this.cards.delete(id);
    this.cards.set(id, card);
    for (const other of this.cards.keys()) {
      if (this.cards.size <= CACHED) break;
      if (other !== openId(this.queue)) this.cards.delete(other);
    }
  }

  prefetch() {
    const { queue } = this;
    if (!queue) return;
    const isMissing = (/** @type {string} */ id) => !this.cards.has(id) && !this.cardRequests.isPending(id);
    const open = openId(queue);
    if (isMissing(open)) this.fetchCards([open]); // alone: the reviewer waits for it
    const ahead = idsAhead(queue, AHEAD).filter((id) => isMissing(id) && !this.outbox.isPending(id));
    this.fetchCards(ahead.slice(0, AHEAD));
  }

  /** Opens a question of the queue by its index; null where all are decided. @param {number | null} at */
  show(at) {
    if (!this.queue) return;
    this.queue.at = at;
    this.sampleShown = null;
    this.actions.closePane();
    drawCard(this);
    drawBar(this, this.queue);
    if (at !== null) this.prefetch();
  }

  /** @param {number} index */
  showSample(index) {
    this.sampleShown = index;
    drawCard(this);
  }
}
