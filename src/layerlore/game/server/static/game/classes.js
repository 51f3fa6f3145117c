// Finding a class in a long list.
export function setUpClasses(main) {
  const find = main.querySelector("#find");
  if (!find) return;
  const items = [...main.querySelectorAll("#classes li")];
  const found = main.querySelector("#found");
  const words = items.map((item) => item.textContent.toLowerCase());
  const visible = () => items.filter((item) => !item.hidden && !item.querySelector("input").disabled);
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    items.forEach((item, place) => { item.hidden = !words[place].includes(wanted); });
    found.textContent = visible().length ? "" : found.dataset.none;
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const input = visible()[0]?.querySelector("input");
    if (!input) return;
    input.checked = true;
    input.focus();
  });
}

/** Choose the next class whose name begins with a letter. */
export function jump(letter) {
  const inputs = [...document.querySelectorAll("#classes li:not([hidden]) input:not(:disabled)")];
  const here = inputs.indexOf(document.activeElement);
  const ordered = [...inputs.slice(here + 1), ...inputs.slice(0, here + 1)];
  const input = ordered.find((one) => one.nextElementSibling.textContent.trim().toLowerCase().startsWith(letter));
  if (input) choose(input);
}

/** Choose a class and show where it is. */
export function choose(input) {
  input.checked = true;
  input.focus({ preventScroll: true });
  input.closest("li").scrollIntoView({ block: "nearest" });
}
