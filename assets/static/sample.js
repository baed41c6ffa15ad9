// Draws the cards of a live run: a question each, its stages as chips, its solutions side by side. Everything that comes
// from data is set as text, never as markup. Runs once, when the component is loaded; draws again whenever its value
// changes, and then touches only what is different, so that a reader's place and focus stay.
const part = (name) => element.querySelector(`.${name}`);

function fill(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

function cardButton(name, event, id) {
  const made = make("button", `act ${name}`);
  made.type = "button";
  made.addEventListener("click", () => trigger(event, { id }));
  return made;
}

function newCard(id) {
  const card = make("article");
  card.dataset.question = id;
  const head = make("h3");
  head.id = `head-${id}`;
  card.setAttribute("aria-labelledby", head.id);
  const acts = make("div", "acts");
  acts.append(cardButton("keep", "keep", id), cardButton("again", "regenerate", id), cardButton("tex", "formulas", id));
  card.append(head, make("p", "facts"), make("p", "question"), make("ol", "chips"), make("p", "note"),
    make("div", "groups"), make("p", "why"), acts);
  card.querySelector(".question").dir = "auto";
  return card;
}

function drawChips(list, chips) {
  while (list.children.length > chips.length) list.lastChild.remove();
  chips.forEach((chip, i) => {
    const item = list.children[i] || list.appendChild(make("li"));
    item.className = `chip ${chip.state}`;
    fill(item, chip.text);
  });
}

function newSolution() {
  const solution = make("div", "solution");
  solution.append(make("p", "sample"), make("p", "text"));
  solution.querySelector(".text").dir = "auto";
  return solution;
}

function drawGroups(box, groups, samples) {
  const shape = groups.map((group) => group.numbers).join("|");
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.replaceChildren(...groups.map((group) => {
      const made = make("section");
      const columns = make("div", "columns");
      columns.append(...group.numbers.split(" ").map(newSolution));
      made.append(make("h4"), columns);
      return made;
    }));
  }
  const known = new Map(samples.map((sample) => [String(sample.number), sample]));
  groups.forEach((group, i) => {
    const made = box.children[i];
    fill(made.querySelector("h4"), group.title);
    group.numbers.split(" ").forEach((number, k) => {
      const sample = known.get(number);
      const solution = made.querySelector(".columns").children[k];
      solution.classList.toggle("chosen", sample.chosen);
      fill(solution.querySelector(".sample"), sample.title);
      fill(solution.querySelector(".text"), sample.text);
    });
  });
}

function drawAct(card, name, text, ready) {
  const act = card.querySelector(`.${name}`);
  fill(act, text);
  act.disabled = !ready;
}

function drawCard(card, data) {
  fill(card.querySelector("h3"), data.title);
  fill(card.querySelector(".facts"), data.facts);
  fill(card.querySelector(".question"), data.text);
  card.querySelector(".question").classList.toggle("writing", data.writing);
  drawChips(card.querySelector(".chips"), data.chips);
  fill(card.querySelector(".note"), data.note);
  drawGroups(card.querySelector(".groups"), data.groups, data.samples);
  fill(card.querySelector(".why"), data.why);
  card.querySelector(".acts").hidden = !data.ended;
  drawAct(card, "keep", data.keep, data.may_keep);
  drawAct(card, "again", "Regenerate", data.may_regenerate);
  drawAct(card, "tex", "Show formulas", true);
}

let newest = 0;

function draw() {
  const cards = part("cards");
  const { number = 0, status = "", numbers = "", stored = "", cards: wanted = [] } = props.value || {};
  if (!cards || number < newest) return;
  newest = number;
  if (part("status").textContent !== status) part("status").textContent = status;
  fill(part("numbers"), numbers);
  fill(part("stored"), stored);
  const ids = new Set(wanted.map((data) => data.id));
  [...cards.children].forEach((card) => ids.has(card.dataset.question) || card.remove());
  wanted.forEach((data, i) => {
    const found = cards.querySelector(`[data-question="${CSS.escape(data.id)}"]`) || newCard(data.id);
    if (cards.children[i] !== found) cards.insertBefore(found, cards.children[i] || null);
    drawCard(found, data);
  });
}

watch("value", draw);
draw();
