/** Home: the tour. One sentence, three ways on, the funnel whose stages lead to what they dropped, charts and pairs. */

import { Board } from "../components/board/draw.js";
import { drawLines } from "../components/lines/draw.js";
import { button, find, group, make, partsOf, setMessage, setOptions, setText, updateKeyed } from "../lib/dom.js";
import { isShown, listen, onAppear, repeat } from "../lib/lifetime.js";
import { followRun, LiveRun } from "../lib/live.js";
import { storeToken } from "../lib/live_tokens.js";
import { announce, DECISIONS_CHANGED, RUNS_CHANGED, showImport, showInExplore, showInSample } from "../lib/messages.js";
import { call } from "../lib/requests.js";
import { drawText } from "../lib/text/draw.js";

/**
 * @typedef {Record<string, unknown>} Filter
 * @typedef {{ stage: string, passed: number, dropped: number, pending: number, filter: Filter }} Stage - `filter`: of what it dropped
 * @typedef {{ id: string, query: string, response: string, facts: string }} Pair
 * @typedef {{ title: string, text: string, filter: Filter | null, adds: boolean }} Exploring - `adds`: the demo to the workspace
 * @typedef {object} Look
 * @property {string} [error]
 * @property {boolean} [same]
 * @property {string} version
 * @property {boolean} partial - a sample was read first
 * @property {string} headline
 * @property {string} about
 * @property {[string, string][]} runs
 * @property {string} chosen
 * @property {Stage[]} funnel
 * @property {string} note
 * @property {Filter} pairs_filter
 * @property {import("../components/board/draw.js").Chart[]} charts
 * @property {Pair[]} pairs
 * @property {Exploring} explore
 */

const LOOK_AGAIN = 3_000;
const CALM = 4; // times longer where nothing has changed

class Home {
  /** @param {import("../lib/host.js").Host<{ value: null }>} host */
  constructor({ element, server }) {
    this.element = element;
    this.server = server;
    this.part = partsOf(element);
    this.board = new Board(this.part("board"), (filter) => showInExplore({ filter: { ...this.ofRun(), ...filter } }));
    this.version = "";
    /** @type {Exploring | null} */
    this.explore = null;
    /** @type {LiveRun | null} */
    this.live = null;
    this.looks = 0;
    this.calm = false;
    this.waited = 0; // ticks since the last look
  }

  get run() {
    return this.part("run", HTMLSelectElement).value;
  }

  /** The condition on the chosen run. @returns {Filter} */
  ofRun() {
    return this.run ? { run: [this.run] } : {};
  }

  /** @param {boolean} [whole] - wait for all rows, not only a sample */
  async look(whole = false) {
    const number = (this.looks += 1);
    /** @type {Look} */
    const reply = await call(this.server, "home_look", { run: this.run, version: this.version, whole });
    if (number !== this.looks) return;
    if (reply.error) setText(this.part("counts"), reply.error);
    else if (!reply.same) this.draw(reply);
    this.calm = Boolean(reply.same);
    this.waited = 0;
    if (!reply.error && reply.partial && !whole) this.look(true);
  }

  /** @param {Look} found */
  draw(found) {
    const { part } = this;
    this.version = found.version;
    this.explore = found.explore;
    setText(part("counts"), found.headline);
    setMessage(part("about"), found.about);
    setText(part("explore-title"), found.explore.title);
    setText(part("explore-text"), found.explore.text);
    const select = part("run", HTMLSelectElement);
    part("choice").hidden = found.runs.length < 2;
    if (JSON.stringify([...select.options].map(({ value, text }) => [value, text])) !== JSON.stringify(found.runs)) setOptions(select, found.runs);
    select.value = found.chosen;
    this.drawFunnel(found);
    this.board.update(found.charts);
    part("best").hidden = !found.pairs.length;
    updateKeyed(part("pairs"), found.pairs, (pair) => `${pair.id} ${pair.query} ${pair.response}`, makePair, () => {});
  }

