/** One decision for all rows of Explore's filter, after its count was typed to confirm it. */

import { addressFilter } from "../../lib/address.js";
import { button, find, make, partsOf, setOptions, setText } from "../../lib/dom.js";
import { formatNumber } from "../../lib/format.js";
import { callPanels } from "./requests.js";

/** @typedef {"accept" | "reject" | "skip" | "tag" | "untag"} Action */

/** @type {Record<Action, string>} */
const TITLES = { accept: "Accept", reject: "Reject", skip: "Skip", tag: "Tag", untag: "Remove a tag" };
/** What else an action needs. @type {Partial<Record<Action, { key: string, label: string, placeholder: string }>>} */
const VALUES = {
  reject: { key: "reason", label: "Reason", placeholder: "reason (optional)" },
  tag: { key: "tag", label: "Tag", placeholder: "tag" },
  untag: { key: "tag", label: "Tag", placeholder: "tag" },
};

/**
 * What is sent with an action: the reason of a rejection, where one was written, or a tag.
 * @param {Action} action
 * @param {string} value
 * @returns {Record<string, string>}
 */
export function payloadOf(action, value) {
  const field = VALUES[action];
  return field && value ? { [field.key]: value } : {};
}

/**
 * Whether a typed text is this count, with or without separators.
 * @param {string} text
 * @param {number} count
 */
export const isCount = (text, count) => text.replace(/[^0-9]/g, "") === String(count);

export class Bulk {
  /**
   * @param {HTMLElement} element
   * @param {import("../../lib/host.js").Server} server
   * @param {() => void} onDecided
   */
  constructor(element, server, onDecided) {
    this.part = partsOf(element);
    this.server = server;
    this.onDecided = onDecided;
    /** What would be decided. @type {{ count: number, filter: string | null } | null} */
    this.matches = null;
    const { part } = this;
    setOptions(part("bulk-action", HTMLSelectElement), Object.entries(TITLES));
    part("bulk-action").addEventListener("change", () => this.draw());
    part("bulk-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.askToConfirm();
    });
    const decide = part("bulk-decide", HTMLButtonElement);
    part("bulk-count").addEventListener("input", () => this.drawDecide());
    part("bulk-confirm").addEventListener("keydown", (event) => event.key === "Escape" && this.cancel());
    part("bulk-confirm").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!decide.disabled) this.decide();
    });
  }

  get action() {
    return /** @type {Action} */ (this.part("bulk-action", HTMLSelectElement).value);
  }

  get value() {
    return this.part("bulk-value", HTMLInputElement).value.trim();
  }

  draw() {
    const { action, matches, part } = this;
    const value = part("bulk-value", HTMLInputElement);
    const field = VALUES[action];
    value.hidden = !field;
    value.placeholder = field?.placeholder ?? "";
    value.setAttribute("aria-label", field?.label ?? "");
    const submit = part("bulk-submit", HTMLButtonElement);
    submit.textContent = matches ? `${TITLES[action]}: all ${formatNumber(matches.count)}…` : "…";
    submit.disabled = !matches?.count;
    part("bulk-confirm").hidden = true;
  }

  /** Counts the rows of the filter, which may have changed. A count that is being typed stays and is compared with the new one. */
  async refresh() {
    const filter = addressFilter();
    const reply = await callPanels(this.server, "curate_count", { filter });
    this.matches = reply.error ? null : { count: reply.count, filter };
    const about = `questions match ${reply.of}. One decision for all of them is one entry of the history, and one undo.`;
    setText(this.part("bulk-about"), reply.error || `${formatNumber(reply.count)} ${about}`);
    const isConfirming = !this.part("bulk-confirm").hidden && this.matches !== null && this.matches.count > 0;
    this.draw();
    if (isConfirming) this.drawConfirm();
  }

  askToConfirm() {
    const { action, matches, part } = this;
    if (!matches) return;
    const needsTag = VALUES[action]?.key === "tag" && !this.value;
    setText(part("bulk-status"), needsTag ? "Enter the tag first." : "");
    if (needsTag) {
      part("bulk-value").focus();
      return;
    }
    const count = part("bulk-count", HTMLInputElement);
    count.value = "";
    this.drawConfirm();
    count.focus();
  }

  drawConfirm() {
    const { action, matches, part } = this;
    const confirm = part("bulk-confirm");
    setText(find(confirm, "span"), `This decides ${formatNumber(matches?.count ?? 0)} questions, including those on other pages. Type the count to confirm:`);
    setText(part("bulk-decide"), TITLES[action]);
    confirm.hidden = false;
    this.drawDecide();
  }

  /** Enables the last button where the typed count is right. */
  drawDecide() {
    const { matches, part } = this;
    part("bulk-decide", HTMLButtonElement).disabled = !matches || !isCount(part("bulk-count", HTMLInputElement).value, matches.count);
  }

  cancel() {
    this.draw();
    this.part("bulk-submit").focus();
  }

  async decide() {
    const { action, matches, part } = this;
    if (!matches) return;
    this.cancel();
    const request = { filter: matches.filter, action, payload: payloadOf(action, this.value), expected: matches.count };
    const reply = await callPanels(this.server, "curate_bulk", request);
    this.report(reply);
    if (reply.event_id) {
      part("bulk-status").append(" ", button("Undo all of it", async () => {
        this.report(await callPanels(this.server, "curate_take_back", { event_id: reply.event_id }));
        this.onDecided();
      }));
    }
    if (reply.error) this.refresh();
    else this.onDecided();
  }

  /** @param {{ said?: string, error?: string }} reply */
  report({ said, error }) {
    const status = this.part("bulk-status");
    status.className = error ? "error" : "";
    status.replaceChildren(make("span", "", error || said));
  }
}
