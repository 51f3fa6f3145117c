// Labels become chips while they are typed. The server checks all of them again, and alone knows the taboo words.
import { dropDraft, keepDraft, restoreDraft } from "./drafts.js";

const SEPARATORS = /[ '’-]+/u;
const EDGES = /^[^\p{L}\p{M}]+|[^\p{L}\p{M}]+$/gu;
const MOST_LETTERS = 40;
const MOST_WORDS = 4;

let part = null; // the elements of the page that is shown

const normal = (text) => text.normalize("NFKC").replace(/\s+/gu, " ").toLowerCase().normalize("NFKC").replace(EDGES, "");
const plain = (text) => normal(text).normalize("NFKD").replace(/\p{M}/gu, "").split(SEPARATORS).filter(Boolean);

/** Find the elements of a round's page and listen to them. */
export function setUpLabels(main, announce) {
  const entry = main.querySelector("[data-entry]");
  part = entry && {
    announce,
    entry,
    form: entry.form,
    chips: main.querySelector("#chips"),
    draft: main.querySelector("#chip"),
    problem: main.querySelector("#problem"),
    nothing: main.querySelector("#nothing"),
    spoken: main.querySelector("#spoken"),
    kind: entry.parentElement.querySelector("select"),
    taboo: tabooWords(main),
  };
  if (!part) {
    dropDraft();
    return;
  }
  entry.placeholder = entry.dataset.hint;
  main.querySelectorAll(".entry.plain-only").forEach((field) => field.remove());
  entry.addEventListener("keydown", typed);
  entry.addEventListener("input", () => {
    tell("");
    if (entry.value.includes(",")) add();
  });
  main.querySelector("#add").addEventListener("click", () => { add(); entry.focus(); });
  part.chips.addEventListener("click", (event) => {
    const button = event.target.closest(".chip-remove");
    if (button) remove(button.closest("li"));
  });
  part.nothing.addEventListener("change", () => {
    if (part.nothing.checked && (part.chips.children.length || entry.value.trim())) {
      part.nothing.checked = false;
      tell("nothing");
    } else tell("");
  });
  part.spoken?.addEventListener("change", () => { entry.lang = part.spoken.value; });
  restoreDraft(part.form, append);
  part.form.addEventListener("input", () => keepDraft(part.form));
  number();
}

/** What is still in the field becomes a chip; false if it cannot, and then the reason is shown. */
export function finishTyping() {
  if (!part || add()) return true;
  part.entry.focus();
  return false;
}

function typed(event) {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    add();
  } else if (event.key === "Backspace" && !part.entry.value && part.chips.lastElementChild) {
    event.preventDefault();
    remove(part.chips.lastElementChild);
  }
}

/** Make chips of what is typed; false if one of them is at fault, which stays in the field. */
function add() {
  const words = part.entry.value.split(",").map((word) => word.trim()).filter(Boolean);
  part.entry.value = "";
  for (const [place, word] of words.entries()) {
    const fault = faultOf(word);
    if (fault) {
      part.entry.value = words.slice(place).join(" ");
      tell(fault);
      return false;
    }
    append({ word, language: part.spoken?.value ?? part.entry.lang, kind: part.kind?.value ?? "" });
    if (part.kind) part.kind.value = "";
    part.nothing.checked = false;
    tell("");
    number();
    part.announce(word);
  }
  return true;
}

function faultOf(word) {
  const text = normal(word);
  const known = [...part.chips.querySelectorAll(".chip-input")].map((input) => normal(input.value));
  if (part.chips.children.length >= Number(part.chips.dataset.most)) return "most";
  if (!text) return "letters";
  if (text.length > MOST_LETTERS) return "long";
  if (text.split(" ").length > MOST_WORDS) return "words";
  if (known.includes(text)) return "again";
  return isTaboo(plain(word)) ? "taboo" : "";
}

/** Names of the classes on the page: each is treated alike, so what is refused tells nothing. */
function tabooWords(main) {
  const names = [...main.querySelectorAll("#classes .choice span")].flatMap((name) => name.textContent.split(/[,/;()]/u));
  return new Set(names.map((name) => plain(name).join("")).filter(Boolean));
}

function isTaboo(words) {
  return words.some((_, begin) => words.slice(begin).some((__, length) => {
    const run = words.slice(begin, begin + length + 1).join("");
    return part.taboo.has(run) || part.taboo.has(run.replace(/s$/u, "")) || part.taboo.has(run.replace(/es$/u, ""));
  }));
}

function append({ word, language, kind }) {
  const chip = part.draft.content.firstElementChild.cloneNode(true);
  const text = chip.querySelector(".chip-text");
  const button = chip.querySelector(".chip-remove");
  text.textContent = word;
  text.lang = language;
  chip.querySelector(".chip-input").value = word;
  chip.querySelector(".chip-language").value = language;
  button.setAttribute("aria-label", button.dataset.name + word);
  if (part.kind) chip.querySelector(".chip-kind").value = kind;
  part.chips.append(chip);
}

function remove(chip) {
  chip.remove();
  tell("");
  number();
  part.entry.focus();
}

/** The fields' names count from 0 without a gap, and the one that is typed in comes last. */
function number() {
  const chips = [...part.chips.children];
  chips.forEach((chip, place) => {
    chip.querySelector(".chip-input").name = `label_${place}`;
    chip.querySelector(".chip-language").name = `label_${place}_language`;
    const kind = chip.querySelector(".chip-kind");
    if (kind) kind.name = `label_${place}_kind`;
  });
  part.entry.name = `label_${chips.length}`;
  if (part.kind) part.kind.name = `label_${chips.length}_kind`;
  part.entry.disabled = chips.length >= Number(part.chips.dataset.most);
  keepDraft(part.form);
}

function tell(fault) {
  const { problem, entry } = part;
  problem.textContent = fault ? problem.dataset[fault] : "";
  if (fault) {
    entry.setAttribute("aria-invalid", "true");
    problem.scrollIntoView({ block: "nearest" });
  } else entry.removeAttribute("aria-invalid");
}
