// Grids of photos: found by words and filters that the address holds, drawn a screenful at a time.
const byId = (id) => document.getElementById(id);
const form = byId("filters"), list = byId("photos"), more = byId("more"), counter = byId("count");
const STATES = ["waiting", "explained", "failed"], CHUNK = 96;
const percent = (value) => `${(100 * value).toFixed(1)}\u00a0%`;
const amount = (number, noun) => `${number.toLocaleString("en")}\u00a0${noun}${number === 1 ? "" : "s"}`;

// The list of photos is a script that hands itself over: a page from disk may not fetch data.
let study = null;
const loading = new Promise((resolve, reject) => {
  self.layerloreStudy = (content) => { study = unpack(content); resolve(study); };
  const start = () => {
    const script = Object.assign(document.createElement("script"), { src: document.body.dataset.photos });
    script.onerror = () => reject(new Error("The list of photos is missing: data/photos.js. Run layerlore report again."));
    document.head.append(script);
  };
  if (location.hash.length > 1) start();
  else (self.requestIdleCallback ?? setTimeout)(start);
});

function unpack({ classes, answers, rows }) {
  const inside = new Set(classes.map((found) => found.index));
  const photos = rows.map(([id, name, group, predicted, sure, state, width, height]) => {
    const own = classes[group] ?? null, answer = answers[predicted] ?? "";
    const judged = state === 1 && own !== null && own.index !== null;
    return {
      id, name, own, predicted, answer, sure, width, height, state: STATES[state],
      right: judged ? predicted === own.index : null,
      other: !inside.has(predicted),
      words: `${name}\n${own ? `${own.title}\n${own.label}` : ""}\n${answer}`.toLowerCase(),
    };
  });
  return { classes, answers, photos, byId: new Map(photos.map((photo) => [photo.id, photo])) };
}

// What the address asks for: "class/NAME?q=cat&wrong=1" and the like.
function readFilters(group, query) {
  const state = ["right", "wrong", "waiting", "failed"].find((name) => query.get(name)) ?? "";
  return {
    group, state, q: query.get("q") ?? "", predicted: query.get("predicted") ?? "",
    sort: query.get("sort") ?? "", unlabelled: query.has("unlabelled"),
  };
}

function addressOf({ group, state, q, predicted, sort, unlabelled }) {
  const query = new URLSearchParams();
  if (q) query.set("q", q);
  if (state) query.set(state, "1");
  if (predicted) query.set("predicted", predicted);
  if (unlabelled) query.set("unlabelled", "1");
  if (sort) query.set("sort", sort);
  const path = group === null ? "photos" : `class/${encodeURIComponent(group)}`;
  return `#${path}${query.size ?? query.toString().length ? `?${query}` : ""}`;
}

function select({ group, state, q, predicted, sort, unlabelled }) {
  const sought = q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = study.photos.filter((photo) =>
    (group === null || photo.own?.label === group)
    && (!unlabelled || photo.own === null)
    && (!state || (state === "right" || state === "wrong" ? photo.right === (state === "right") : photo.state === state))
    && (!predicted || (predicted === "other" ? photo.other && photo.predicted >= 0 : photo.predicted === Number(predicted)))
    && sought.every((word) => photo.words.includes(word)));
  if (sort === "sure") found.sort((a, b) => b.sure - a.sure);
  if (sort === "unsure") found.sort((a, b) => (a.predicted < 0) - (b.predicted < 0) || a.sure - b.sure);
  return found;
}

const MARKS = { true: ["right", "✓", "right: "], false: ["wrong", "✗", "wrong: "] };

function shot(photo) {
  const item = byId("shot").content.firstElementChild.cloneNode(true), link = item.firstElementChild;
  const said = link.querySelector(".said"), truth = link.querySelector(".truth"), image = link.querySelector("img");
  link.querySelector(".file").textContent = photo.name;
  link.title = photo.name;
  if (photo.state !== "explained") {
    image.replaceWith(Object.assign(document.createElement("span"), {
      className: "none", textContent: photo.state === "waiting" ? "not explained yet" : "could not be explained",
    }));
    if (photo.own) truth.textContent = photo.own.title;
    const plain = document.createElement("div");
    plain.className = "shot";
    plain.append(...link.childNodes);
    link.replaceWith(plain);
    return item;
  }
  link.href = `photos/${photo.id}.html#photo/${photo.id}`;
  [image.width, image.height, image.src] = [photo.width, photo.height, `thumbs/${photo.id}.jpg`];
  const mark = MARKS[photo.right];
  if (mark) {
    said.append(
      Object.assign(document.createElement("b"), { className: mark[0], textContent: mark[1], ariaHidden: "true" }),
      Object.assign(document.createElement("span"), { className: "sr", textContent: mark[2] }), " ",
    );
  }
  said.append(Object.assign(document.createElement("b"), { textContent: photo.answer }), ` ${percent(photo.sure)}`);
  if (photo.own && photo.right !== true) truth.textContent = photo.right === false ? `it is ${photo.own.title}` : photo.own.title;
  return item;
}

const grid = { found: [], shown: 0, filters: null, title: "" };

