/**
 * Sample: the questions of a live run as they are written, one line each, and one of them in focus. The run is in the
 * address, so that a reloaded page has it again; while it is going on, it is followed by a stream.
 */

import { ADDRESS_CHANGED, getParameter, setParameters } from "../lib/address.js";
import { storedReviewer } from "../curate/reviewer.js";
import { button, find, make, partsOf, setMessage, setText, updateKeyed } from "../lib/dom.js";
import { listen } from "../lib/lifetime.js";
import { followRun, LiveRun } from "../lib/live.js";
import { announce, DECISIONS_CHANGED, onSampleRequest, RUNS_CHANGED, SAMPLE_REQUESTED, showInExplore } from "../lib/messages.js";
import { call, NO_ANSWER } from "../lib/requests.js";
import { drawCard, makeCard } from "./card.js";
import { drawLines } from "../components/lines/draw.js";
import { storedToken, storeToken } from "../lib/live_tokens.js";

/**
 * @typedef {import("../lib/live.js").Question} Question
 * @typedef {import("../lib/live.js").Message} Message
 * @typedef {{ request?: number, run?: string, token?: string, error?: string }} Started
 * @typedef {{ run: string, at: string, name: string, counts: string, seed: number }} EarlierRun
 * @typedef {import("../lib/host.js").Host<{ value: Started | null }>} SampleHost
 */

const NOTHING = "Nothing is sampled yet. Press Sample to see questions here as they are written.";
const LONGEST_START = 30_000;
const LOOK_AGAIN = 2_000; // at a run that another page samples
const CALM = 1_500; // least milliseconds between two questions that the page puts into focus

class SamplePage {
  /** @param {SampleHost} host */
  constructor({ element, server, emit, props }) {
    this.element = element;
    this.server = server;
    this.emit = emit;
    this.props = props;
    this.part = partsOf(element);
    /** The run, and the runs that regenerate its questions. @type {LiveRun[]} */
    this.runs = [];
    /** @type {Map<string, { token: string, stop: () => void }>} */
    this.streams = new Map();
    /** @type {Set<string>} */
    this.kept = new Set();
    /** @type {string | null} */
    this.focus = null;
    this.pickedByUser = false;
    this.focusedAt = 0;
    this.problem = "";
    this.starting = 0;
    this.frame = 0;
    this.part("go").addEventListener("click", () => this.start());
    this.part("cancel").addEventListener("click", () => this.cancel());
  }

  get busy() {
    return this.starting > 0 || this.streams.size > 0;
  }

  /** Asks for a run with the settings of the form, which Gradio adds to the request. */
  start() {
    if (this.busy) return;
    const request = Date.now();
    this.starting = request;
    this.problem = "";
    this.emit("start", { request });
    setTimeout(() => {
      if (this.starting === request) this.refuse(NO_ANSWER);
    }, LONGEST_START);
    this.draw();
  }

  /** The answer to the request for a run. */
  receive() {
    const { request, run, token, error } = this.props.value ?? {};
    if (!request || request !== this.starting) return;
    if (error || !run || !token) this.refuse(error ?? NO_ANSWER);
    else {
      this.starting = 0;
      this.clear();
      this.add(run, token);
      setParameters({ sample: run });
    }
  }

  /** @param {string} problem */
  refuse(problem) {
    this.starting = 0;
    this.problem = problem;
    this.draw();
  }

  clear() {
    this.streams.forEach(({ stop }) => stop());
    this.streams.clear();
    this.runs = [];
    this.kept.clear();
    this.focus = null;
    this.pickedByUser = false;
    this.problem = "";
  }

  /**
   * Adds a run that was just started.
   * @param {string} run
   * @param {string} token
   */
  add(run, token) {
    const live = new LiveRun(run);
    this.runs.push(live);
    storeToken(run, token);
    this.follow(live, token);
  }

  /**
   * @param {LiveRun} live
   * @param {string} token
   */
  follow(live, token) {
    const { run } = live.fields;
    const stop = followRun(live, token, () => this.draw(), (lost) => {
      if (!this.streams.delete(run)) return;
      if (lost && this.runs[0] === live && !live.questions.size) this.problem = "This run has ended. Look for it among the earlier ones.";
      announce(RUNS_CHANGED);
      this.history();
      this.draw();
    });
    this.streams.set(run, { token, stop });
    this.draw();
  }

  cancel() {
    this.runs.forEach((live) => {
      const stream = this.streams.get(live.fields.run);
      if (!stream) return;
      live.cancelling = true;
      call(this.server, "sample_cancel", { token: stream.token });
    });
    setText(this.part("status"), "Cancelling…");
  }

  /** Shows a stored run, and follows it where this page has started it. @param {string} run */
  async open(run) {
    const reply = await call(this.server, "sample_stored", { run });
    if (getParameter("sample") !== run) return;
    const token = storedToken(run);
    this.clear();
    if (reply.error && token) this.add(run, token); // nothing of it is stored yet
    else if (reply.error) this.problem = reply.error;
    else this.take(reply);
    this.draw();
  }

  /** @param {{ runs: Message[], kept: string[] }} reply */
  take({ runs, kept }) {
    kept.forEach((id) => this.kept.add(id));
    runs.forEach((message) => {
      const live = new LiveRun(message.run ?? "");
      live.apply(message, true);
      this.runs.push(live);
      const token = live.running ? storedToken(live.fields.run) : null;
      if (token) this.follow(live, token);
      else if (live.running) setTimeout(() => this.lookAgain(live), LOOK_AGAIN);
    });
  }

