// Explore, 5 of 5: draws what a reply brings, and wires what stands on the page from the start.
const EMPTY = "There are no questions yet. Make one in the Sample tab, start a batch in the Runs tab, or use `scalequest run`.";
const OFTEN = 3000; // milliseconds between two looks while a run is writing

function drawAll(reply) {
  if (!last.total) {
    say(part("message"), EMPTY);
    part("message").hidden = false;
  }
  drawMode();
  if (!last.total) return;
  if (!window.Plotly) {
    setTimeout(() => drawAll(reply), 50);
    return;
  }
  drawAsked();
  if (view.row === null) {
    drawFunnel();
    drawTopics();
    drawCharts();
    drawFacets();
  }
  if (reply.page) drawTable(reply.page);
}

const DO = {
  back,
  before: () => step("before"),
  after: () => step("after"),
  link: copyLink,
  clear: clearAll,
  review: () => {
    window.curateWish = true; // for a tab that is not drawn yet
    [...document.querySelectorAll('[role="tab"], .overflow-dropdown button')].filter((tab) => tab.textContent.trim() === "Curate").forEach((tab) => tab.click());
    window.dispatchEvent(new CustomEvent("curate-ask"));
  },
  remedy: () => (last.empty && last.empty.name ? ask(last.empty.name, null) : clearAll()),
  previous: () => turn(-1),
  next: () => turn(1),
};

function start() {
  Object.entries(props.sorts).forEach(([value, text]) => {
    const option = make("option", "", text);
    option.value = value;
    part("sort").append(option);
  });
  recall();
  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-do]");
    if (pressed && !pressed.disabled) DO[pressed.dataset.do]();
  });
  part("sort").addEventListener("change", () => {
    view.sort = part("sort").value === "-newest" && !last.ranked ? null : part("sort").value;
    view.page = {};
    look();
  });
  part("scale").addEventListener("change", () => last && last.total && drawAll(last));
  let typing = null;
  part("text").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => searchFor(part("text").value), 250);
  });
  part("facets").open = element.clientWidth > 900;
  const here = () => element.isConnected && element.offsetParent !== null;
  const keys = (event) => {
    if (!element.isConnected) {
      document.removeEventListener("keydown", keys);
      return;
    }
    if (!here() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "/" && view.row === null) {
      event.preventDefault();
      part("text").focus();
    }
    if (view.row === null) return;
    if (event.key === "j") step("after");
    if (event.key === "k") step("before");
    if (event.key === "Escape") back();
  };
  document.addEventListener("keydown", keys);
  const wished = (event) => (element.isConnected ? goTo(event.detail) : window.removeEventListener("explore-ask", wished));
  window.addEventListener("explore-ask", wished);
  const again = setInterval(() => {
    if (!element.isConnected) clearInterval(again);
    else if (here() && last && last.running && !brushing && !flying) look();
  }, OFTEN);
  let away = false;
  new IntersectionObserver(() => {
    if (here() && away) look(); // another tab was in front meanwhile: there may be new rows
    away = !here();
  }).observe(element);
  new ResizeObserver(() => here() && last && last.total && view.row === null && requestAnimationFrame(() => {
    part("board").querySelectorAll("section[data-histogram]").forEach((made) => mark(made, chartOf(made.dataset.histogram)));
  })).observe(part("board"));
  if (view.row !== null) trigger("story", { row: view.row });
  look();
}

start();
