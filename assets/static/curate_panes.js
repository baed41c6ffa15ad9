// Curate, 5 of 8: deciding, and what is asked for above the card: a reason, a note, the tags of the keys, the help.
const VERBS = { accept: true, reject: true, skip: true };
const KEYS = [
  ["a", "accept, with the solution that is shown"], ["x", "reject; then 1-9 for a reason, Enter for none, or type one"],
  ["space", "skip"], ["u", "undo, as far back as you like"], ["e", "edit; Ctrl-Enter saves, Esc leaves"], ["n", "note"],
  ["1-9", "tag, and again to take the tag off"], ["j / k", "move on or back without deciding"],
  ["[ / ]", "the solution before or after"], ["/", "Explore's search"], ["?", "these keys; Esc closes"],
];
let pane = null; // the kind of pane that is open, and what a key does there

// `unsaved`: whether something was written that leaving the page would lose.
function openPane(kind, nodes, key = () => false, unsaved = () => false) {
  pane = { kind, key, unsaved };
  part("pane").replaceChildren(...nodes);
  part("pane").hidden = false;
}

function closePane() {
  if (!pane) return;
  const inside = part("pane").contains(document.activeElement);
  pane = null;
  part("pane").hidden = true;
  part("pane").replaceChildren();
  if (inside) part("card").focus({ preventScroll: true });
}

// What is said of a text that is longer than is kept.
function tooLong(name, text, most) {
  const count = [...text].length;
  return count > most ? `${name} has ${number(count)} characters; take ${number(most)} at most.` : "";
}

// Whether there is a card to decide, and a place to keep the decision.
function ready() {
  if (told && told.demo) say(part("told"), props.demo);
  else if (queue && queue.at !== null && !card()) say(part("told"), "Still reading this question…");
  return Boolean(queue && card() && !card().gone && !(told && told.demo));
}

function decide(action, payload = {}) {
  put(action, payload, now());
  say(part("told"), "");
  queue.decided[queue.at] = action;
  show(open((queue.at + 1) % queue.ids.length));
}

function accept() {
  if (!ready()) return;
  const found = card();
  const sample = found.samples[shownAt(found)];
  if (!sample || sample.sample === found.chosen) {
    decide("accept");
    return;
  }
  if (found.original.response !== undefined) { // the edit was of another solution
    put("edit", { response: sample.raw, ...(sample.answer === null ? {} : { answer: sample.answer }) }, found.id);
  }
  decide("accept", { sample: sample.sample });
}

function skip() {
  if (queue && card() && card().gone) {
    queue.decided[queue.at] = "skip"; // nobody can decide it
    show(open((queue.at + 1) % queue.ids.length));
  } else if (ready()) decide("skip");
}

function undo() {
  if (told && told.demo) ready();
  if (!queue || (told && told.demo)) return;
  closePane();
  say(part("told"), "Taking back…");
  put("undo", {}, null);
}

function move(way) {
  if (!queue || !queue.ids.length) return;
  const at = queue.at === null ? queue.ids.length + (way < 0 ? -1 : 0) : queue.at + way;
  if (at in queue.ids) show(at);
}

function toggleTag(i) {
  const name = tags[i];
  if (name === undefined) say(part("told"), `No tag is under the key ${i + 1} yet: “Tags…” beside the card adds one.`);
  if (name === undefined || !ready()) return;
  const found = card();
  const has = found.tags.includes(name);
  put(has ? "untag" : "tag", { tag: name }, now());
  found.tags = has ? found.tags.filter((tag) => tag !== name) : [...found.tags, name].sort();
  say(part("told"), has ? `Tag ${name} taken off.` : `Tagged ${name}.`);
  drawCard();
}

function openReject() {
  if (!ready()) return;
  const reasons = make("ol");
  props.reasons.forEach((reason, i) => {
    const item = make("li");
    const one = button("", () => decide("reject", { reason }));
    one.append(make("kbd", "", String(i + 1)), ` ${reason}`);
    item.append(one);
    reasons.append(item);
  });
  const field = make("input");
  field.maxLength = props.longest_reason;
  field.placeholder = "or type another reason";
  field.setAttribute("aria-label", "Another reason");
  const reject = () => decide("reject", field.value.trim() ? { reason: field.value.trim() } : {});
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") reject();
    if (event.key === "Escape") closePane();
  });
  const line = make("div", "line");
  line.append(field, button("Reject", reject, "main"), button("Keep deciding", closePane));
  openPane("reject", [make("strong", "", "Why reject? 1 to 9, Enter for no reason, Esc to leave."), reasons, line], (event) => {
    const reason = /^[1-9]$/.test(event.key) ? props.reasons[Number(event.key) - 1] : undefined;
    if (reason !== undefined) decide("reject", { reason });
    else if (event.key === "Enter") decide("reject");
    else if (event.key === "Escape") closePane();
    else if (event.key.length === 1 && event.key !== " ") {
      field.focus(); // the letter lands in it
      return false;
    }
    return true;
  });
}

function openNote() {
  if (!ready()) return;
  writing("note", "A note on this question, for all reviewers. Ctrl-Enter saves, Esc leaves.", "", (text) => {
    const problem = tooLong("The note", text.trim(), props.longest_note);
    if (problem) return problem;
    say(part("told"), text.trim() ? "Noted." : "");
    if (text.trim()) put("note", { text: text.trim() }, now());
    return "";
  });
}

function openTags() {
  const help = "The tags of the keys 1 to 9, one a line, for everyone who reviews here. Ctrl-Enter saves, Esc leaves.";
  writing("tags", help, tags.join("\n"), async (text) => {
    const names = text.split("\n").map((name) => name.trim()).filter(Boolean);
    const reply = await ask("curate_tags", { tags: names });
    if (reply.error) return reply.error;
    ({ tags } = reply);
    say(part("told"), "The tags are kept.");
    if (queue) drawCard();
    return "";
  });
}

// `save` gives a sentence where it cannot be kept: then what was written stays, to be mended.
function writing(kind, help, text, save) {
  const field = make("textarea");
  field.value = text;
  field.setAttribute("aria-label", help);
  const problem = make("p", "message is-error");
  problem.setAttribute("role", "alert");
  problem.hidden = true;
  const done = async () => {
    const said = await save(field.value);
    if (!field.isConnected) return;
    say(problem, said);
    problem.hidden = !said;
    if (!said) closePane();
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done();
    if (event.key === "Escape") closePane();
  });
  const line = make("div", "line");
  line.append(button("Save", done, "main"), button("Leave", closePane));
  const leaves = (event) => event.key === "Escape" && (closePane(), true);
  openPane(kind, [make("p", "quiet", help), field, problem, line], leaves, () => field.value !== text);
  field.focus();
}

function openHelp() {
  if (pane && pane.kind === "help") {
    closePane();
    return;
  }
  const keys = make("dl");
  KEYS.forEach(([key, what]) => {
    const name = make("dt");
    name.append(make("kbd", "", key));
    keys.append(name, make("dd", "", what));
  });
  openPane("help", [keys, button("Close", closePane)], (event) => ["Escape", "?"].includes(event.key) && (closePane(), true));
}