  /** @param {LiveRun} live */
  lookAgain(live) {
    const run = this.runs[0]?.fields.run;
    if (this.element.isConnected && run && this.runs.includes(live) && !this.busy) this.open(run);
  }

  /** @param {string} id */
  async regenerate(id) {
    if (this.busy) return;
    this.starting = Date.now();
    this.draw();
    const reply = await call(this.server, "sample_again", { question: id });
    this.starting = 0;
    if (reply.error) this.refuse(reply.error);
    else {
      this.add(reply.run, reply.token);
      const live = this.runs[this.runs.length - 1];
      live.fields.origin = id;
      this.pickedByUser = false;
    }
  }

  /** @param {string} id */
  async keep(id) {
    this.kept.add(id);
    this.draw();
    const reply = await call(this.server, "sample_keep", { question: id, reviewer: storedReviewer() });
    if (reply.error) {
      this.kept.delete(id);
      this.refuse(reply.error);
    } else announce(DECISIONS_CHANGED);
  }

  /** The questions in order with their titles; a regenerated one follows its original. */
  lines() {
    /** @type {import("../components/lines/draw.js").Line[]} */
    const lines = [];
    const followers = (/** @type {string} */ id) => this.runs.filter((live) => live.fields.origin === id);
    /** @type {(question: Question, number: number, count: { again: number }) => void} */
    const add = (question, number, count) => {
      const which = count.again > 1 ? ` (${count.again})` : "";
      const title = `Question ${number}${count.again ? `, again${which}` : ""}`;
      lines.push({ question, title, short: count.again ? `${number}′` : String(number) });
      followers(question.id).forEach((live) => live.questions.forEach((other) => {
        count.again += 1;
        add(other, number, count);
      }));
    };
    this.runs[0]?.questions.forEach((question) => add(question, question.number, { again: 0 }));
    return lines;
  }

  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { part } = this;
    const lines = this.lines();
    const newest = this.runs.find((live) => this.streams.has(live.fields.run) && live.running) ?? this.runs[this.runs.length - 1];
    const cancelling = this.runs.some((live) => live.cancelling && this.streams.has(live.fields.run));
    const status = cancelling ? "Cancelling…" : newest?.fields.status || (newest || this.starting ? "Starting…" : NOTHING);
    setText(part("status"), this.problem || status);
    setMessage(part("numbers"), newest?.fields.numbers);
    setMessage(part("stored"), newest?.fields.stored);
    part("go", HTMLButtonElement).disabled = this.busy;
    part("cancel", HTMLButtonElement).disabled = !this.streams.size || cancelling;
    this.chooseFocus(lines);
    drawLines(part("lines"), lines, this.focus, (id) => {
      this.focus = id;
      this.pickedByUser = true;
      this.drawNow();
    });
    this.drawFocus(lines);
  }

  /**
   * Until someone chooses a question: the first that is being written, at the end the first pair.
   * @param {import("../components/lines/draw.js").Line[]} lines
   */
  chooseFocus(lines) {
    const questions = lines.map(({ question }) => question);
    const now = questions.find(({ id }) => id === this.focus);
    if (now && (this.pickedByUser || !now.ended || (this.streams.size && performance.now() - this.focusedAt < CALM))) return;
    const newest = this.runs[this.runs.length - 1];
    const repeated = newest?.fields.origin ? [...newest.questions.values()][0] : undefined;
    const writing = questions.find(({ ended, samples }) => !ended && samples.length) ?? questions.find(({ ended, texts }) => !ended && texts.question);
    const next = repeated ?? writing ?? (this.streams.size ? now : undefined) ?? questions.find(({ outcome }) => outcome.state === "passed") ?? questions[0];
    if (next && next.id !== this.focus) this.focusedAt = performance.now();
    this.focus = next?.id ?? null;
  }

  /** @param {import("../components/lines/draw.js").Line[]} lines */
  drawFocus(lines) {
    const shown = lines.filter(({ question }) => question.id === this.focus);
    updateKeyed(this.part("focus"), shown, ({ question }) => question.id, ({ question: { id } }) => makeCard(id, {
      keep: () => this.keep(id),
      again: () => this.regenerate(id),
      story: () => showInExplore({ row: id }),
    }), (card, { question, title }) => drawCard(card, question, { title, kept: this.kept.has(question.id), busy: this.busy }));
  }

  async history() {
    const reply = await call(this.server, "sample_history");
    if (reply.error) return;
    this.part("history").hidden = !reply.runs.length;
    updateKeyed(this.part("runs"), /** @type {EarlierRun[]} */ (reply.runs), ({ run }) => run, ({ run }) => {
      const item = make("li");
      item.append(button("", () => this.show(run), "earlier"));
      return item;
    }, (item, { at, name, counts, seed }) => {
      const when = new Date(at).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
      setText(find(item, "button"), [when, name, ...(name === counts ? [] : [counts]), `seed ${seed}`].join(" · "));
    });
  }

  /** Puts a run into the address and shows it. @param {string} run */
  show(run) {
    if (this.streams.size && this.runs.some((live) => live.fields.run === run)) return;
    setParameters({ sample: run });
    this.open(run);
  }
}

/** @param {SampleHost} host */
export function mount(host) {
  const page = new SamplePage(host);
  const addressed = () => {
    const run = getParameter("sample");
    if (run && !page.streams.size && page.runs[0]?.fields.run !== run) page.open(run);
  };
  host.watch("value", () => page.receive());
  listen(host.element, window, ADDRESS_CHANGED, addressed);
  listen(host.element, window, SAMPLE_REQUESTED, () => page.start());
  onSampleRequest(host.element, (run) => page.show(run))();
  addressed();
  page.history();
  page.draw();
}
