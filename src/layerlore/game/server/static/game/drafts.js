// What is typed and not sent yet outlives a reload. It stays in this tab, and goes when the round is answered.
const NAME = "draft";

/** Keep what the form of a round holds. */
export function keepDraft(form) {
  const value = (chip, selector) => chip.querySelector(selector)?.value ?? "";
  const chips = [...form.querySelectorAll("#chips > li")].map((chip) => ({
    word: value(chip, ".chip-input"), language: value(chip, ".chip-language"), kind: value(chip, ".chip-kind"),
  }));
  const draft = {
    round: form.getAttribute("action"),
    step: form.elements.step.value,
    chips,
    typed: form.querySelector("[data-entry]").value,
    nothing: form.elements.nothing.checked,
    answer: form.querySelector("[name=answer]:checked")?.value ?? "",
  };
  sessionStorage.setItem(NAME, JSON.stringify(draft));
}

/** Put it back, if it is about this round and no other tab has gone on with it meanwhile. */
export function restoreDraft(form, append) {
  const draft = JSON.parse(sessionStorage.getItem(NAME) ?? "{}");
  if (draft.round !== form.getAttribute("action") || draft.step !== form.elements.step.value) return;
  const words = draft.chips.map((chip) => chip.word);
  const shown = [...form.querySelectorAll("#chips > li")];
  const known = new Set(shown.map((chip) => chip.querySelector(".chip-input").value));
  shown.filter((chip) => !words.includes(chip.querySelector(".chip-input").value)).forEach((chip) => chip.remove());
  draft.chips.filter((chip) => !known.has(chip.word)).forEach(append);
  form.querySelector("[data-entry]").value = draft.typed;
  form.elements.nothing.checked = draft.nothing;
  const answer = draft.answer && form.querySelector(`[name=answer][value="${draft.answer}"]:not(:disabled)`);
  if (answer) answer.checked = true;
}

/** The round is answered. */
export function dropDraft() {
  sessionStorage.removeItem(NAME);
}
