// Map, 3 of 3: pointer, wheel and keys, the text of the question that is pointed at, and what starts it all.
const texts = new Map(); // of questions that were pointed at
let pointing = null;
let drag = null; // {x, y, moved, kind, box}

function spot(event) {
  const box = part("canvas").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top, box.width];
}

function down(event) {
  if (event.button || !last) return;
  const [px, py, size] = spot(event);
  const kind = event.shiftKey && mode === "move" ? "lasso" : mode;
  drag = { px, py, size, kind, moved: false, x: at.x, y: at.y };
  if (kind !== "move") drawing = [from(px, py, size)];
  part("canvas").setPointerCapture(event.pointerId);
  part("canvas").classList.toggle("moving", kind === "move");
  tip(null);
}

function moved(event) {
  const [px, py, size] = spot(event);
  if (!drag) {
    tip(pointed(px, py, size));
    return;
  }
  if (!drag.moved && Math.hypot(px - drag.px, py - drag.py) < 4) return;
  drag.moved = true;
  if (drag.kind === "move") {
    at.x = drag.x - ((px - drag.px) / size) * at.span;
    at.y = drag.y + ((py - drag.py) / size) * at.span;
    keep();
    look();
  } else if (drag.kind === "box") {
    const [[x, y], [x2, y2]] = [from(drag.px, drag.py, size), from(px, py, size)];
    drawing = [[x, y], [x2, y], [x2, y2], [x, y2]];
  } else drawing.push(from(px, py, size));
  paint();
}

function up(event) {
  if (!drag) return;
  const [px, py, size] = spot(event);
  const [was, corners] = [drag, drawing];
  [drag, drawing] = [null, null];
  part("canvas").classList.remove("moving");
  if (event.type === "pointercancel") paint();
  else if (!was.moved) {
    const hit = pointed(px, py, size);
    paint();
    if (hit) window.dispatchEvent(new CustomEvent("explore-ask", { detail: { row: hit.id } }));
  } else if (was.kind === "move") look();
  else if (corners.length > 2) ask(fewer(corners).map(rounded));
  else paint();
}

// No more corners than the filter takes: those that turn the line least go first.
function fewer(points) {
  const left = [...points];
  while (left.length > CORNERS) {
    let [least, which] = [Infinity, 1];
    for (let i = 1; i < left.length - 1; i += 1) {
      const [[x1, y1], [x, y], [x2, y2]] = [left[i - 1], left[i], left[i + 1]];
      const area = Math.abs((x2 - x1) * (y - y1) - (x - x1) * (y2 - y1));
      if (area < least) [least, which] = [area, i];
    }
    left.splice(which, 1);
  }
  return left;
}

function wheel(event) {
  if (!last || (at.span >= props.side && event.deltaY > 0)) return; // the page scrolls on
  event.preventDefault();
  const [px, py, size] = spot(event);
  const step = Math.min(Math.max(event.deltaY * (event.deltaMode ? 30 : 1), -200), 200);
  zoom(Math.exp(step * 0.0025), ...from(px, py, size));
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = at.span / 8;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const act = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: DO.whole }[event.key];
  if (moves[event.key]) show(at.x + moves[event.key][0], at.y + moves[event.key][1], at.span);
  else if (event.key === "Escape" && drawing) {
    [drag, drawing] = [null, null];
    paint();
  } else if (act) act();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

async function tip(hit) {
  const box = part("tip");
  pointing = hit && hit.id;
  part("canvas").classList.toggle("pointing", hit !== null);
  if (!hit) {
    box.hidden = true;
    return;
  }
  if (!texts.has(hit.id)) {
    const reply = await server.map_text({ row: hit.id }).catch(() => ({ text: SILENT }));
    if (texts.size > 500) texts.clear();
    texts.set(hit.id, reply.text);
  }
  if (pointing !== hit.id) return; // the pointer is elsewhere by now
  say(box, texts.get(hit.id));
  box.hidden = false;
  const size = part("canvas").clientWidth;
  box.style.left = `${Math.max(Math.min(hit.x + 12, size - box.offsetWidth - 6), 4)}px`;
  box.style.top = `${Math.max(Math.min(hit.y + 12, size - box.offsetHeight - 6), 4)}px`;
}

function choose(name) {
  mode = name;
  element.querySelectorAll("[data-mode]").forEach((made) => made.setAttribute("aria-pressed", String(made.dataset.mode === name)));
  part("canvas").classList.toggle("drawing", name !== "move");
}

function start() {
  Object.entries(props.colours).forEach(([value, text]) => {
    const option = make("option", "", text);
    option.value = value;
    part("colour").append(option);
  });
  part("colour").addEventListener("change", () => {
    colour = part("colour").value;
    look();
  });
  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-do], [data-mode]");
    if (!pressed || pressed.disabled) return;
    if (pressed.dataset.mode) choose(pressed.dataset.mode);
    else DO[pressed.dataset.do]();
  });
  const canvas = part("canvas");
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", moved);
  ["pointerup", "pointercancel"].forEach((name) => canvas.addEventListener(name, up));
  canvas.addEventListener("pointerleave", () => drag || tip(null));
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("keydown", key);
  const follow = () => (element.isConnected ? look() : window.removeEventListener("explore-address", follow));
  window.addEventListener("explore-address", follow);
  let seen = false;
  new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && !seen) look();
    seen = entry.isIntersecting;
  }).observe(element);
  new ResizeObserver(() => here() && paint()).observe(part("frame"));
}

start();
