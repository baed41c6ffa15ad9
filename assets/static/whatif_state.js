// What if, 1 of 2: the thresholds, the questions to the server, and what is kept. Follows the filter in the page's
// address. The scripts run as one, once, when the component is loaded.
const SILENT = "The app does not answer. See whether it still runs, then reload this page.";
const REST = 250; // milliseconds without a move, after which the rows beside the sliders are asked for
const SAMPLED = 1000; // milliseconds between two looks while all rows are still being read
const EDGES = { difficulty: ["difficulty_from", "difficulty_to"], reward: ["reward"], agreement: ["agreement"], duplicates: ["duplicates"] };
const OPEN = { difficulty: [null, null], reward: null, agreement: null, duplicates: true };
let set = null; // the thresholds; null: those of the filter
let own = null; // the filter's, as text: where they change, the sliders follow
let base = null; // what changes only with the filter and the rows
let shown = 0; // the end of the difficulty's band whose rows are shown
let [sent, drawn, flying, waiting, resting] = [0, 0, 0, false, null];

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const number = (value) => value.toLocaleString("en");
const round = (value) => String(Number(value.toPrecision(6)));
const percent = (share) => `${(share * 100).toFixed(1)}\u00a0%`;
const here = () => element.isConnected && element.offsetParent !== null;

// One request at a time; moves meanwhile become one more. What comes back after something newer was drawn is dropped.
async function look(rows = false) {
  if (!rows && flying) {
    waiting = true;
    return;
  }
  waiting = false;
  clearTimeout(resting);
  const mine = ++sent;
  flying += 1;
  let reply;
  try {
    const filter = new URL(location.href).searchParams.get("filter");
    reply = await server.whatif_look({ filter, thresholds: set, known: base && base.key, rows });
    if (!reply) throw new Error("nothing came back"); // Gradio's client raises nothing then
  } catch {
    reply = { error: SILENT };
  }
  flying -= 1;
  if (mine > drawn) {
    drawn = mine;
    draw(reply);
  }
  if (waiting) look();
  else if (!rows && !reply.error && mine === sent) resting = setTimeout(() => look(true), REST);
}

function draw(reply) {
  say(part("error"), reply.error || reply.refused || "");
  part("error").hidden = !part("error").textContent;
  if (reply.error) return;
  const had = own;
  own = JSON.stringify(reply.own);
  if (set === null) set = reply.thresholds;
  else if (own !== had) { // the filter has others now
    set = reply.own;
    if (own !== JSON.stringify(reply.thresholds)) look();
  }
  if (reply.base) base = { ...reply.base, key: reply.key };
  say(part("about"), `${reply.part} ${base.about}`.trim());
  if (reply.part) setTimeout(() => here() && look(true), SAMPLED);
  part("all").hidden = !base.count;
  drawTold(reply);
  drawSliders(reply);
}

function drawTold(reply) {
  say(part("count"), number(reply.count));
  say(part("share"), `of ${number(base.count)} candidates kept (${percent(reply.count / (base.count || 1))})`);
  say(part("tokens"), `${number(reply.tokens)} of ${number(base.tokens)} solution tokens. ${base.untold}`);
  say(part("pairs"), reply.pairs);
  if (reply.borders) say(part("live"), `${part("count").textContent} ${part("share").textContent}`);
  const topics = base.topics.map((topic, i) => ({ ...topic, kept: reply.topics[i] })).filter((topic) => topic.count);
  topics.sort((a, b) => b.count - a.count);
  const shares = topics.map((topic) => [topic.count / (base.count || 1), topic.kept / (reply.count || 1)]);
  const most = Math.max(...shares.flat(), 1e-9);
  while (part("topics").children.length > topics.length) part("topics").lastChild.remove();
  topics.forEach((topic, i) => {
    let row = part("topics").children[i];
    if (!row) {
      row = make("div");
      const bars = make("div", "bars");
      bars.append(make("span", "before"), make("span", "after"));
      row.append(make("span", "name"), bars, make("span", "numbers"));
      row.setAttribute("role", "row");
      [row.firstChild, row.lastChild].forEach((cell) => cell.setAttribute("role", "cell"));
      bars.setAttribute("aria-hidden", "true");
      part("topics").append(row);
    }
    say(row.firstChild, topic.text);
    row.querySelectorAll(".bars span").forEach((bar, k) => (bar.style.width = `${(shares[i][k] / most) * 100}%`));
    say(row.lastChild, `${percent(shares[i][0])} → ${percent(shares[i][1])}`);
    row.title = `${number(topic.kept)} of ${number(topic.count)} kept`;
  });
}
