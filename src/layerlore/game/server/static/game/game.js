// A round without a page load for each step. Without this script the same forms are sent as they are.
import { setUpClasses } from "./classes.js";
import { setUpKeys } from "./keys.js";
import { finishTyping, setUpLabels } from "./labels.js";
import { setUpPicture } from "./picture.js";

const PATIENCE = 400; // milliseconds that a new page waits for its pictures, so that none is seen half
let busy = false;
let shown = location.pathname;

const one = (selector, within = document) => within.querySelector(selector);
const wait = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

/** Say something to those who hear the page. */
function announce(text) {
  one("#announce").textContent = text;
}

/** The forms of a round are sent in the background; a second click waits for the first one's answer. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-swap]")) return;
  event.preventDefault();
  if (busy || (form.id === "play" && !finishTyping())) return;
  send(form, event.submitter);
});

async function send(form, button) {
  const url = button?.getAttribute("formaction") || form.getAttribute("action");
  const body = new URLSearchParams(new FormData(form));
  work(true);
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { Accept: "text/html" } });
    await follow(answer, new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    trouble(one("#trouble")?.dataset.offline);
  } finally {
    work(false);
  }
}

function work(on) {
  busy = on;
  one("#main").classList.toggle("busy", on);
  one("#main").setAttribute("aria-busy", String(on));
}

/** What the server answered takes the page's place; an error is told above the form, which stays as it is. */
async function follow(answer, page) {
  if (!answer.ok && answer.status !== 409 && answer.status !== 422) {
    const words = ["main h1", "main .lead"].map((selector) => one(selector, page)?.textContent.trim()).filter(Boolean);
    trouble(words.join(". ") || answer.statusText);
  } else if (answer.redirected && !one("main.page-play", page)) {
    location.assign(answer.url);
  } else {
    await swap(page, answer);
  }
}

function trouble(text) {
  const place = one("#trouble");
  if (!place || !text) return;
  place.textContent = text;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

async function swap(page, answer) {
  const main = document.importNode(one("main", page), true);
  const pictures = [...main.querySelectorAll("img")].map((image) => image.decode().catch(() => null));
  await Promise.race([Promise.all(pictures), wait(PATIENCE)]);
  const path = new URL(answer.url).pathname;
  const moved = answer.redirected && path !== shown;
  const chosen = moved ? "" : one("#play [name=answer]:checked")?.value;
  const focused = one("#mend", main) ?? one("[autofocus]", main) ?? one("h1", main);
  focused.removeAttribute("autofocus");
  one("#main").replaceWith(main);
  document.title = page.title;
  const next = one(".languages [name=next]", page);
  if (next) one(".languages [name=next]").value = next.value;
  if (moved) {
    history.pushState(null, "", answer.url);
    shown = path;
    scrollTo(0, 0);
  }
  const again = chosen && one(`#play [name=answer][value="${chosen}"]:not(:disabled)`);
  if (again) again.checked = true;
  setUp(main);
  const heading = one("[data-announce]", main);
  if (heading) announce(heading.dataset.announce);
  if (!focused.hasAttribute("tabindex") && focused.matches("h1")) focused.tabIndex = -1;
  focused.focus({ preventScroll: !focused.matches("#mend") });
  if (!focused.matches("#mend")) one(".stage", main)?.scrollIntoView({ block: "nearest" });
}

function setUp(main) {
  setUpLabels(main, announce);
  setUpClasses(main);
  setUpPicture(main, shown);
}

// Back and forward: the server knows how that round is now. A jump within the page is no such thing.
addEventListener("popstate", () => { if (location.pathname !== shown) location.reload(); });
setUpKeys();
setUp(one("#main"));
