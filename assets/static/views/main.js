/** The line of saved views above Explore. The open filter is the one in the page's address. */

import { canonicalFilter, addressFilter, parseFilter } from "../lib/address.js";
import { onActions, partsOf, setMessage, setText } from "../lib/dom.js";
import { listen } from "../lib/lifetime.js";
import { FILTER_CHANGED, showInExplore, VIEWS_CHANGED } from "../lib/messages.js";
import { call } from "../lib/requests.js";

/** @typedef {{ name: string, text: string, filter: string }} View - `text`: its name as it can be shown */

/** @param {import("../lib/host.js").Host<{ longest: number }>} host */
export function mount({ element, props, server }) {
  const part = partsOf(element);
  const list = part("list", HTMLSelectElement);
  const form = part("form", HTMLFormElement);
  const nameField = part("name", HTMLInputElement);
  const json = part("json", HTMLTextAreaElement);
  /** @type {View[]} */
  let views = [];
  /** @type {View | null} */
  let renaming = null;
  /** @type {View | null} */
  let deleted = null; // the view that Undo restores

  const openView = () => views.find((view) => canonicalFilter(view.filter) === canonicalFilter(addressFilter()));

  function draw() {
    const view = openView();
    const first = new Option(views.length ? "choose a saved view…" : "no saved views", "");
    first.disabled = true;
    list.replaceChildren(first, ...views.map(({ text, name }) => new Option(text, name)));
    list.value = view?.name ?? "";
    const editing = !form.hidden;
    part("choose").hidden = !views.length;
    part("chosen").hidden = !view || editing;
    part("keep").hidden = Boolean(view) || editing || [null, "{}"].includes(canonicalFilter(addressFilter()));
    part("undo").hidden = deleted === null;
  }

  /** @param {string} text */
  const setStatus = (text) => setText(part("views-status"), text);

  /**
   * Whether the server did it; else its sentence is shown.
   * @param {string} name
   * @param {object} [request]
   */
  async function change(name, request) {
    /** @type {{ error?: string, views?: View[] }} */
    const reply = await call(server, name, request);
    setMessage(part("error"), reply.error);
    if (reply.views) views = reply.views;
    draw();
    return !reply.error;
  }

  /**
   * @param {string} name
   * @param {string} label
   */
  function openForm(name, label) {
    form.hidden = false;
    json.hidden = true;
    nameField.value = name;
    setText(part("submit"), label);
    deleted = null;
    setStatus("");
    draw();
    nameField.focus();
  }

  function closeForm() {
    form.hidden = true;
    part("error").hidden = true;
    renaming = null;
    draw();
  }

  async function submit() {
    const name = nameField.value;
    const old = renaming;
    const done = old === null
      ? await change("views_keep", { name, filter: addressFilter() })
      : await change("views_rename", { old: old.name, name });
    if (!done) return;
    setStatus(old === null ? "Saved." : "Renamed.");
    closeForm();
    list.focus();
  }

  async function remove() {
    const view = openView();
    setStatus("");
    if (!view || !(await change("views_delete", { name: view.name }))) return;
    deleted = view;
    setStatus(`Deleted “${view.text}”.`);
    draw();
    part("undo").focus();
  }

  async function undo() {
    if (!deleted || !(await change("views_keep", { name: deleted.name, filter: deleted.filter }))) return;
    deleted = null;
    setStatus("Restored.");
    draw();
    if (!part("choose").hidden) list.focus();
  }

  async function copy() {
    const view = openView();
    if (!view) return;
    json.value = JSON.stringify(JSON.parse(view.filter));
    try {
      await navigator.clipboard.writeText(json.value);
      setStatus("Copied.");
    } catch {
      json.hidden = false; // browsers have no clipboard without https, except on this machine
      json.select();
      setStatus("Copy it from the field.");
    }
  }

  nameField.maxLength = props.longest;
  onActions(element, {
    keep: () => openForm("", "Save"),
    rename: () => {
      renaming = openView() ?? null;
      if (!renaming) return;
      openForm(renaming.name, "Rename");
      nameField.select();
    },
    cancel: closeForm,
    remove,
    undo,
    copy,
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && closeForm());
  list.addEventListener("change", () => {
    const view = views.find(({ name }) => name === list.value);
    deleted = null;
    setStatus("");
    json.hidden = true;
    if (view) showInExplore({ filter: parseFilter(view.filter) });
  });
  listen(element, window, FILTER_CHANGED, draw);
  listen(element, window, VIEWS_CHANGED, () => change("views_look"));
  change("views_look");
}
