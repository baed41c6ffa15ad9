// Curate, 6 of 8: editing the question, the solution and the answer, with what changes shown before it is saved.
const LONGEST = 1500; // words of a text that is compared word by word: the work grows with the square

const words = (text) => text.split(/(\s+)/).filter((word) => word !== "");

// The longest common subsequence of words as [kind, text]: "same", "old" or "new".
function difference(before, after) {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const x = a.slice(start, a.length - end);
  const y = b.slice(start, b.length - end);
  const pieces = [["same", a.slice(0, start).join("")], ...middle(x, y), ["same", a.slice(a.length - end).join("")]];
  return pieces.filter(([, text]) => text !== "");
}

function middle(x, y) {
  if (x.length > LONGEST || y.length > LONGEST) return [["old", x.join("")], ["new", y.join("")]];
  const wide = y.length + 1;
  const best = new Uint16Array((x.length + 1) * wide);
  for (let i = x.length - 1; i >= 0; i -= 1) {
    for (let j = y.length - 1; j >= 0; j -= 1) {
      best[i * wide + j] = x[i] === y[j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  const pieces = [];
  const add = (kind, word) => {
    if (pieces.length && pieces[pieces.length - 1][0] === kind) pieces[pieces.length - 1][1] += word;
    else pieces.push([kind, word]);
  };
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      add("same", x[i]);
      i += 1;
      j += 1;
    } else if (j >= y.length || (i < x.length && best[(i + 1) * wide + j] >= best[i * wide + j + 1])) {
      add("old", x[i]);
      i += 1;
    } else {
      add("new", y[j]);
      j += 1;
    }
  }
  return pieces;
}

function diffOf(before, after) {
  const made = make("div", "diff");
  made.dir = "auto";
  const kinds = { old: "del", new: "ins", same: "span" };
  difference(before, after).forEach(([kind, text]) => made.append(make(kinds[kind], "", text)));
  return made;
}

function openEdit() {
  if (!ready()) return;
  const found = card();
  const sample = found.samples[shownAt(found)];
  const own = sample && shownAt(found) === chosenAt(found) && found.raw.response !== null;
  const begin = {
    query: found.raw.query,
    response: own ? found.raw.response : sample ? sample.raw : "",
    answer: (own ? found.raw.answer : sample && sample.answer) || "",
  };
  const names = sample ? { query: "Question", response: "Solution", answer: "Answer" } : { query: "Question" };
  const fields = {};
  const changes = make("div");
  const payload = () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value])
    .filter(([name, value]) => value !== (found.raw[name] || "")));
  const preview = () => {
    const changed = payload();
    const shown1 = Object.entries(changed).flatMap(([name, value]) => [make("h4", "", `${names[name]} changes`), diffOf(found.raw[name] || "", value)]);
    changes.replaceChildren(...(shown1.length ? shown1 : [make("p", "quiet", "Nothing is changed yet.")]));
  };
  let typing = null;
  const save = () => {
    clearTimeout(typing); // what is said below stays
    const changed = payload();
    const empty = Object.keys(changed).find((name) => !changed[name].trim());
    const long = Object.keys(changed).map((name) => tooLong(`The ${names[name].toLowerCase()}`, changed[name], props.longest_text)).find(Boolean);
    const problem = empty ? `${names[empty]} is empty; write it, or press Esc to leave it as it was.` : long;
    if (problem) changes.replaceChildren(make("p", "message is-error", problem));
    else if (!Object.keys(changed).length) closePane();
    else keepEdit(found, changed);
  };
  const nodes = Object.entries(names).map(([name, title]) => {
    const label = make("label", "tall", title);
    fields[name] = make("textarea");
    fields[name].value = begin[name];
    fields[name].dir = "auto";
    fields[name].rows = name === "answer" ? 1 : 6;
    fields[name].addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(preview, 150);
    });
    fields[name].addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
      if (event.key === "Escape") closePane();
    });
    label.append(fields[name]);
    return label;
  });
  const line = make("div", "line");
  line.append(button("Save (Ctrl-Enter)", save, "main"), button("Leave (Esc)", closePane));
  preview();
  changes.setAttribute("role", "status");
  const leaves = (event) => event.key === "Escape" && (closePane(), true);
  openPane("edit", [...nodes, changes, line], leaves, () => Object.keys(payload()).length > 0);
  fields.query.focus();
}

function keepEdit(found, changed) {
  closePane();
  put("edit", changed, found.id);
  Object.entries(changed).forEach(([name, value]) => {
    if (found.original[name] === undefined) found.original[name] = found.raw[name] || "";
    found.raw[name] = value;
    found[name] = { text: value, markdown: null };
  });
  say(part("told"), "Edited; the original is kept. u takes it back.");
  drawCard();
}
