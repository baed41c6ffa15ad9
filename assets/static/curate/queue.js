/** A queue under review: which questions it has, how each was decided, and which one is open. */

/**
 * @typedef {"accept" | "reject" | "skip"} Verb
 * @typedef {object} Queue
 * @property {string} name
 * @property {string} text - the name as it can be shown
 * @property {string} order
 * @property {string} filter - in words
 * @property {number} of - rows of the filter
 * @property {boolean} sample - drawn with known probabilities, so that it allows an estimate
 * @property {boolean} blind
 * @property {boolean} settles - its decisions settle disagreements of reviewers
 * @property {string[]} ids
 * @property {(Verb | null)[]} decided - by this reviewer, in the order of `ids`
 * @property {number | null} at - the open question; null: all are decided
 * @property {string} estimate
 */

/** What was done to a question, by its verb. @type {Record<Verb, string>} */
export const OUTCOMES = { accept: "accepted", reject: "rejected", skip: "skipped" };

/**
 * Whether an action decides a question; edits, tags and notes don't.
 * @param {string} action
 * @returns {action is Verb}
 */
export const isVerb = (action) => action in OUTCOMES;

/**
 * The id of the open question; empty where all are decided.
 * @param {Queue | null} queue
 */
export const openId = (queue) => (queue === null || queue.at === null ? "" : queue.ids[queue.at]);

/**
 * The next undecided question from an index on, continued at the start; null where all are decided.
 * @param {Queue} queue
 * @param {number} from
 */
export function nextUndecided({ ids, decided }, from) {
  for (let i = 0; i < ids.length; i += 1) {
    const at = (from + i) % ids.length;
    if (decided[at] === null) return at;
  }
  return null;
}

/**
 * The index one step before or after the open question; null where the queue ends.
 * @param {Queue} queue
 * @param {1 | -1} step
 */
export function neighbor({ ids, at }, step) {
  const to = at === null ? ids.length + Math.min(step, 0) : at + step;
  return to in ids ? to : null;
}

/**
 * The ids that will probably be opened next: undecided ones, then both neighbors.
 * @param {Queue} queue
 * @param {number} count - of undecided ones
 */
export function idsAhead(queue, count) {
  const { ids, at: open } = queue;
  if (open === null) return [];
  const indices = [];
  /** @type {number | null} */
  let at = open;
  for (let i = 0; i < count && at !== null; i += 1) {
    at = nextUndecided(queue, (at + 1) % ids.length);
    if (at !== null) indices.push(at);
  }
  indices.push(open + 1, open - 1);
  return [...new Set(indices.filter((i) => i in ids).map((i) => ids[i]))];
}

/**
 * @param {Queue} queue
 * @param {Verb} [verb] - without it, all decided ones
 */
export const countDecided = ({ decided }, verb) =>
  decided.filter((outcome) => (verb === undefined ? outcome !== null : outcome === verb)).length;
