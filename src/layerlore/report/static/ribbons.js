// Flow: ribbons for the one cluster that is pointed at; a ribbon's width is its share of what reaches the
// upper cluster through the lower layer; what works against it is negative and has a colour of its own.
const columns = document.querySelector(".columns");
const ribbonField = document.querySelector(".ribbons");
const tileOf = (layer, cluster) => byId(`tile-${layer}-${cluster + 1}`);
const THINNEST = 0.5; // percent; less is not drawn
const FULL_WIDTH = 1.1; // of the space between two columns, for a share of 100 percent

function pictureBox(tile) {
  const box = tile.querySelector(".picture")?.getBoundingClientRect() ?? tile.getBoundingClientRect();
  const origin = columns.getBoundingClientRect();
  return { left: box.left - origin.left, right: box.right - origin.left, top: box.top - origin.top, height: box.height };
}

function linksOf(layer, cluster) {
  const incoming = [], outgoing = [], before = data.flow[layer - 1], after = data.flow[layer];
  if (before) {
    before.forEach((row, index) => {
      const other = index === before.length - 1;
      const element = other ? byId(`other-${layer - 1}`) : tileOf(layer - 1, index);
      const share = Math.abs(row[cluster]);
      if (share >= THINNEST && element) incoming.push({ element, share, other, against: row[cluster] < 0 });
    });
  }
  if (after) {
    after[cluster].forEach((signed, index) => {
      const element = tileOf(layer + 1, index), share = Math.abs(signed);
      if (share >= THINNEST && element) outgoing.push({ element, share, against: signed < 0 });
    });
  }
  return { incoming, outgoing };
}

function ribbon(x0, y0, x1, y1, width, kind) {
  const bend = (x1 - x0) * 0.6;
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", `M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`);
  path.setAttribute("stroke-width", Math.max(width, 1));
  if (kind) path.classList.add(kind);
  ribbonField.append(path);
}

// Ends of ribbons stand one under the other, in the order of the column, around the middle of a picture's edge.
function stacked(links, box, unit) {
  const total = links.reduce((sum, link) => sum + link.share * unit, 0);
  const squeeze = Math.min(1, box.height / Math.max(total, 1));
  let y = box.top + box.height / 2 - (total * squeeze) / 2;
  return links.map((link) => {
    const middle = y + (link.share * unit * squeeze) / 2;
    y += link.share * unit * squeeze;
    return middle;
  });
}

const kindOf = (link) => (link.against ? "against" : link.other ? "from-other" : "");

function clearRibbons() {
  ribbonField.replaceChildren();
  columns.classList.remove("tracing");
  for (const tile of columns.querySelectorAll(".linked, .traced")) tile.classList.remove("linked", "traced");
}

function drawRibbons(layer, cluster, dim) {
  clearRibbons();
  if (look.level !== "unmerged") return; // shares of what is fed do not add up over clusters
  const own = tileOf(layer, cluster), { incoming, outgoing } = linksOf(layer, cluster);
  if (!own || getComputedStyle(ribbonField).display === "none" || !(incoming.length || outgoing.length)) return;
  const box = pictureBox(own), inset = 4;
  const unit = (parseFloat(getComputedStyle(columns).columnGap) * FULL_WIDTH) / 100;
  stacked(incoming, box, unit).forEach((y, i) => {
    const from = pictureBox(incoming[i].element);
    ribbon(from.right - inset, from.top + from.height / 2, box.left + inset, y, incoming[i].share * unit, kindOf(incoming[i]));
  });
  stacked(outgoing, box, unit).forEach((y, i) => {
    const to = pictureBox(outgoing[i].element);
    ribbon(box.right - inset, y, to.left + inset, to.top + to.height / 2, outgoing[i].share * unit, kindOf(outgoing[i]));
  });
  for (const { element, share, against } of [...incoming, ...outgoing]) {
    const badge = element.querySelector(".badge");
    element.classList.add("linked");
    badge.classList.toggle("against", against);
    badge.textContent = `${against ? "\u2212" : ""}${share.toFixed(0)}\u00a0%`;
  }
  own.classList.add("traced");
  columns.classList.toggle("tracing", dim);
}
