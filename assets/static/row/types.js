/**
 * What the server tells of a row (ui/tabs/row/drawer.py).
 *
 * @typedef {{ title: string, head: string[], rows: string[][] }} Table
 * @typedef {["same" | "only here" | "strong", string][]} Pieces
 * @typedef {{ stage: string, state: string, said: string, judge: string, raw: string, row: string }} Stage
 * @typedef {{ chosen: boolean, samples: number[], title: string, facts: string, text: string, reasoning: string }} Solution
 * @typedef {{ answer: string | null, counted: string, solutions: Solution[] }} Group
 * @typedef {{ said: string, groups: Group[], edited?: string | null }} Solutions
 * @typedef {{ id: string, about: string, pieces: Pieces, gone?: boolean }} Near
 * @typedef {{ about: string, source?: string, theirs?: Pieces, mine?: Pieces }} Benchmark
 * @typedef {{ about: string, rows: { id: string, similarity: string, topic: string, text: string }[] }} Similar
 * @typedef {{ said: string, before: string | null, after: string | null }} Place
 * @typedef {object} Story
 * @property {string} id
 * @property {string} state
 * @property {string} fate
 * @property {string} question
 * @property {string | null} original - before it was edited
 * @property {string | null} gold
 * @property {string[]} facts
 * @property {Stage[]} stages
 * @property {Solutions} solutions
 * @property {Near[]} near
 * @property {Benchmark | null} benchmark
 * @property {Table | null} rates
 * @property {Table | null} history
 * @property {[string, string][]} details
 * @property {{ about: string, text: string } | null} prompt
 * @property {Table[]} tables
 * @property {string[]} failures
 * @property {{ title: string, text: string } | null} extra
 * @typedef {object} Review
 * @property {string} status
 * @property {string[]} tags
 * @property {string[]} offered - the tags that reviewers have on their keys
 * @property {string | null} own - the reviewer's newest decision in force
 * @property {string | null} who
 * @property {boolean} fixed - whether the name is that of the login
 * @typedef {Story & Review & { place: Place | null, gone?: undefined }} Row
 * @typedef {{ id: string, gone: string, place: null }} Gone
 */

export {};
