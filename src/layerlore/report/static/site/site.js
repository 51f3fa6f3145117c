// The address decides what is seen: the overview, a grid, or the page of a photo.
const views = { overview: byId("overview"), grid: byId("grid"), lost: byId("lost") }, home = document.title;
document.documentElement.classList.add("js");

function show(view, title, { focus }) {
  for (const [name, element] of Object.entries(views)) element.hidden = name !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view || (link.dataset.view === "photos" && view === "grid" && grid.filters?.group === null)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = title ? `${title} · ${home}` : home;
  if (focus) views[view].querySelector("h1").focus({ preventScroll: true });
}

function plain(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

// "#photo/ID/layer/NAME/cluster/2" leads to the photo's page, which understands the same address.
function leadToPhoto(id, hash) {
  const photo = study.byId.get(id);
  if (photo?.state === "explained") { location.replace(`photos/${id}.html${hash}`); return; }
  const said = { waiting: "is not explained yet", failed: "could not be explained" }[photo?.state];
  byId("lost").querySelector("h1").textContent = photo ? "This photo has no page" : "There is no such photo here";
  byId("lost-note").textContent = photo ? `${photo.name} ${said}.` : `No photo of this study has the id ${id}. The address may be of another study.`;
  show("lost", "no such photo", { focus: true });
}

async function route({ arriving = false } = {}) {
  const { hash } = location, [path, query = ""] = hash.slice(1).split(/\?(.*)/s), parts = path.split("/");
  if (!["photos", "class", "photo"].includes(parts[0])) {
    show("overview", "", { focus: !arriving });
    if (!arriving) scrollTo(0, 0);
    remember();
    return;
  }
  if (parts[0] !== "photo") show("grid", "", { focus: false });
  try { await loading; } catch (error) { counter.textContent = error.message; return; }
  if (hash !== location.hash) return; // the reader is elsewhere by now
  if (parts[0] === "photo") { leadToPhoto(plain(parts[1] ?? ""), hash); return; }
  const back = arriving ? remembered() : null, same = back?.hash === hash;
  openGrid(readFilters(parts[0] === "class" ? plain(parts.slice(1).join("/")) : null, new URLSearchParams(query)), same ? back.shown : 0);
  show("grid", grid.title, { focus: !arriving });
  scrollTo(0, same ? back.top : 0);
  remember();
  document.documentElement.dataset.grid = String(grid.found.length);
}

addEventListener("hashchange", () => route());
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); byId("content").focus(); });

// The table of classes: a click on a heading sorts by it, a second one the other way round.
const table = byId("classes"), whole = byId("all-classes");
function sortBy(head) {
  const place = [...head.parentElement.children].indexOf(head), before = head.getAttribute("aria-sort");
  const up = before ? before === "descending" : head.dataset.sort === "up";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const value = (row) => row.children[place].dataset.value, body = table.tBodies[0];
  const order = place === 0 ? (a, b) => value(a).localeCompare(value(b), "en") : (a, b) => value(a) - value(b);
  const later = body.querySelectorAll(".later").length, rows = [...body.rows].sort((a, b) => (up ? order(a, b) : order(b, a)));
  rows.forEach((row, index) => row.classList.toggle("later", index >= rows.length - later));
  body.append(...rows);
}
for (const head of table?.querySelectorAll("thead th") ?? []) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "sorter", textContent: head.textContent });
  head.firstElementChild.replaceWith(button);
  button.addEventListener("click", () => sortBy(head));
}
if (whole) {
  whole.hidden = false;
  whole.addEventListener("click", () => {
    for (const row of table.querySelectorAll(".later")) row.classList.remove("later");
    whole.remove();
  });
}
route({ arriving: true });
document.documentElement.dataset.ready = "true";
