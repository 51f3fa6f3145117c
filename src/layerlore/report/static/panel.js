// The panel beside the columns: a large view and everything known about one cluster.
const panel = byId("panel"), canvas = byId("canvas"), photoCard = byId("photo-card");
const stage = document.querySelector(".stage"), narrow = matchMedia("(max-width: 760px)");
const reveal = byId("reveal"), revealControl = byId("reveal-control"), live = byId("live");
const say = (text) => { live.textContent = text; };
const look = { open: null, view: "map", scale: "own", level: "unmerged", strength: 0.9, bare: false };
const photoColour = Number(getComputedStyle(document.documentElement).getPropertyValue("--photo-colour"));

function paint() {
  if (!look.open || !photoImage) return;
  const { layer, cluster } = look.open, context = canvas.getContext("2d"), view = largeView(layer, cluster);
  if (look.bare) {
    paintBare(context);
  } else if (look.view === "revealed") {
    view.ranks ??= pixelRanks(view.values);
    paintRevealed(context, view.ranks, reveal.value / 100);
  } else {
    const peak = look.scale === "layer" ? data.layers[layer].clusters[cluster].peak : 1;
    paintMap(context, view.values, peak, look.strength, photoColour);
  }
  canvas.setAttribute("aria-label", look.view === "revealed"
    ? `The brightest ${reveal.value} percent of the photo by this cluster's map, the rest dark`
    : tileOf(layer, cluster).querySelector("img").alt);
}

// In a study every address begins with the photo; there `data.home` is "photo/ID", elsewhere "".
// Then comes the level, unless maps are unmerged; several clusters that are one are named like "1+3".
function writeAddress() {
  const parts = data.home ? [data.home] : [];
  if (look.level !== "unmerged") parts.push(look.level);
  if (look.open) {
    const { layer, cluster } = look.open, { name, clusters } = data.layers[layer];
    parts.push("layer", encodeURIComponent(name), "cluster", numbersOf(clusters, cluster).join("+"));
    if (look.view === "revealed") parts.push("reveal", reveal.value);
  }
  const hash = parts.length ? `#${parts.join("/")}` : "";
  // A page inside a notebook's frame has no address of its own to change.
  try { history.replaceState(null, "", hash || location.pathname + location.search); } catch { /* stays as it is */ }
}

const numbersOf = (clusters, cluster) => (clusters[cluster].members ?? [cluster]).map((member) => member + 1);

// What the address names: a level, perhaps a layer, perhaps a cluster of it (else null), perhaps how much to reveal.
function readAddress() {
  const own = data.home && location.hash.startsWith(`#${data.home}/`) ? data.home.length + 2 : 1;
  const [, level = "unmerged", rest] = /^(?:(merged|full)(?:\/|$))?(.*)$/s.exec(location.hash.slice(own));
  const nothing = { level, layer: null, cluster: null, reveal: null };
  const parts = /^layer\/([^/]+)(?:\/cluster\/(\d+(?:\+\d+)*)(?:\/reveal\/(\d+))?)?$/.exec(rest);
  if (!parts) return nothing;
  let name;
  try { name = decodeURIComponent(parts[1]); } catch { return nothing; }
  const layer = data.layers.findIndex((candidate) => candidate.name === name);
  if (layer < 0) return nothing;
  if (!parts[2]) return { ...nothing, layer };
  const { clusters } = data.layers[layer];
  const cluster = clusters.findIndex((_, index) => numbersOf(clusters, index).join("+") === parts[2]);
  return cluster < 0 ? nothing : { level, layer, cluster, reveal: Number(parts[3]) || null };
}

function markLayer(layer) {
  for (const marked of columns.querySelectorAll(".marked")) marked.classList.remove("marked");
  if (layer === null) return;
  const column = byId(`layer-${layer}`);
  column.classList.add("marked");
  column.scrollIntoView({ block: narrow.matches ? "start" : "nearest", inline: "center" });
  say(`The address leads to layer ${data.layers[layer].name}.`);
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

// The heaviest channels with a bar, and all of them in one text.
const TOP_CHANNELS = 12;
function fillChannels({ channels, shares }) {
  const body = byId("panel-body"), said = shares.map((share) => `${(share / 100).toFixed(2)}\u00a0%`);
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  body.querySelector(".channels").replaceChildren(...channels.slice(0, TOP_CHANNELS).map((channel, i) => {
    const bar = make("i", {});
    bar.style.width = `${(100 * shares[i]) / (shares[0] || 1)}%`;
    return make("li", {}, make("span", { textContent: channel }),
      make("span", { className: "bar", ariaHidden: "true" }, bar), make("span", { className: "number", textContent: said[i] }));
  }));
  body.querySelector("details").hidden = channels.length < TOP_CHANNELS;
  body.querySelector(".all-channels").textContent = channels.map((channel, i) => `${channel}:\u00a0${said[i]}`).join(", ");
}

function nameOf(layer, cluster) {
  const { name, own, clusters } = data.layers[layer], { members } = clusters[cluster];
  if (!members) return `Cluster ${cluster + 1} of ${own} in ${name}`;
  return `Clusters ${members.map((member) => member + 1).join(", ")} of ${own} in ${name}, as one`;
}

function openPanel(layer, cluster) {
  const tile = tileOf(layer, cluster);
  if (!tile) return;
  if (tile.parentElement.hidden) setLevel(tile.parentElement.dataset.levels.split(" ")[0]);
  const before = look.open && tileOf(look.open.layer, look.open.cluster);
  before?.setAttribute("aria-expanded", "false");
  tile.setAttribute("aria-expanded", "true");
  markLayer(null);
  look.open = { layer, cluster };
  const { clusters } = data.layers[layer];
  byId("panel-title").textContent = nameOf(layer, cluster);
  const parts = [byId(`details-${layer}-${cluster + 1}`), byId(`about-layer-${layer}`)];
  byId("panel-body").replaceChildren(...parts.map((part) => part.content.cloneNode(true)));
  fillChannels(clusters[cluster]);
  panel.hidden = false;
  placePanel();
  if (!narrow.matches) stage.scrollTop = 0;
  paint();
  writeAddress();
  say(`Details of ${nameOf(layer, cluster).replace("Cluster", "cluster")}. Enter again goes to them, Escape closes.`);
}

function closePanel({ quietly = false } = {}) {
  if (!look.open) return;
  const tile = tileOf(look.open.layer, look.open.cluster);
  look.open = null;
  panel.hidden = true;
  placePanel();
  tile.setAttribute("aria-expanded", "false");
  if (quietly) return; // the address already leads elsewhere
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
