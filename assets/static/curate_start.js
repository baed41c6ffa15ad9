// Curate, 8 of 8: the list of queues, the form of a new one, and what stands on the page from the start.
let looks = 0;
let doomed = null; // the queue that is asked about before it is deleted

function tabOf(name) {
  const found = [...document.querySelectorAll('[role="tab"], .overflow-dropdown button')].filter((made) => made.textContent.trim() === name);
  found.forEach((made) => made.click());
}

function toExplore({ row, filter, search }) {
  tabOf("Explore");
  const go = (tries) => {
    const field = document.querySelector("#explore [data-part=text]");
    if (!field || field.closest("[hidden]") && search) {
      if (tries) setTimeout(() => go(tries - 1), 100);
      return;
    }
    if (search) field.focus();
    else window.dispatchEvent(new CustomEvent("explore-ask", { detail: { row, filter } }));
  };
  setTimeout(() => go(50), 0);
}

async function look() {
  looks += 1;
  const mine = looks;
  const reply = await ask("curate_look");
  if (mine !== looks) return;
  if (reply.error) {
    alarm(reply.error);
    return;
  }
  told = reply;
  ({ fixed } = reply);
  if (fixed) who = reply.who;
  tags = reply.tags;
  alarm("");
  drawStart();
}

function drawStart() {
  part("start").hidden = queue !== null;
  part("review").hidden = queue === null;
  if (queue !== null || told === null) return;
  if (fixed || !part("who").value) part("who").value = who || "";
  part("who").disabled = fixed;
  part("who-form").querySelector("button").hidden = fixed;
  part("seed").defaultValue = told.seed; // another than the queues have, else the same rows come again
  say(part("who-said"), fixed ? "Your login says who you are." : who ? "Each decision is kept with this name." : "Say who you are first: each decision is kept with a name.");
  part("notes").replaceChildren(...[...(told.demo ? [props.demo] : []), ...told.notes].map((text) => make("p", "message", text)));
  part("none").hidden = told.queues.length > 0;
  part("queues").replaceChildren(...told.queues.map(queueOf));
  drawBases();
  const empty = !told.total;
  part("make").hidden = empty;
  if (empty) alarm("There are no questions yet. Make some in the Sample or the Runs tab, or import them with `scalequest import`.");
}

function queueOf(one) {
  const made = make("div", "queue");
  const acts = make("div", "acts");
  const go = button(one.over ? "Look through it" : "Continue", () => openQueue(one.name), one.over ? "" : "main");
  go.setAttribute("aria-label", `${go.textContent} ${one.text}`);
  const drop = button("Delete", () => {
    doomed = one.name;
    part("sure").hidden = false;
    say(part("sure").querySelector("span"), `Delete the queue “${one.text}”? What was decided in it stays.`);
    part("sure").querySelector("[data-do=deleteNow]").focus();
  });
  drop.setAttribute("aria-label", `Delete ${one.text}`);
  acts.append(go, drop);
  made.append(make("strong", "", `${one.text}: ${one.progress} decided`), acts,
    make("span", "quiet", `${one.order}, ${one.of} rows of ${one.filter}; made ${one.made}`));
  return made;
}

function drawBases() {
  const base = part("base");
  const before = base.value;
  const filter = new URL(location.href).searchParams.get("filter");
  const options = [new Option("everything", "all")];
  if (filter && filter !== "{}") options.unshift(new Option("what Explore shows now", "explore"));
  told.views.forEach((view, i) => options.push(new Option(`view: ${view.text}`, `view ${i}`)));
  base.replaceChildren(...options);
  base.value = [...base.options].some((option) => option.value === before) ? before : options[0].value;
}

function drawOrder() {
  const order = props.orders.find((one) => one.name === part("order").value);
  say(part("help"), order.help);
  ["field-label", "value-label"].forEach((name) => {
    part(name).hidden = order.name !== "threshold";
  });
}

function baseFilter() {
  const { value } = part("base");
  if (value === "explore") return new URL(location.href).searchParams.get("filter");
  return value.startsWith("view ") ? told.views[Number(value.slice(5))].filter : null;
}

function useName() {
  const name = part("who").value.trim();
  if (fixed || !name) return Boolean(who);
  who = name;
  remembered("curate-reviewer", name);
  return true;
}

