/** Live runs in the page: the state of one, and the stream of what changes in it. */

/**
 * @typedef {{ state: "passed" | "dropped" | "running" | "waiting" | "failed" | "stopped", text: string }} Chip
 * @typedef {{ number: number, title: string, chosen: boolean, bar: number | null }} Solution
 * @typedef {{ title: string, answer: string | null, solutions: number[][] }} AnswerGroup - equal solutions together
 * @typedef {object} QuestionFields
 * @property {number} number - in its run, from 1
 * @property {string} facts
 * @property {boolean} writing
 * @property {boolean} ended
 * @property {Chip} outcome
 * @property {Chip[]} chips
 * @property {string} note
 * @property {AnswerGroup[]} groups
 * @property {Solution[]} samples
 * @property {string} why
 * @property {boolean} may_keep
 * @typedef {QuestionFields & { id: string, texts: Record<string, string> }} Question - texts by the name of what they are
 * @typedef {{ id: string, fields?: Partial<QuestionFields>, texts?: Record<string, string>, more?: Record<string, string> }} Change
 * @typedef {object} RunFields
 * @property {string} run
 * @property {string} state
 * @property {string} status
 * @property {string} numbers
 * @property {string} stored
 * @property {string | null} origin - the question that it repeats
 * @typedef {Partial<RunFields> & { questions?: Change[] }} Message - the first of a stream has everything
 */

/** The name of a question's own text; solutions are named by their numbers, their reasoning with an r. */
export const QUESTION = "question";
const RUNNING = new Set(["loading", "running"]);

/** @type {QuestionFields} */
const EMPTY = {
  number: 0, facts: "", writing: false, ended: false, outcome: { state: "running", text: "" }, chips: [], note: "", groups: [],
  samples: [], why: "", may_keep: false,
};

/** The state of a live run. */
export class LiveRun {
  /** @param {string} run */
  constructor(run) {
    /** @type {RunFields} */
    this.fields = { run, state: "loading", status: "", numbers: "", stored: "", origin: null };
    /** @type {Map<string, Question>} */
    this.questions = new Map();
    this.cancelling = false;
  }

  get running() {
    return RUNNING.has(this.fields.state);
  }

  /**
   * @param {Message} message
   * @param {boolean} [first] - it has everything
   */
  apply({ questions = [], ...fields }, first = false) {
    Object.assign(this.fields, fields);
    if (first) this.questions.clear();
    questions.forEach((change) => this.change(change));
  }

  /** @param {Change} change */
  change({ id, fields, texts, more = {} }) {
    const question = this.questions.get(id) ?? { ...EMPTY, id, texts: {} };
    this.questions.set(id, question);
    Object.assign(question, fields);
    if (this.cancelling) return; // what was still being written is of no interest
    Object.assign(question.texts, texts);
    Object.entries(more).forEach(([name, text]) => (question.texts[name] = (question.texts[name] ?? "") + text));
  }
}

/**
 * Follows the stream of a run, and applies what comes once a frame. Returns what ends it.
 * @param {LiveRun} run
 * @param {string} token
 * @param {() => void} onChange
 * @param {(lost: boolean) => void} onEnd - `lost`: the app does not know the run any more
 */
export function followRun(run, token, onChange, onEnd) {
  const source = new EventSource(new URL(`../../../live/${encodeURIComponent(token)}/events`, import.meta.url));
  /** @type {{ message: Message, first: boolean }[]} */
  let waiting = [];
  let fresh = true;
  const apply = () => {
    const now = waiting;
    waiting = [];
    now.forEach(({ message, first }) => run.apply(message, first));
    if (now.length) onChange();
  };
  source.onopen = () => (fresh = true); // after a lost connection too
  source.onmessage = ({ data }) => {
    if (!waiting.length) requestAnimationFrame(apply);
    waiting.push({ message: JSON.parse(data), first: fresh });
    fresh = false;
  };
  source.addEventListener("end", () => {
    source.close();
    apply();
    onEnd(false);
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onEnd(true);
  };
  return () => source.close();
}
