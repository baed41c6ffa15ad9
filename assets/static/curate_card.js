// Curate, 4 of 8: draws the card, its place in the queue, and what is left when all are decided.
const DONE = { accept: "accepted", reject: "rejected", skip: "skipped" };
let shown = null; // number in the card's samples of the one that is read; null: the chosen one

const chosenAt = (found) => Math.max(found.samples.findIndex((one) => one.sample === found.chosen), 0);
const shownAt = (found) => (shown === null ? chosenAt(found) : shown);

function block(title, ...nodes) {
  const made = make("section");
  made.append(make("h4", "", title), ...nodes);
  return made;
}

function more(title, nodes) {
  const made = make("details");
  made.append(make("summary", "", title), ...nodes);
  return made;
}

function textOf(text, name) {
  const made = make("div", `written ${name || ""}`);
  fill(made, text);
  return made;
}

function drawCard() {
  const place = part("card");
  const over = queue.at === null;
  place.hidden = over;
  part("done").hidden = !over;
  element.querySelectorAll(".bar ~ .acts [data-do]").forEach((made) => {
    made.disabled = over && !["undo", "previous", "help"].includes(made.dataset.do);
  });
  if (over) {
    drawDone();
    return;
  }
  const found = card();
  place.dataset.id = now();
  place.classList.toggle("is-blind", Boolean(found && found.hidden));
  if (!found) {
    place.replaceChildren(make("p", "quiet", `Reading ${now()}…`));
    return;
  }
  if (found.gone) {
    place.replaceChildren(make("p", "", found.gone), make("p", "quiet", "Space or j goes on to the next one."));
    return;
  }
  const sides = make("div", "sides");
  sides.append(left(found), right(found));
  place.replaceChildren(head(found), sides);
  renderAhead();
}

function head(found) {
  const made = make("div", "head");
  const mine = queue.decided[queue.at];
  if (mine) made.append(make("span", "status", `You ${DONE[mine]} it`));
  made.append(button(found.id, () => toExplore({ row: found.id }), "id"));
  made.lastChild.title = "The whole story of this question, in Explore";
  found.facts.forEach((fact) => made.append(make("span", "chip", fact)));
  if (found.dropped) made.append(make("span", "chip is-dropped", found.dropped));
  if (!found.hidden && found.status && found.status !== "unreviewed") made.append(make("span", "chip", found.status));
  found.tags.forEach((tag) => made.append(make("span", "chip tag", `# ${tag}`)));
  return made;
}

function left(found) {
  const made = make("div");
  made.append(block("Question", textOf(found.query, "question")));
  if (found.original.query !== undefined) made.append(more("Edited; as it was generated", [diffOf(found.original.query, found.query.text)]));
  const at = shownAt(found);
  const sample = found.samples[at];
  if (!sample) {
    made.append(block("Solution", make("p", "quiet", "None: the question did not come so far.")));
    return made;
  }
  const own = at === chosenAt(found) && found.response !== null;
  const of = `Solution ${at + 1} of ${found.samples.length}: ${sample.title}`;
  const box = textOf(own ? found.response : sample, "solution");
  const ways = make("div", "samples");
  if (found.samples.length > 1) {
    ways.append(button("[ before", () => cycle(-1)), button("after ]", () => cycle(1)));
    if (at !== chosenAt(found)) ways.append(make("span", "quiet", "Accepting now takes this solution."));
  }
  made.append(block(of, ways, box));
  if (own && found.original.response !== undefined) made.append(more("Edited; as it was written", [diffOf(found.original.response, found.response.text)]));
  if (own && found.answer) {
    const before = found.original.answer !== undefined ? ` (edited, was ${found.original.answer || "none"})` : "";
    made.append(make("p", "quiet answer", `Answer: ${found.answer.text}${before}`));
  }
  if (found.reference) made.append(make("p", "quiet", `Reference answer: ${found.reference}`));
  return made;
}

