// The line of saved views above Explore. The filter is the one in the page's address; another is asked for by the event
// `explore-ask`. Runs once, when the component is loaded.
const SILENT = "The app does not answer. See whether it still runs, then reload this page.";
let views = [];
let renaming = null; // the name of the view that gets another
let deleted = null; // the view that Undo brings back

const part = (name) => element.querySelector(`[data-part="${name}"]`);

// One text for equal filters, whatever the order of their parts.
function same(text) {
  try {
    const asked = JSON.parse(text || "{}");
    return JSON.stringify(Object.fromEntries(Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1))));
  } catch {
    return null;
  }
}

const address = () => new URL(location.href).searchParams.get("filter");
const chosen = () => views.find((view) => same(view.filter) === same(address()));

function draw() {
  const here = chosen();
  const options = [new Option(views.length ? "choose a saved view…" : "none saved yet", "")];
  views.forEach((view) => options.push(new Option(view.text, view.name)));
  options[0].disabled = true;
  part("list").replaceChildren(...options);
  part("list").value = here ? here.name : "";
  part("choose").hidden = !views.length;
  part("chosen").hidden = !here || !part("form").hidden;
  part("keep").hidden = Boolean(here) || !part("form").hidden || [null, "{}"].includes(same(address()));
  part("undo").hidden = deleted === null;
}

function say(text) {
  part("views-said").textContent = text;
}

async function ask(name, asked) {
  let reply;
  try {
    reply = await server[name](asked);
    if (!reply) throw new Error("nothing came back"); // Gradio's client raises nothing then
  } catch {
    reply = { error: SILENT };
  }
  part("error").textContent = reply.error || "";
  part("error").hidden = !reply.error;
  if (reply.views) views = reply.views;
  draw();
  return !reply.error;
}

function open(name, label) {
  part("form").hidden = false;
  part("json").hidden = true;
  part("name").value = name;
  part("submit").textContent = label;
  deleted = null;
  say("");
  draw();
  part("name").focus();
}

function close() {
  part("form").hidden = true;
  part("error").hidden = true;
  renaming = null;
  draw();
}

async function submit() {
  const name = part("name").value;
  const done = renaming === null
    ? await ask("views_keep", { name, filter: address() })
    : await ask("views_rename", { old: renaming, name });
  if (!done) return;
  say(renaming === null ? "Kept." : "Renamed.");
  close();
  part("list").focus();
}

const DO = {
  keep: () => open("", "Keep"),
  rename: () => {
    renaming = chosen().name;
    open(renaming, "Rename");
    part("name").select();
  },
  cancel: close,
  remove: async () => {
    const view = chosen();
    say("");
    if (!(await ask("views_delete", { name: view.name }))) return;
    deleted = view;
    say(`Deleted “${view.text}”.`);
    draw();
    part("undo").focus();
  },
  undo: async () => {
    if (!(await ask("views_keep", { name: deleted.name, filter: deleted.filter }))) return;
    deleted = null;
    say("Brought back.");
    draw();
    if (!part("choose").hidden) part("list").focus();
  },
  copy: async () => {
    const text = JSON.stringify(JSON.parse(chosen().filter));
    part("json").value = text;
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      part("json").hidden = false; // no clipboard without https, except on this machine
      part("json").select();
      say("Copy it from the field.");
    }
  },
};

function start() {
  part("name").maxLength = props.longest;
  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-do]");
    if (pressed) DO[pressed.dataset.do]();
  });
  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  part("form").addEventListener("keydown", (event) => event.key === "Escape" && close());
  part("list").addEventListener("change", () => {
    const view = views.find(({ name }) => name === part("list").value);
    deleted = null;
    say("");
    part("json").hidden = true;
    if (view) window.dispatchEvent(new CustomEvent("explore-ask", { detail: { filter: JSON.parse(view.filter) } }));
  });
  const follow = { "explore-address": draw, "explore-views": () => ask("views_look", {}) };
  const heard = (event) => {
    if (element.isConnected) follow[event.type]();
    else Object.keys(follow).forEach((name) => window.removeEventListener(name, heard));
  };
  Object.keys(follow).forEach((name) => window.addEventListener(name, heard));
  ask("views_look", {});
}

start();
