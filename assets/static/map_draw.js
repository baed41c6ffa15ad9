// Map, 2 of 3: the canvas. Tiles are one small picture, stretched to where they lie; while the next reply is on its way
// the last one is moved and stretched, so that a drag is followed at once.
const RAMP = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"]; // viridis
const TOPICS = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#8a8f98"];
const NONE = 255;
const DOT = 3.5;
const picture = document.createElement("canvas");

const dark = () => document.body.classList.contains("dark");
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const STOPS = RAMP.map(rgb);

// Much is dark on a light page and bright on a dark one.
function ramp(share) {
  const place = (dark() ? share : 1 - share) * (STOPS.length - 1);
  const k = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[k].map((from, i) => Math.round(from + (STOPS[k + 1][i] - from) * (place - k)));
}

const topic = (code) => rgb(TOPICS[code % TOPICS.length]);

function tone(value) {
  if (value === NONE) return [140, 145, 155];
  return last.colour === "topic" ? topic(value) : ramp(value / 254);
}

function legend() {
  const told = last.legend;
  const box = make("div", "legend");
  if (told.kind === "topic") {
    told.values.forEach((text, code) => {
      const row = make("div", "key");
      const swatch = make("span", "swatch");
      swatch.style.background = TOPICS[code % TOPICS.length];
      row.append(swatch, make("span", "", text));
      box.append(row);
    });
    if (last.tiles) box.append(make("p", "quiet", "A tile has the topic of most of its questions; fainter tiles hold fewer."));
  } else if (told.kind !== "density" || last.tiles) {
    const bar = make("div", "ramp");
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${ramp(share).join(",")})`);
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    const ends = make("div", "ends");
    const [low, high] = told.ends || ["1", number(last.tiles.most)];
    ends.append(make("span", "", low), make("span", "", high));
    const density = "Questions in a tile, on a logarithmic scale.";
    box.append(bar, ends, make("p", "quiet", told.kind === "density" ? density : `${told.note} Grey has none.`));
  }
  part("legend").replaceChildren(box);
}

// From the map to the canvas and back; the map's second axis points up.
const onto = (x, y, size) => [((x - at.x) / at.span + 0.5) * size, (0.5 - (y - at.y) / at.span) * size];
const from = (px, py, size) => [at.x + (px / size - 0.5) * at.span, at.y + (0.5 - py / size) * at.span];

function paint() {
  const canvas = part("canvas");
  const size = canvas.clientWidth;
  if (!size || !last) return;
  const sharp = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(size * sharp)) canvas.width = canvas.height = Math.round(size * sharp);
  const pen = canvas.getContext("2d");
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, size, size);
  if (cells) paintTiles(pen, size);
  else paintPoints(pen, size);
  outline(pen, size, drawing || last.area, drawing !== null);
  canvas.setAttribute("aria-label", `Map of the questions. ${part("count").textContent}.`);
}

function paintTiles(pen, size) {
  const grid = props.grid;
  picture.width = picture.height = grid;
  const inner = picture.getContext("2d");
  const image = inner.createImageData(grid, grid);
  const most = Math.log1p(last.tiles.most);
  for (let i = 0; i < grid * grid; i += 1) {
    if (!cells.counts[i]) continue;
    const share = Math.log1p(cells.counts[i]) / most;
    const shade = last.colour === "density" ? ramp(share) : tone(cells.values[i]);
    const place = 4 * ((grid - 1 - Math.floor(i / grid)) * grid + (i % grid)); // rows come from low to high
    image.data.set(shade, place);
    image.data[place + 3] = last.colour === "density" ? 255 : 90 + 165 * share;
  }
  inner.putImageData(image, 0, 0);
  const [left, low, right, high] = last.view;
  const [x, y] = onto(left, high, size);
  const [x2, y2] = onto(right, low, size);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, x, y, x2 - x, y2 - y);
}

function paintPoints(pen, size) {
  const { x, y, values } = last.points;
  const accent = getComputedStyle(element).getPropertyValue("--color-accent").trim() || "#4f46e5";
  x.forEach((_, i) => {
    const [px, py] = onto(x[i], y[i], size);
    pen.beginPath();
    pen.arc(px, py, DOT, 0, 2 * Math.PI);
    pen.fillStyle = values ? `rgb(${tone(values[i]).join(",")})` : accent;
    pen.globalAlpha = 0.8;
    pen.fill();
  });
  pen.globalAlpha = 1;
}

function outline(pen, size, points, open) {
  if (!points || points.length < 2) return;
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(...onto(x, y, size)) : pen.moveTo(...onto(x, y, size))));
  if (!open || mode === "box") pen.closePath();
  pen.lineWidth = 2;
  pen.strokeStyle = dark() ? "#fff" : "#111";
  pen.setLineDash(open ? [4, 3] : []);
  pen.stroke();
  pen.setLineDash([]);
}

// The point under the pointer, if one is near.
function pointed(px, py, size) {
  if (!last || !last.points) return null;
  let [best, found] = [8 * 8, null];
  last.points.ids.forEach((id, i) => {
    const [x, y] = onto(last.points.x[i], last.points.y[i], size);
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far < best) [best, found] = [far, { id, x, y }];
  });
  return found;
}
