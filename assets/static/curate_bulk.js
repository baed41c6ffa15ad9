// Below the card, 2 of 2: one decision for all rows of Explore's filter, the count confirmed before; and the start.
const ACTIONS = { accept: "Accept", reject: "Reject", skip: "Skip", tag: "Tag", untag: "Take a tag off" };
let counted = null; // { count, of }: what is confirmed

const bulkPart = (name) => element.querySelector(`[data-part="${name}"]`);

function buildBulk() {
  const place = bulkPart("bulk");
  const about = make("p", "quiet");
  about.dataset.part = "bulk-about";
  const line = make("form", "line");
  const action = make("select");
  action.dataset.part = "bulk-action";
  action.setAttribute("aria-label", "What to do");
  Object.entries(ACTIONS).forEach(([value, text]) => action.append(new Option(text, value)));
  const more = make("input");
  more.dataset.part = "bulk-more";
  more.maxLength = 200;
  const go = make("button", "", "…");
  go.type = "submit";
  go.dataset.part = "bulk-go";
  line.append(action, more, go);
  const sure = make("form", "line sure");
  sure.dataset.part = "bulk-sure";
  sure.hidden = true;
  const said = make("p");
  said.dataset.part = "bulk-said";
  said.setAttribute("role", "status");
  place.append(about, line, sure, said);
  action.addEventListener("change", drawBulk);
  line.addEventListener("submit", (event) => {
    event.preventDefault();
    confirmBulk();
  });
}

function drawBulk() {
  const action = bulkPart("bulk-action").value;
  const more = bulkPart("bulk-more");
  more.hidden = !["reject", "tag", "untag"].includes(action);
  more.placeholder = action === "reject" ? "reason (may be empty)" : "tag";
  more.setAttribute("aria-label", action === "reject" ? "Reason" : "Tag");
  bulkPart("bulk-go").textContent = counted ? `${ACTIONS[action]}: all ${counted.count.toLocaleString("en")}…` : "…";
  bulkPart("bulk-go").disabled = !counted || !counted.count;
  bulkPart("bulk-sure").hidden = true;
}

async function countBulk() {
  counted = null;
  drawBulk();
  const reply = await ask("curate_count", {});
  if (!reply.error) counted = { ...reply, filter: filter() };
  bulkPart("bulk-about").textContent = reply.error || `${reply.count.toLocaleString("en")} questions match ${reply.of}. One decision for all of them is one entry of the history, and one undo.`;
  drawBulk();
}

function confirmBulk() {
  const action = bulkPart("bulk-action").value;
  const more = bulkPart("bulk-more").value.trim();
  const told = bulkPart("bulk-said");
  if (["tag", "untag"].includes(action) && !more) {
    told.textContent = "Name the tag first.";
    bulkPart("bulk-more").focus();
    return;
  }
  told.textContent = "";
  const sure = bulkPart("bulk-sure");
  const field = make("input");
  field.inputMode = "numeric";
  field.setAttribute("aria-label", "The count, to confirm");
  const go = make("button", "main", ACTIONS[action]);
  go.type = "submit";
  go.disabled = true;
  field.addEventListener("input", () => {
    go.disabled = field.value.replace(/[^0-9]/g, "") !== String(counted.count);
  });
  const leave = button("Leave it", drawBulk);
  sure.replaceChildren(make("span", "", `This decides ${counted.count.toLocaleString("en")} questions, those on other pages too. Type the count to confirm:`), field, go, leave);
  sure.onsubmit = (event) => {
    event.preventDefault();
    if (!go.disabled) doBulk(action, action === "reject" ? (more ? { reason: more } : {}) : more ? { tag: more } : {});
  };
  sure.onkeydown = (event) => event.key === "Escape" && drawBulk();
  sure.hidden = false;
  field.focus();
}

async function doBulk(action, payload) {
  const { count } = counted;
  bulkPart("bulk-sure").hidden = true;
  const reply = await ask("curate_bulk", { filter: counted.filter, action, payload: ["tag", "untag", "reject"].includes(action) ? payload : {}, expected: count });
  const told = bulkPart("bulk-said");
  told.className = reply.error ? "error" : "";
  told.replaceChildren(make("span", "", reply.error || reply.said));
  if (reply.event_id) {
    told.append(" ", button("Undo all of it", async () => {
      const back = await ask("curate_take_back", { event_id: reply.event_id });
      told.className = back.error ? "error" : "";
      told.textContent = back.error || back.said;
      changed();
    }));
  }
  if (reply.error) {
    countBulk();
    return;
  }
  changed();
}

function changed() {
  window.dispatchEvent(new CustomEvent("curate-changed"));
  countBulk();
  if (panelOf("history").open) fetchPanel("history");
}

function start() {
  buildBulk();
  element.querySelectorAll("details").forEach((place) => place.addEventListener("toggle", () => {
    if (!place.open) return;
    if (place.dataset.panel === "bulk") countBulk();
    else fetchPanel(place.dataset.panel);
  }));
  let away = false;
  new IntersectionObserver(() => {
    const seen = element.isConnected && element.offsetParent !== null;
    if (seen && away) refresh(); // another tab was in front: filter and rows may be others
    away = !seen;
  }).observe(element);
}

start();
