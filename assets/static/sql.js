// The SQL section: a statement goes to the server, its result comes back as texts, and texts they stay. Runs once, when
// the component is loaded.
const SILENT = "The app does not answer. See whether it still runs, then reload this page.";
let running = null; // the name of the statement that runs
let result = null;
let snapshot = null;

const part = (name) => element.querySelector(`[data-part="${name}"]`);

function ago(seconds) {
  const [count, unit] = seconds < 60 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  const whole = Math.max(Math.round(count), 0);
  return `${whole} ${unit}${whole === 1 ? "" : "s"} old`;
}

function drawSnapshot() {
  const known = snapshot !== null;
  part("refresh").textContent = known ? "Refresh" : "Make a snapshot";
  if (!known) {
    part("snapshot").textContent = "No snapshot yet: the first statement makes one, a copy of all rows as they are then.";
    return;
  }
  const at = new Date(snapshot.at).toLocaleTimeString("en-GB");
  part("snapshot").textContent = `Snapshot of ${at}${snapshot.of}, ${ago((Date.now() - snapshot.at) / 1000)}, ${snapshot.cost}`;
}

function drawResult() {
  part("box").hidden = result === null;
  if (result === null) return;
  part("head").replaceChildren(...result.columns.map((name, i) => {
    const head = make("th", result.right[i] ? "number" : "", name);
    head.scope = "col";
    const type = make("span", "type", result.types[i]);
    type.title = result.types[i];
    head.append(type);
    return head;
  }));
  part("body").replaceChildren(...result.rows.map((row) => {
    const line = make("tr");
    row.forEach((value, i) => {
      const cell = make("td", result.right[i] ? "number" : "");
      const inner = make("div", value === null ? "cell null" : "cell", value === null ? "NULL" : value);
      if (!result.right[i]) inner.dir = "auto";
      cell.append(inner);
      line.append(cell);
    });
    return line;
  }));
  part("box").scrollTo(0, 0);
}

function drawReply(reply) {
  if ("snapshot" in reply) snapshot = reply.snapshot && { ...reply.snapshot, at: Date.now() - reply.snapshot.age * 1000 };
  part("error").textContent = reply.error || "";
  part("error").hidden = !reply.error;
  drawSnapshot();
}

async function called(name, asked) {
  try {
    return await server[name](asked);
  } catch {
    return { error: SILENT };
  }
}

function busy(said) {
  ["run", "refresh"].forEach((name) => (part(name).disabled = said !== null));
  part("cancel").hidden = running === null;
  part("box").classList.toggle("old", running !== null);
  part("download").hidden = running !== null || !result || !result.rows.length;
  if (said !== null) part("said").textContent = said;
}

async function run() {
  const statement = part("statement").value;
  if (part("run").disabled) return;
  running = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  part("error").hidden = true;
  busy(snapshot === null ? "Making a snapshot, then running…" : "Running…");
  const reply = await called("sql_run", { statement, name: running });
  running = null;
  result = reply.result || null;
  busy(null);
  part("said").textContent = result ? result.said : "No result.";
  drawResult();
  drawReply(reply);
}

async function refresh() {
  const said = part("said").textContent;
  busy("Making a snapshot…");
  const reply = await called("sql_refresh", {});
  busy(null);
  part("said").textContent = said;
  drawReply(reply);
}

async function look() {
  const reply = await called("sql_look", {});
  if (reply.views) {
    part("views").replaceChildren(...Object.entries(reply.views).flatMap(([name, columns]) => [
      make("dt", "", name), make("dd", "", columns.join(", ")),
    ]));
  }
  if (running === null) drawReply(reply);
}

// A cell that a spreadsheet would run begins with an apostrophe, unless its column holds numbers.
function csv(value, number) {
  if (value === null) return "";
  const safe = !number && /^[=+\-@\t\r\n␉␍|%]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function download() {
  const lines = [result.columns.map((name) => csv(name, false)), ...result.rows.map((row) => row.map((v, i) => csv(v, result.right[i])))];
  const blob = new Blob(["\ufeff", ...lines.map((line) => `${line.join(",")}\r\n`)], { type: "text/csv;charset=utf-8" });
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = "result.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const DO = { run, refresh, download, cancel: () => running !== null && called("sql_cancel", { name: running }) };

function start() {
  part("terms").textContent = props.terms;
  Object.entries(props.examples).forEach(([name, statement]) => {
    const button = make("button", "", name);
    button.type = "button";
    button.addEventListener("click", () => {
      part("statement").value = statement;
      part("statement").focus();
    });
    part("examples").append(button);
  });
  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-do]");
    if (pressed && !pressed.disabled) DO[pressed.dataset.do]();
  });
  part("statement").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  });
  const again = setInterval(() => (element.isConnected ? drawSnapshot() : clearInterval(again)), 10000);
  let shown = false;
  new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && !shown) look(); // what it says of the snapshot may be old
    shown = entry.isIntersecting;
  }).observe(element);
  drawSnapshot();
}

start();
