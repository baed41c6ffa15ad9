// What every script of the page begins with: making and changing elements. Texts go in as texts, never as HTML.
function make(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function button(text, action, name) {
  const made = make("button", name, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