function showMore(least = 0) {
  const until = Math.min(grid.found.length, Math.max(grid.shown + CHUNK, least));
  list.append(...grid.found.slice(grid.shown, until).map(shot));
  grid.shown = until;
  more.hidden = until >= grid.found.length;
  more.textContent = `Show more of ${amount(grid.found.length, "photo")}`;
}

function options(name, first, pairs, value) {
  const field = form.elements[name];
  field.replaceChildren(...[["", first], ...pairs].map(([key, text]) => new Option(text, key, false, key === value)));
}

const CLASSES_NONE = "\u0000none";

function fillForm(filters) {
  const { group, unlabelled, predicted } = filters, counts = new Map();
  for (const photo of study.photos) if (photo.predicted >= 0) counts.set(photo.predicted, (counts.get(photo.predicted) ?? 0) + 1);
  const said = [...counts].map(([index, count]) => [String(index), `${study.answers[index]} (${count})`]).sort((a, b) => a[1].localeCompare(b[1]));
  if (predicted === "other") said.unshift(["other", "another class than these photos have"]);
  const own = study.classes.map(({ label, title }) => [label, title]).sort((a, b) => a[1].localeCompare(b[1]));
  if (study.photos.some((photo) => photo.own === null)) own.push([CLASSES_NONE, "none"]);
  options("class", "all", own, unlabelled ? CLASSES_NONE : group ?? "");
  options("predicted", "any class", said, predicted);
  form.elements.class.closest("label").hidden = !study.classes.length;
  form.elements.q.value = filters.q;
  form.elements.state.value = filters.state;
  form.elements.sort.value = filters.sort;
}

function describe({ group }) {
  const own = study.classes.find((found) => found.label === group);
  if (group === null) return ["All photos", ""];
  if (!own) return [group, "The study has no class of this name."];
  const photos = study.photos.filter((photo) => photo.own === own), judged = photos.filter((photo) => photo.right !== null);
  const right = judged.filter((photo) => photo.right).length;
  const said = own.index === null ? "The network knows no class of this name, so its answers cannot be judged."
    : judged.length ? `${right.toLocaleString("en")} of ${judged.length.toLocaleString("en")} answers are right (${percent(right / judged.length)}).` : "";
  return [own.title, said];
}

// Draw the grid; `keep` shows as many photos as before, when the reader comes back.
function drawGrid(filters, keep = 0) {
  Object.assign(grid, { filters, found: select(filters), shown: 0 });
  list.replaceChildren();
  showMore(keep);
  const all = filters.group === null ? study.photos.length : study.photos.filter((photo) => photo.own?.label === filters.group).length;
  const narrowed = Boolean(filters.q || filters.state || filters.predicted || filters.unlabelled);
  counter.textContent = narrowed ? `${grid.found.length.toLocaleString("en")} of ${amount(all, "photo")}` : amount(all, "photo");
  byId("reset").hidden = !narrowed;
  byId("nothing").hidden = grid.found.length > 0;
  byId("nothing").textContent = narrowed ? "No photo fits. Take a filter away or search for less." : "There are no photos here.";
}

function openGrid(filters, keep) {
  fillForm(filters);
  let lead;
  [grid.title, lead] = describe(filters);
  byId("grid-title").textContent = grid.title;
  byId("grid-lead").textContent = lead;
  byId("grid-lead").hidden = !lead;
  drawGrid(filters, keep);
}

// The form changes the address in place, so that one step back leaves the grid.
function fromForm() {
  const { class: own, state, q, predicted, sort } = form.elements;
  const none = own.value === CLASSES_NONE;
  return {
    group: none || !own.value ? null : own.value, unlabelled: none,
    state: state.value, q: q.value.trim(), predicted: predicted.value, sort: sort.value,
  };
}

let typing = 0;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const filters = fromForm(), moved = filters.group !== grid.filters.group;
    history.replaceState(null, "", addressOf(filters));
    if (moved) openGrid(filters);
    else drawGrid(filters);
    remember();
  }, event.target.name === "q" ? 120 : 0);
});
byId("reset").addEventListener("click", () => {
  location.hash = addressOf({ group: grid.filters.group, state: "", q: "", predicted: "", sort: grid.filters.sort, unlabelled: false });
  form.elements.q.focus();
});
more.addEventListener("click", () => showMore());
new IntersectionObserver(([seen]) => { if (seen.isIntersecting && !more.hidden) showMore(); }, { rootMargin: "1200px" }).observe(more);

// For the way back from a photo: which grid, how much of it, where.
const memory = `layerlore-grid ${new URL(".", location.href).pathname}`;
function remember() {
  try {
    if (byId("grid").hidden) sessionStorage.removeItem(memory);
    else sessionStorage.setItem(memory, JSON.stringify({ hash: location.hash, title: grid.title, shown: grid.shown, top: scrollY }));
  } catch { /* no storage: the way back leads to the top of the grid */ }
}
function remembered() {
  try { return JSON.parse(sessionStorage.getItem(memory)); } catch { return null; }
}
addEventListener("pagehide", remember);
