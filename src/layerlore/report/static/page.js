// Pointing, keys, controls and the address.
const tiles = [...document.querySelectorAll(".tile")];
const preview = document.querySelector(".preview"), previewNote = byId("preview-note"), photoNote = previewNote.textContent;
const placeOf = (element) => ({ layer: Number(element.dataset.layer), cluster: Number(element.dataset.cluster) });
let pointed = null, focused = null;

function trace() {
  const tile = pointed ?? focused;
  if (tile) drawRibbons(placeOf(tile).layer, placeOf(tile).cluster, true);
  else if (look.open) drawRibbons(look.open.layer, look.open.cluster, false);
  else clearRibbons();
  preview.hidden = !tile;
  if (tile) preview.src = tile.querySelector("img").src;
  const { layer, cluster } = tile ? placeOf(tile) : {};
  previewNote.textContent = tile ? nameOf(layer, cluster) : photoNote;
}

const tileUnder = (event) => event.target.closest?.(".tile") ?? null;
columns.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch" || tileUnder(event) === pointed) return;
  pointed = tileUnder(event);
  trace();
});
columns.addEventListener("pointerleave", () => { pointed = null; trace(); });
columns.addEventListener("focusin", (event) => {
  focused = tileUnder(event)?.matches(":focus-visible") ? tileUnder(event) : null;
  trace();
});
columns.addEventListener("focusout", () => { focused = null; trace(); });
new ResizeObserver(trace).observe(columns);

// Click and Enter open; on the open cluster, Enter goes into the details and a click closes them.
let swallowClick = false;
columns.addEventListener("click", (event) => {
  const tile = tileUnder(event);
  if (!tile) return;
  if (swallowClick) { swallowClick = false; return; }
  const { layer, cluster } = placeOf(tile);
  const same = look.open?.layer === layer && look.open.cluster === cluster;
  if (!same) openPanel(layer, cluster);
  else if (event.detail === 0) byId("panel-title").focus();
  else closePanel();
  trace();
});

const isShown = (tile) => !tile.parentElement.hidden;
const column = (layer) => tiles.filter((tile) => placeOf(tile).layer === layer && isShown(tile));

function walk(tile, key) {
  const { layer, cluster } = placeOf(tile);
  const place = column(layer).indexOf(tileOf(layer, cluster));
  if (key === "ArrowDown") return column(layer)[place + 1];
  if (key === "ArrowUp") return column(layer)[place - 1];
  const step = key === "ArrowRight" ? 1 : -1;
  for (let next = layer + step; data.layers[next]; next += step) {
    const shown = column(next);
    if (shown.length) return shown[Math.min(place, shown.length - 1)];
  }
  return null;
}

function setBare(bare) {
  if (look.bare === bare) return;
  look.bare = bare;
  document.body.classList.toggle("bare", bare);
  byId("bare").classList.toggle("held", bare);
  paint();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && look.open) { closePanel(); trace(); return; }
  if (event.key.toLowerCase() === "b" && !event.target.matches("input:not([type=range], [type=radio]), textarea")) {
    setBare(true);
    return;
  }
  if (!event.key.startsWith("Arrow") || !event.target.matches?.(".tile")) return;
  const next = walk(event.target, event.key);
  event.preventDefault();
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (look.open) openPanel(placeOf(next).layer, placeOf(next).cluster);
});
document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "b") setBare(false); });
addEventListener("blur", () => setBare(false));

// Press and hold: on a map, on the large view or on the button.
let holding = 0;
document.addEventListener("pointerdown", (event) => {
  swallowClick = false;
  if (event.target.closest("#bare, #canvas")) setBare(true);
  else if (tileUnder(event)) holding = setTimeout(() => { setBare(true); swallowClick = true; }, 350);
});
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => { clearTimeout(holding); setBare(false); });
}
columns.addEventListener("contextmenu", (event) => { if (look.bare) event.preventDefault(); });
byId("bare").addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); setBare(true); } });
byId("bare").addEventListener("keyup", () => setBare(false));

// Controls
byId("strength").addEventListener("input", (event) => {
  look.strength = event.target.value / 100;
  event.target.setAttribute("aria-valuetext", `${event.target.value} percent`);
  document.body.style.setProperty("--strength", look.strength);
  paint();
});

const SCALES = {
  own: ["highest of the map", "Each map has its own scale: compare places, not strengths."],
  layer: ["highest of the layer", "The maps of a layer share one scale: what is weak looks weak."],
};
const clusterOf = (tile) => data.layers[placeOf(tile).layer].clusters[placeOf(tile).cluster];
// Maps that came without a picture are painted when they are first shown.
const ownPictures = new Map();
function showPicture(tile) {
  const image = tile.querySelector("img"), cluster = clusterOf(tile);
  if (!ownPictures.has(tile)) ownPictures.set(tile, data.paint || cluster.members ? overlayAddress(cluster, 1) : image.src);
  image.src = look.scale === "own" ? ownPictures.get(tile) : overlayAddress(cluster, cluster.peak);
}
const showPictures = () => tiles.filter(isShown).forEach(showPicture);

const LEVELS = {
  unmerged: "Unmerged: every cluster alone.",
  merged: "Merged: clusters that share their best word are one map.",
  full: "Full: all clusters of a layer are one map.",
};
function setLevel(level) {
  if (!byId("levels") || look.level === level) return;
  if (look.open && !levelsOf(tileOf(look.open.layer, look.open.cluster)).includes(level)) closePanel({ quietly: true });
  look.level = level;
  document.querySelector(`input[name="level"][value="${level}"]`).checked = true;
  for (const tile of tiles) tile.parentElement.hidden = !levelsOf(tile).includes(level);
  byId("level-note").textContent = LEVELS[level];
  showPictures();
  trace();
}
const levelsOf = (tile) => tile.parentElement.dataset.levels.split(" ");

document.querySelector(".toolbar").addEventListener("change", (event) => {
  if (event.target.name === "level") {
    setLevel(event.target.value);
    writeAddress();
    say(LEVELS[look.level]);
  }
  if (event.target.name !== "scale") return;
  look.scale = event.target.value;
  [byId("scale-high").textContent, byId("scale-note").textContent] = SCALES[look.scale];
  showPictures();
  paint();
  say(byId("scale-note").textContent);
});

panel.addEventListener("click", (event) => {
  const jump = event.target.closest(".jump");
  if (!jump) return;
  const { layer, cluster } = placeOf(jump);
  openPanel(layer, cluster);
  const tile = tileOf(layer, cluster);
  tile.focus({ preventScroll: true });
  tile.scrollIntoView({ block: "nearest", inline: "nearest" });
  trace();
});

function restore() {
  const { level, layer, cluster, reveal: part } = readAddress();
  setLevel(level);
  markLayer(cluster === null ? layer : null);
  if (cluster === null) {
    const whole = ["", `#${data.home}`, `#${level}`, `#${data.home}/${level}`].includes(location.hash);
    if (look.open && (whole || layer !== null)) closePanel({ quietly: !whole });
    return;
  }
  if (part) { reveal.value = part; setView("revealed"); }
  showReveal();
  openPanel(layer, cluster);
  tileOf(layer, cluster).scrollIntoView({ block: "nearest", inline: "nearest" });
  trace();
}
addEventListener("hashchange", restore);
setView(panel.querySelector("input[name=view]:checked").value);
showPictures();
restore();
loadPhoto()
  .then(paint, () => say("The photo cannot be decoded; the large view stays empty."))
  .finally(() => { root.dataset.ready = "true"; });
