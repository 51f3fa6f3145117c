// A closer look at the picture, without smoothing. What is hidden is not in the file, so nothing more can be seen.
const LEVELS = [1, 1.5, 2, 3, 4, 6];
let level = 0;
let place = "";
let pane = null;

/** Listen to a page's picture; the zoom stays from step to step of a round. */
export function setUpPicture(main, path) {
  pane = main.querySelector("#pane");
  if (!pane) return;
  if (path !== place) level = 0;
  place = path;
  main.querySelectorAll("[data-zoom]").forEach((button) => {
    button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  });
  pane.addEventListener("pointerdown", drag);
  show();
}

/** One level more, or less; the middle of what is seen stays. */
export function zoom(change) {
  if (!pane) return;
  const before = LEVELS[level];
  const middle = [pane.scrollLeft + pane.clientWidth / 2, pane.scrollTop + pane.clientHeight / 2];
  level = Math.min(LEVELS.length - 1, Math.max(0, level + change));
  show();
  const [x, y] = middle.map((value) => (value * LEVELS[level]) / before);
  pane.scrollTo(x - pane.clientWidth / 2, y - pane.clientHeight / 2);
  if (level) pane.focus({ preventScroll: true });
}

function show() {
  const image = pane.querySelector("img");
  const output = document.getElementById("zoomed");
  image.style.width = image.style.height = `${100 * LEVELS[level]}%`;
  pane.classList.toggle("zoomed", level > 0);
  if (level) pane.tabIndex = 0;
  else pane.removeAttribute("tabindex");
  if (output) output.value = `${LEVELS[level]}${output.dataset.unit}`;
}

/** With a mouse the picture is dragged; fingers scroll it anyway. */
function drag(event) {
  if (!level || event.pointerType !== "mouse" || event.button) return;
  const from = { x: event.clientX + pane.scrollLeft, y: event.clientY + pane.scrollTop };
  const here = pane;
  const move = (moved) => here.scrollTo(from.x - moved.clientX, from.y - moved.clientY);
  here.setPointerCapture(event.pointerId);
  here.classList.add("dragged");
  here.addEventListener("pointermove", move);
  here.addEventListener("lostpointercapture", () => {
    here.removeEventListener("pointermove", move);
    here.classList.remove("dragged");
  }, { once: true });
}
