// Draws a sheet: sentences, progress bars, tables and texts side by side, in order. Everything that comes from data is set as text, never as
// markup. Runs once, when the component is loaded; whenever its value changes it touches only what is different, so that
// nothing flickers and a reader's selection, scroll and focus stay.
function fit(parent, count, kind) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(make(kind));
}

const drawn = {
  text: {
    make: () => make("p"),
    fill(node, part) {
      node.className = part.strong ? "strong" : "";
      say(node, part.text);
    },
  },
  bar: {
    make() {
      const bar = make("div", "bar");
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-valuemin", "0");
      bar.setAttribute("aria-valuemax", "100");
      bar.append(make("div"));
      return bar;
    },
    fill(node, part) {
      node.setAttribute("aria-valuenow", Math.round(part.share * 100));
      node.setAttribute("aria-label", part.label);
      node.firstElementChild.style.width = `${Math.min(Math.max(part.share, 0), 1) * 100}%`;
    },
  },
  table: {
    make() {
      const box = make("figure");
      const scroll = make("div", "scroll");
      scroll.tabIndex = 0; // so that a keyboard can scroll it
      scroll.setAttribute("role", "region");
      const table = make("table");
      table.append(make("thead"), make("tbody"));
      table.tHead.append(make("tr"));
      scroll.append(table);
      box.append(make("figcaption"), scroll);
      return box;
    },
    fill(node, part) {
      const [caption, scroll] = node.children;
      say(caption, part.title);
      scroll.setAttribute("aria-label", part.title);
      const table = scroll.firstElementChild;
      const head = table.tHead.rows[0];
      fit(head, part.columns.length, "th");
      part.columns.forEach((name, i) => {
        head.children[i].scope = "col";
        say(head.children[i], name);
        head.children[i].className = part.right[i] ? "number" : "";
      });
      const body = table.tBodies[0];
      fit(body, part.rows.length, "tr");
      part.rows.forEach((values, i) => {
        const row = body.children[i];
        fit(row, values.length, "td");
        values.forEach((value, j) => {
          say(row.children[j], typeof value === "number" ? value.toLocaleString("en") : value);
          row.children[j].className = part.right[j] ? "number" : "";
          row.children[j].dir = part.right[j] ? "" : "auto";
        });
      });
    },
  },
  sides: {
    make() {
      const box = make("figure");
      box.append(make("figcaption"), make("div", "sides"));
      return box;
    },
    fill(node, part) {
      const [caption, columns] = node.children;
      say(caption, part.title);
      fit(columns, part.sides.length, "div");
      part.sides.forEach((side, i) => {
        fit(columns.children[i], 2, "p");
        const [about, text] = columns.children[i].children;
        about.className = "about";
        text.className = "written";
        text.dir = "auto";
        say(about, side.title);
        say(text, side.text);
      });
    },
  },
};

function draw() {
  const root = element.querySelector(".sheet");
  if (!root) return;
  JSON.parse(props.value || "[]").forEach((part, i, parts) => {
    let node = root.children[i];
    if (!node || node.dataset.kind !== part.kind) {
      const made = drawn[part.kind].make();
      made.dataset.kind = part.kind;
      if (node) node.replaceWith(made);
      else root.append(made);
      node = made;
    }
    drawn[part.kind].fill(node, part);
    if (i === parts.length - 1) while (root.children.length > parts.length) root.lastElementChild.remove();
  });
}

watch("value", draw);
draw();
