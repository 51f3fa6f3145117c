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
  previewNote.textContent = tile ? `Cluster ${cluster + 1} of ${data.layers[layer].name}` : photoNote;
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

function walk(tile, key) {
  const { layer, cluster } = placeOf(tile);
  if (key === "ArrowDown") return tileOf(layer, cluster + 1);
  if (key === "ArrowUp") return tileOf(layer, cluster - 1);
  const step = key === "ArrowRight" ? 1 : -1;
  for (let next = layer + step; data.layers[next]; next += step) {
    const amount = data.layers[next].clusters.length;
    if (amount) return tileOf(next, Math.min(cluster, amount - 1));
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
// A page of a study comes without pictures of its maps; they are painted here.
if (data.paint) for (const tile of tiles) tile.querySelector("img").src = overlayAddress(clusterOf(tile), 1);
const ownPictures = tiles.map((tile) => tile.querySelector("img").src);
document.querySelector(".toolbar").addEventListener("change", (event) => {
  if (event.target.name !== "scale") return;
  look.scale = event.target.value;
  [byId("scale-high").textContent, byId("scale-note").textContent] = SCALES[look.scale];
  tiles.forEach((tile, index) => {
    const cluster = clusterOf(tile);
    tile.querySelector("img").src = look.scale === "own" ? ownPictures[index] : overlayAddress(cluster, cluster.peak);
  });
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
  const wanted = readAddress();
  markLayer(wanted && wanted.cluster === null ? wanted.layer : null);
  if (!wanted) {
    if (look.open && ["", `#${data.home}`].includes(location.hash)) closePanel();
    return;
  }
  if (wanted.cluster === null) {
    closePanel({ quietly: true });
    return;
  }
  if (wanted.reveal) { reveal.value = wanted.reveal; setView("revealed"); }
  showReveal();
  openPanel(wanted.layer, wanted.cluster);
  tileOf(wanted.layer, wanted.cluster).scrollIntoView({ block: "nearest", inline: "nearest" });
  trace();
}
addEventListener("hashchange", restore);
setView(panel.querySelector("input[name=view]:checked").value);
restore();
loadPhoto()
  .then(paint, () => say("The photo cannot be decoded; the large view stays empty."))
  .finally(() => { root.dataset.ready = "true"; });