  /** @param {Look} found */
  drawFunnel({ funnel, note, pairs_filter }) {
    this.part("funnel").hidden = !funnel.length;
    setText(this.part("funnel-note"), note);
    const first = Math.max(funnel[0]?.passed ?? 0, 1);
    updateKeyed(this.part("stages"), funnel, ({ stage }) => stage, makeStage, (row, { stage, passed, dropped, pending, filter }) => {
      find(row, ".passed").style.width = `${(100 * passed) / first}%`;
      find(row, ".dropped").style.width = `${(100 * dropped) / first}%`;
      setText(find(row, ".count"), passed.toLocaleString("en"));
      const isPair = stage === "pair";
      const none = stage === "generated" || pending ? "" : "none dropped";
      const out = dropped ? button(`${dropped.toLocaleString("en")} dropped`, () => showInExplore({ filter }), "link") : make("span", "none", none);
      const all = isPair ? button("show the pairs", () => showInExplore({ filter: pairs_filter }), "link") : "";
      const waiting = pending ? `${pending.toLocaleString("en")} pending ` : "";
      find(row, ".out").replaceChildren(waiting, isPair && !dropped ? all : out);
    });
  }

  async generate() {
    const more = this.part("more", HTMLButtonElement);
    more.disabled = true;
    const reply = await call(this.server, "home_generate");
    if (reply.error) {
      this.showFresh(reply.error);
      more.disabled = false;
      return;
    }
    storeToken(reply.run, reply.token); // Sample may follow it too
    const live = new LiveRun(reply.run);
    this.live = live;
    this.drawFresh(live);
    this.look();
    followRun(live, reply.token, () => this.drawFresh(live), () => {
      more.disabled = false;
      announce(RUNS_CHANGED);
    });
  }

  /** @param {string} status */
  showFresh(status) {
    this.part("fresh").hidden = false;
    setText(this.part("fresh-status"), status);
    this.part("watch").hidden = !this.live;
  }

  /** @param {LiveRun} live */
  drawFresh(live) {
    this.showFresh(live.fields.status || "Starting…");
    const lines = [...live.questions.values()].map((question) => ({ question, title: `Question ${question.number}`, short: String(question.number) }));
    drawLines(this.part("lines"), lines, null, () => showInSample(live.fields.run));
  }

  /** Explores the demo, which becomes a part of a workspace with other runs. */
  async exploreRows() {
    if (!this.explore) return;
    if (this.explore.adds) {
      const reply = await call(this.server, "home_keep_demo");
      if (reply.error) {
        setText(this.part("explore-text"), reply.error);
        return;
      }
      this.look();
    }
    showInExplore({ filter: this.explore.filter ?? {} });
  }
}

/** @param {Stage} stage */
function makeStage({ stage }) {
  const track = group("span", "track", make("span", "passed"), make("span", "dropped"));
  const row = group("li", "", make("span", "stage", stage), track, make("span", "count"), make("span", "out"));
  return row;
}

/** @param {Pair} pair */
function makePair({ id, query, response, facts }) {
  const [question, solution] = [make("div", "query"), make("div", "response")];
  drawText(question, query);
  drawText(solution, response);
  const open = () => showInExplore({ row: id });
  const card = group("article", "pair", question, solution, make("p", "facts", facts), button("Open in Explore", (event) => {
    event.stopPropagation();
    open();
  }, "link"));
  card.addEventListener("click", ({ target }) => {
    const busy = target instanceof Element && target.closest("summary, a, button");
    if (!busy && String(getSelection()) === "") open();
  });
  return card;
}

/** @param {import("../lib/host.js").Host<{ value: null }>} host */
export function mount(host) {
  const home = new Home(host);
  const { element } = host;
  home.part("more").addEventListener("click", () => home.generate());
  home.part("explore").addEventListener("click", () => home.exploreRows());
  home.part("import").addEventListener("click", () => showImport());
  home.part("watch").addEventListener("click", () => home.live && showInSample(home.live.fields.run));
  home.part("again").addEventListener("click", () => home.look());
  home.part("run").addEventListener("change", () => home.look());
  const look = () => isShown(element) && home.look();
  onAppear(element, look);
  repeat(element, LOOK_AGAIN, () => (home.waited += 1) >= (home.calm ? CALM : 1) && look());
  [RUNS_CHANGED, DECISIONS_CHANGED].forEach((name) => listen(element, window, name, () => isShown(element) && home.look(true)));
}
