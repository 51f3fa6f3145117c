// Keys for those who want them; a player can switch them off, and they rest while something is typed.
import { choose, jump } from "./classes.js";
import { zoom } from "./picture.js";

const click = (id) => document.getElementById(id)?.click();
const KEYS = {
  r: () => click("more"),
  g: () => click("guess"),
  l: () => document.querySelector("[data-entry]").focus(),
  "+": () => zoom(1),
  "-": () => zoom(-1),
};

export function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    const form = document.getElementById("play");
    if (form?.dataset.shortcuts !== "1" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input:not([type=radio], [type=checkbox]), select, textarea")) return;
    const key = event.key.toLowerCase();
    const numbered = form.querySelector(`[data-key="${CSS.escape(key)}"]:not(:disabled)`);
    const act = numbered ? () => choose(numbered) : KEYS[key] ?? (/^\p{L}$/u.test(key) ? () => jump(key) : null);
    if (!act) return;
    event.preventDefault();
    act();
  });
}
