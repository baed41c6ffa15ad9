/** What is behind the disclosure: ids, seeds, the prompt, and all stored figures as tables. */

import { group, make } from "../lib/dom.js";
import { folded, tableBox } from "./story.js";

/** @param {import("./types.js").Row} row */
export function detailsOf({ details, prompt, tables, failures, extra }) {
  const list = group("dl", "", ...details.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));
  const parts = [list];
  if (prompt) parts.push(make("h3", "", "Prompt sent"), make("p", "quiet", prompt.about));
  if (prompt?.text) parts.push(make("pre", "", prompt.text));
  tables.forEach((table) => {
    parts.push(make("h3", "", table.title), tableBox(table));
    if (table.title === "Failed attempts") parts.push(...failures.map((raw) => make("pre", "", raw)));
  });
  if (extra) parts.push(folded(extra.title, make("pre", "", extra.text)));
  const made = folded("Details: ids, seeds, prompt, verdicts", ...parts);
  made.classList.add("all-details");
  return made;
}
