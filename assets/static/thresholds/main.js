/** The thresholds section: what other thresholds would keep of the filter in the page's address. */

import { addressFilter } from "../lib/address.js";
import { find, group, make, onActions, partsOf, setMessage, setText, updateKeyed } from "../lib/dom.js";
import { formatNumber, formatPercent } from "../lib/format.js";
import { isShown, listen, onShownChange } from "../lib/lifetime.js";
import { announce, FILTER_CHANGED, VIEWS_CHANGED } from "../lib/messages.js";
import { call, RequestStream } from "../lib/requests.js";
import { Sliders } from "./sliders.js";
import { openThresholds, withEnd } from "./state.js";

/**
 * @typedef {import("./state.js").Thresholds} Thresholds
 * @typedef {{ text: string, count: number }} Topic
 * @typedef {object} BaseCounts - what changes only with the filter and the rows
 * @property {string} about
 * @property {number} count
 * @property {number} tokens
 * @property {number} chars
 * @property {number} uncounted - candidates whose solutions have no token count: lengths are in characters then
 * @property {Topic[]} topics
 * @typedef {BaseCounts & import("./sliders.js").Base} Base
 * @typedef {object} Counts
 * @property {Thresholds} own - those of the filter
 * @property {Thresholds} thresholds
 * @property {string} key
 * @property {Base} [base]
 * @property {string} part
 * @property {number} count
 * @property {number} tokens
 * @property {number} chars
 * @property {string} pairs
 * @property {number[]} topics
 * @property {string | null} [refused]
 * @typedef {Counts & import("./sliders.js").Reply} Reply
 */

const REST = 250; // milliseconds without a move, after which the rows at the ends are requested
const SAMPLED = 1000; // milliseconds between two requests while all rows are still being read

/** @param {import("../lib/host.js").Host<{ longest: number, duplicates: string }>} host */
export function mount({ element, props, server }) {
  const part = partsOf(element);
  const name = part("name", HTMLInputElement);
  /** @type {Thresholds | null} */
  let thresholds = null; // null: those of the filter
  /** @type {string | null} */
  let own = null; // the filter's as text: when they change, the sliders follow
  /** @type {(Base & { key: string }) | null} */
  let base = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;

  const sliders = new Sliders(part("sliders"), {
    duplicatesNote: props.duplicates,
    thresholds: () => thresholds ?? openThresholds(),
    onEnd(id, end, value) {
      sliders.shownEnds[id] = end;
      thresholds = withEnd(thresholds ?? openThresholds(), id, end, value);
      changed(id);
    },
    onDuplicates(duplicates) {
      thresholds = { ...(thresholds ?? openThresholds()), duplicates };
      changed("duplicates");
    },
    onSide: () => look(true),
  });

  /** @type {RequestStream<boolean, import("../lib/requests.js").Answer<Reply>>} */
  const requests = new RequestStream(
    (rows) => {
      clearTimeout(resting);
      return call(server, "whatif_look", { filter: addressFilter(), thresholds, known: base && base.key, rows });
    },
    (reply, rows, newest) => {
      draw(reply);
      if (!rows && newest && !requests.waiting && reply.error === undefined) resting = setTimeout(() => look(true), REST);
    },
  );

  /**
   * @param {boolean} [rows] - with the rows at the ends of the sliders
   */
  function look(rows = false) {
    requests.request(rows, !rows);
  }

  /** @param {import("./state.js").SliderId} id */
  function changed(id) {
    setText(part("status"), "");
    part("refused").hidden = true;
    sliders.drawEnds(id, true);
    look();
  }

  /** @param {import("../lib/requests.js").Answer<Reply>} reply */
  function draw(reply) {
    setMessage(part("error"), reply.error ?? ("refused" in reply ? reply.refused : ""));
    if (reply.error !== undefined) return;
    const before = own;
    own = JSON.stringify(reply.own);
    if (thresholds === null) ({ thresholds } = reply);
    else if (own !== before) {
      thresholds = reply.own;
      if (own !== JSON.stringify(reply.thresholds)) look();
    }
    if (reply.base) base = { ...reply.base, key: reply.key };
    if (!base) return;
    setText(part("about"), `${reply.part} ${base.about}`.trim());
    if (reply.part) setTimeout(() => isShown(element) && look(true), SAMPLED);
    part("all").hidden = !base.count;
    drawCounts(base, reply);
    sliders.draw(base, reply);
  }

  /**
   * @param {Base} all
   * @param {Reply} reply
   */
  function drawCounts(all, reply) {
    setText(part("count"), formatNumber(reply.count));
    setText(part("share"), `of ${formatNumber(all.count)} candidates kept (${formatPercent(reply.count / (all.count || 1))})`);
    const some = all.uncounted && all.uncounted < all.count ? ` Tokens of ${formatNumber(all.uncounted)} solutions were not counted.` : "";
    const [length, total, unit] = all.uncounted ? [reply.chars, all.chars, "solution characters"] : [reply.tokens, all.tokens, "solution tokens"];
    setText(part("tokens"), `${formatNumber(length)} of ${formatNumber(total)} ${unit}.${some}`);
    setText(part("pairs"), reply.pairs);
    if (reply.borders) setText(part("live"), `${part("count").textContent} ${part("share").textContent}`);
    const topics = all.topics.map(({ text, count }, i) => ({ text, count, kept: reply.topics[i] })).filter(({ count }) => count);
    topics.sort((a, b) => b.count - a.count);
    /** @param {typeof topics[0]} topic */
    const shares = ({ count, kept }) => [count / (all.count || 1), kept / (reply.count || 1)];
    const most = Math.max(...topics.flatMap(shares), 1e-9);
    updateKeyed(part("topics"), topics, (topic) => topic.text, makeTopic, (row, topic) => {
      const [before, after] = shares(topic);
      setText(find(row, ".name"), topic.text);
      find(row, ".before").style.width = `${(before / most) * 100}%`;
      find(row, ".after").style.width = `${(after / most) * 100}%`;
      setText(find(row, ".numbers"), `${formatPercent(before)} → ${formatPercent(after)}`);
      row.title = `${formatNumber(topic.kept)} of ${formatNumber(topic.count)} kept`;
    });
  }

  function makeTopic() {
    const bars = group("div", "bars", make("span", "before"), make("span", "after"));
    bars.setAttribute("aria-hidden", "true");
    const [label, numbers] = [make("span", "name"), make("span", "numbers")];
    [label, numbers].forEach((cell) => cell.setAttribute("role", "cell"));
    const row = group("div", "", label, bars, numbers);
    row.setAttribute("role", "row");
    return row;
  }

  function drawSave() {
    const save = part("save", HTMLButtonElement);
    save.disabled = !name.value.trim();
    save.title = save.disabled ? "Name the view first" : "";
  }

  async function keep() {
    /** @type {{ error?: string, said?: string }} */
    const reply = await call(server, "whatif_keep", { name: name.value, filter: addressFilter(), thresholds });
    setMessage(part("refused"), reply.error);
    setText(part("status"), reply.said ?? "");
    if (reply.error) return;
    name.value = "";
    drawSave();
    announce(VIEWS_CHANGED);
  }

  name.maxLength = props.longest;
  name.addEventListener("input", drawSave);
  drawSave();
  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    keep();
  });
  onActions(element, {
    reset: () => {
      thresholds = openThresholds();
      look();
    },
  });
  listen(element, window, FILTER_CHANGED, () => isShown(element) && look(true));
  onShownChange(element, (shown) => shown && look(true));
  if (isShown(element)) look(true);
}
