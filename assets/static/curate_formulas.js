// Curate, 3 of 8: formulas. A text is shown as it was written at once; a hidden component renders its Markdown when no key
// was pressed for a moment, one text after the other, those of the next card ahead. What it drew is copied into the card.
const CALM = 180; // milliseconds without a key before a text is rendered: KaTeX holds the page up
const GIVEN_UP = 4000;
const HELD = 40;
const rendered = new Map(); // Markdown -> what it was drawn as
const texts = new WeakMap(); // element -> the Markdown that it waits for
let wishes = [];
let rendering = null;
let renders = 0;
let calm = null;

function fill(node, text) {
  node.classList.remove("is-rendered");
  node.textContent = text.text;
  node.dir = "auto";
  texts.set(node, text.markdown);
  if (!text.markdown) return;
  if (rendered.has(text.markdown)) draw(node);
  else wish(text.markdown);
}

function draw(node) {
  node.replaceChildren(rendered.get(texts.get(node)).cloneNode(true));
  node.classList.add("is-rendered");
}

function wish(markdown, ahead = false) {
  if (rendered.has(markdown)) return;
  wishes = wishes.filter((other) => other !== markdown);
  if (ahead) wishes.push(markdown);
  else wishes.unshift(markdown);
  wishes.length = Math.min(wishes.length, 8);
  soon();
}

function soon() {
  clearTimeout(calm);
  if (wishes.length && !rendering) calm = setTimeout(render, CALM);
}

function render() {
  const place = document.getElementById("curate-formulas");
  if (!place || !wishes.length || rendering) return;
  const markdown = wishes.shift();
  renders += 1;
  const name = `text ${renders}`;
  const stop = setTimeout(() => finish(null), GIVEN_UP);
  const watching = new MutationObserver(() => {
    const prose = place.querySelector("p") && place.querySelector("p").parentElement;
    if (!prose || prose.firstElementChild.textContent.trim() !== name || prose.textContent.includes("⟦")) return;
    finish(prose);
  });
  function finish(prose) {
    clearTimeout(stop);
    watching.disconnect();
    rendering = null;
    if (prose) {
      const made = document.createDocumentFragment();
      [...prose.childNodes].forEach((node) => node !== prose.firstElementChild && made.append(node.cloneNode(true)));
      rendered.set(markdown, made);
      if (rendered.size > HELD) rendered.delete(rendered.keys().next().value);
      part("card").querySelectorAll(".written").forEach((node) => texts.get(node) === markdown && draw(node));
    }
    soon();
  }
  rendering = markdown;
  watching.observe(place, { childList: true, subtree: true, characterData: true });
  window.curateFormulas = `${name}\n\n${markdown}`;
  trigger("formulas", {});
}

// What the next card will need.
function renderAhead() {
  const at = open((queue.at + 1) % queue.ids.length);
  const next = at === null ? undefined : cards.get(queue.ids[at]);
  if (!next || next.gone) return;
  [next.query, next.response].forEach((text) => text && text.markdown && wish(text.markdown, true));
}