async function begin() {
  if (!useName() && !told.demo) {
    say(part("who-said"), "Say who you are first: each decision is kept with a name.");
    part("who").focus();
    return;
  }
  const chosen = (name) => (part(name).value === "" ? null : Number(part(name).value));
  const order = part("order").value;
  const close = order === "threshold" ? { field: part("field").value, value: chosen("value") } : {};
  part("begin").disabled = true;
  const reply = await ask("curate_make", {
    filter: baseFilter(), order, size: chosen("size"), seed: chosen("seed"), name: part("name").value,
    blind: part("blind").checked, ...close,
  });
  part("begin").disabled = false;
  if (reply.error) alarm(reply.error);
  else openQueue(reply.queue);
}

async function openQueue(name) {
  if (!useName() && !(told && told.demo)) {
    alarm("Say who you are first: each decision is kept with a name.");
    await look();
    alarm("Say who you are first: each decision is kept with a name.");
    part("who").focus();
    return;
  }
  looks += 1;
  const mine = looks;
  const reply = await ask("curate_open", { queue: name });
  if (mine !== looks) return;
  if (reply.error) {
    leave(reply.error);
    return;
  }
  alarm("");
  if (!queue || queue.name !== name) part("refused").hidden = true;
  cards.clear();
  asked.clear();
  queue = { ...reply, name: reply.queue };
  outbox.forEach((event) => {
    const at = queue.ids.indexOf(event.question_id);
    if (event.queue === name && VERBS[event.action] && at >= 0) queue.decided[at] = event.action;
  });
  address(name);
  drawStart();
  say(part("estimate"), queue.estimate);
  if (told === null) await look();
  show(open(queue.at === null ? 0 : queue.at));
  drawSaved();
  part("card").focus({ preventScroll: true });
}

function leave(problem = "") {
  closePane();
  queue = null;
  cards.clear();
  address(null);
  drawStart();
  look().then(() => problem && alarm(problem));
}

const DO = {
  accept, reject: openReject, skip, undo, edit: openEdit, note: openNote, help: openHelp,
  leave: () => leave(),
  previous: () => move(-1), next: () => move(1), retry: flush,
  deleteNow: async () => {
    const reply = await ask("curate_delete", { queue: doomed });
    part("sure").hidden = true;
    await look();
    alarm(reply.error || "");
  },
  keepIt: () => {
    part("sure").hidden = true;
  },
};

function start() {
  const hidden = document.getElementById("curate-formulas");
  if (hidden) hidden.hidden = true;
  who = remembered("curate-reviewer");
  props.orders.forEach((order) => part("order").append(new Option(order.title, order.name)));
  props.fields.forEach((name) => part("field").append(new Option(name, name)));
  part("size").value = props.size;
  part("size").max = props.largest;
  part("name").maxLength = props.longest_name;
  drawOrder();
  part("order").addEventListener("change", drawOrder);
  element.addEventListener("click", (event) => {
    const one = event.target.closest("[data-do]");
    if (!one || one.disabled) return;
    DO[one.dataset.do]();
    if (event.detail && queue && !pane) part("card").focus({ preventScroll: true }); // so that the next space skips
  });
  part("make").addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
  });
  part("who-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = new URL(location.href).searchParams.get("curate");
    if (useName() && name) openQueue(name); // the address asked for it before a name was there
    else look();
  });
  const heard = (event) => {
    if (!element.isConnected) ["curate-ask", "curate-changed"].forEach((name) => window.removeEventListener(name, heard));
    else if (event.type === "curate-changed" && queue) openQueue(queue.name);
    else if (event.type === "curate-changed") look();
    else asksFor();
  };
  ["curate-ask", "curate-changed"].forEach((name) => window.addEventListener(name, heard));
  let away = false;
  new IntersectionObserver(() => {
    if (!element.isConnected) return;
    if (queue) address(here() ? queue.name : null); // what another tab shows is no queue
    if (here() && away && !queue) look();
    away = !here();
  }).observe(element);
  recover();
  const name = new URL(location.href).searchParams.get("curate");
  if (name) look().then(() => openQueue(name));
  else look().then(() => window.curateWish && asksFor());
}

// Explore asks to review what it shows.
function asksFor() {
  window.curateWish = false;
  if (queue) leave();
  drawBases();
  part("base").value = [...part("base").options].some((option) => option.value === "explore") ? "explore" : "all";
  part("order").focus();
}

start();