function right(found) {
  const made = make("aside");
  made.append(tagBar(found));
  if (found.hidden) made.append(make("p", "quiet", "Blind: scores, verdicts and what others decided are told once you have decided."));
  if (found.scores.length) made.append(block("Scores among all questions", ...found.scores.map(scoreOf)));
  if (found.samples.length > 1) made.append(block(found.groups.length ? "Solutions by answer" : "Solutions", ...groupsOf(found)));
  if (found.notes.length) made.append(block("Notes", list(found.notes, (note) => make("li", "", `${note.text} (${note.who}, ${note.when})`))));
  if (found.near.length) {
    made.append(more(`Near-duplicates: ${number(found.near_of)}`, [list(found.near, (near) => {
      const item = make("li");
      item.append(button(near.id, () => toExplore({ row: near.id }), "id"), make("div", "written", near.text));
      return item;
    })]));
  }
  if (found.verdicts.length) made.append(more("Verdicts", [list(found.verdicts, (one) => {
    const item = make("li", "", `${one.stage}: ${one.said}`);
    if (one.raw) item.append(make("div", "diff", one.raw));
    return item;
  })]));
  if (found.decisions.length) {
    made.append(more(`History: ${number(found.decisions.length)}`, [list(found.decisions, (one) =>
      make("li", "", `${one.when} ${one.who}: ${one.what}${one.with ? `, ${one.with}` : ""}${one.undone ? " (taken back)" : ""}`))]));
  }
  return made;
}

function list(entries, draw1) {
  const made = make("ul");
  made.append(...entries.map(draw1));
  return made;
}

function scoreOf(score) {
  const made = make("div", "score");
  made.append(make("span", "", score.name), make("strong", "", score.value));
  if (score.percentile !== null && score.percentile !== undefined) {
    const track = make("div", "track");
    const mark = make("span");
    mark.style.left = `calc(${score.percentile}% - .17rem)`;
    track.append(mark);
    made.append(track, make("span", "quiet", `higher than ${Math.round(score.percentile)} % of all`));
  }
  return made;
}

function groupsOf(found) {
  const groups = found.groups.length ? found.groups : [{ title: "", facts: "", samples: found.samples.map((one) => one.sample) }];
  return groups.map((group) => {
    const made = make("div");
    if (group.title) made.append(make("div", "quiet", `${group.title}: ${group.facts}`));
    const line = make("div", "samples");
    group.samples.forEach((sample) => {
      const at = found.samples.findIndex((one) => one.sample === sample);
      const one = button(`${sample === found.chosen ? "★ " : ""}${sample}`, () => showSample(at));
      one.setAttribute("aria-label", `Show sample ${sample}${sample === found.chosen ? ", the chosen one" : ""}`);
      one.setAttribute("aria-pressed", String(at === shownAt(found)));
      line.append(one);
    });
    made.append(line);
    return made;
  });
}

function showSample(at) {
  shown = at;
  drawCard();
}

function cycle(way) {
  const found = card();
  if (found && found.samples && found.samples.length) showSample((shownAt(found) + way + found.samples.length) % found.samples.length);
}

function tagBar(found) {
  const made = make("div", "tags");
  tags.forEach((name, i) => {
    const one = button("", () => toggleTag(i));
    one.append(make("kbd", "", String(i + 1)), ` ${name}`);
    one.setAttribute("aria-pressed", String(found.tags.includes(name)));
    made.append(one);
  });
  made.append(button(tags.length ? "Tags…" : "Add tags for the keys 1 to 9…", () => openTags(), "quiet"));
  return made;
}

function drawBar() {
  const done = queue.decided.filter((verb) => verb !== null).length;
  const total = queue.ids.length;
  say(part("title"), queue.text);
  part("title").title = `${queue.order}; ${queue.filter}`;
  part("estimate").title = `The share that people would accept of all ${number(queue.of)} rows of the filter, with its 95 % interval`;
  say(part("progress"), `${number(done)} of ${number(total)} decided${queue.at === null ? "" : ` · row ${number(queue.at + 1)}`}`);
  part("bar").style.width = `${total ? (100 * done) / total : 0}%`;
  part("blind-mark").hidden = !queue.blind;
}

function drawDone() {
  const count = (verb) => queue.decided.filter((one) => one === verb).length;
  const said = Object.entries(DONE).map(([verb, word]) => `${number(count(verb))} ${word}`).join(", ");
  const estimate = part("estimate").textContent;
  const about = queue.sample ? estimate && `Of all ${number(queue.of)} rows of the filter: ${estimate}.` : "The queue is no probability sample: it tells nothing of the other rows.";
  const ways = make("div", "line");
  ways.append(
    button("Look through them again", () => show(0)),
    button("All queues", () => leave()),
    button("See what is accepted in Explore", () => toExplore({ filter: { status: ["accepted"] } })),
  );
  const text = queue.ids.length ? `All ${number(queue.ids.length)} rows of this queue are decided: ${said}.` : "This queue has no rows.";
  part("done").replaceChildren(make("h3", "", "Done"), make("p", "", text), make("p", "quiet", about || ""), ways,
    make("p", "quiet", "Next: the panels below tell how well rewards and filters agree with people; Export makes a dataset of what is accepted."));
}
