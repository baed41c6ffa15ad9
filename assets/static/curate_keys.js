// Curate, 7 of 8: what a key does. Never while something is typed, with Ctrl, Meta or Alt, or in another tab.
const PRESSED = {
  a: accept, x: openReject, " ": skip, u: undo, e: openEdit, n: openNote, j: () => move(1), k: () => move(-1),
  "[": () => cycle(-1), "]": () => cycle(1), "?": openHelp, "/": () => toExplore({ search: true }),
};

function pressed(event) {
  if (!element.isConnected) {
    document.removeEventListener("keydown", pressed);
    return;
  }
  if (!here() || !queue || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (at.closest("input, textarea, select, [contenteditable]")) return;
  if (at.closest("button, a, summary, [role=tab]") && ["Enter", " "].includes(event.key)) return; // it is pressed, as everywhere
  if (document.querySelector("dialog[open]")) return;
  soon();
  if (pane) {
    if (pane.key(event)) event.preventDefault();
    return;
  }
  if (/^[1-9]$/.test(event.key)) toggleTag(Number(event.key) - 1);
  else if (PRESSED[event.key]) {
    if (event.repeat && event.key === " ") {
      event.preventDefault(); // a key that is held decides once
      return;
    }
    if (event.repeat && !"jk[]".includes(event.key)) return;
    PRESSED[event.key]();
  } else return;
  event.preventDefault();
}

document.addEventListener("keydown", pressed);
