// The panel beside the columns: a large view and everything known about one cluster.
const panel = byId("panel"), canvas = byId("canvas"), photoCard = byId("photo-card");
const stage = document.querySelector(".stage"), narrow = matchMedia("(max-width: 760px)");
const reveal = byId("reveal"), revealControl = byId("reveal-control"), live = byId("live");
const say = (text) => { live.textContent = text; };
const look = { open: null, view: "map", scale: "own", strength: 0.9, bare: false };
const photoColour = Number(getComputedStyle(document.documentElement).getPropertyValue("--photo-colour"));

function paint() {
  if (!look.open || !photoPixels) return;
  const { layer, cluster } = look.open, context = canvas.getContext("2d", { willReadFrequently: true });
  const picture = context.createImageData(data.width, data.height), view = largeView(layer, cluster);
  if (look.bare) {
    picture.data.set(photoPixels);
  } else if (look.view === "revealed") {
    view.ranks ??= pixelRanks(view.values);
    paintRevealed(picture.data, view.ranks, reveal.value / 100);
  } else {
    const peak = look.scale === "layer" ? data.layers[layer].clusters[cluster].peak : 1;
    paintMap(picture.data, view.values, peak, look.strength, photoColour);
  }
  context.putImageData(picture, 0, 0);
  canvas.setAttribute("aria-label", look.view === "revealed"
    ? `The brightest ${reveal.value} percent of the photo by this cluster's map, the rest dark`
    : tileOf(layer, cluster).querySelector("img").alt);
}

function writeAddress() {
  let hash = "";
  if (look.open) {
    hash = `#layer/${encodeURIComponent(data.layers[look.open.layer].name)}/cluster/${look.open.cluster + 1}`;
    if (look.view === "revealed") hash += `/reveal/${reveal.value}`;
  }
  // A page inside a notebook's frame has no address of its own to change.
  try { history.replaceState(null, "", hash || location.pathname + location.search); } catch { /* stays as it is */ }
}

function readAddress() {
  const parts = /^#layer\/(.+)\/cluster\/(\d+)(?:\/reveal\/(\d+))?$/.exec(location.hash);
  if (!parts) return null;
  let name;
  try { name = decodeURIComponent(parts[1]); } catch { return null; }
  const layer = data.layers.findIndex((candidate) => candidate.name === name), cluster = Number(parts[2]) - 1;
  return data.layers[layer]?.clusters[cluster] ? { layer, cluster, reveal: Number(parts[3]) || null } : null;
}

// On a narrow screen the panel stands right below the layer it belongs to.
function placePanel() {
  const home = narrow.matches && look.open ? byId(`layer-${look.open.layer}`).querySelector(".tiles") : null;
  if (home) home.after(panel);
  else if (panel.parentElement !== stage) stage.append(panel);
  photoCard.hidden = Boolean(look.open) && !narrow.matches;
}

function setView(view) {
  look.view = view;
  panel.querySelector(`input[name="view"][value="${view}"]`).checked = true;
  revealControl.hidden = view !== "revealed";
}

function showReveal() {
  byId("reveal-out").textContent = `${reveal.value}\u00a0%`;
  reveal.setAttribute("aria-valuetext", `${reveal.value} percent of the photo`);
}

function openPanel(layer, cluster) {
  const tile = tileOf(layer, cluster);
  if (!tile) return;
  const before = look.open && tileOf(look.open.layer, look.open.cluster);
  before?.setAttribute("aria-expanded", "false");
  tile.setAttribute("aria-expanded", "true");
  look.open = { layer, cluster };
  const { name, clusters } = data.layers[layer];
  byId("panel-title").textContent = `Cluster ${cluster + 1} of ${clusters.length} in ${name}`;
  byId("panel-body").replaceChildren(byId(`details-${layer}-${cluster + 1}`).content.cloneNode(true));
  panel.hidden = false;
  placePanel();
  if (!narrow.matches) stage.scrollTop = 0;
  paint();
  writeAddress();
  say(`Details of cluster ${cluster + 1} of ${clusters.length} in ${name}. Enter again goes to them, Escape closes.`);
}

function closePanel() {
  if (!look.open) return;
  const tile = tileOf(look.open.layer, look.open.cluster);
  look.open = null;
  panel.hidden = true;
  placePanel();
  tile.setAttribute("aria-expanded", "false");
  tile.focus({ preventScroll: !narrow.matches });
  writeAddress();
  say("Details closed.");
}

panel.addEventListener("change", (event) => {
  if (event.target.name !== "view") return;
  setView(event.target.value);
  paint();
  writeAddress();
});
reveal.addEventListener("input", () => { showReveal(); paint(); });
reveal.addEventListener("change", writeAddress);
byId("panel-close").addEventListener("click", closePanel);
narrow.addEventListener("change", placePanel);
