"""From a click to painted feedback in Deep Reveal: reveal, label, guess, in Chromium beside a real server.

Two times are taken for each act, from the click's own time stamp to the end of a frame: the first change that the
page shows (a pressed button, a chip), and the whole answer (the new picture decoded and painted, the result page).

    python bench/game_feedback.py [--players N]
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import skimage.data
from PIL import Image

from common import RESULTS, write_csv
from layerlore.cli import app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

PHOTOS = {"Egyptian cat": "chelsea", "espresso": "coffee", "missile": "rocket"}
EACH = 2
GOAL = 100
PATIENCE = 500
SCREENS = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
# Times are counted from 1970, so that they are comparable across the pages of one visit.
CLOCK = """
const clock = stamp => performance.timeOrigin + stamp;
const keep = (name, value) => sessionStorage.setItem(name, value);
const painted = name => requestAnimationFrame(() => setTimeout(() => keep(name, clock(performance.now()))));
for (const kind of ["click", "keydown"]) {
    const begin = event => event.isTrusted && !sessionStorage.t0 && keep("t0", clock(event.timeStamp));
    addEventListener(kind, begin, true);
}
addEventListener("DOMContentLoaded", () => {
    const look = () => {
        if (!sessionStorage.t0 || !sessionStorage.wanted) return;
        if (!sessionStorage.first) { keep("first", "soon"); painted("first"); }
        if (!sessionStorage.last && document.querySelector(sessionStorage.wanted)) {
            const pictures = [...document.querySelectorAll("main img")].filter(one => one.checkVisibility());
            keep("last", "soon");
            Promise.all(pictures.map(one => one.decode())).then(() => painted("last"));
        }
    };
    const all = { childList: true, subtree: true, attributes: true, characterData: true };
    new MutationObserver(look).observe(document, all);
    look();
});
"""


def build(root: Path) -> Path:
    """A study with its campaign."""
    for label, name in PHOTOS.items():
        (root / "photos" / label).mkdir(parents=True)
        whole = Image.fromarray(getattr(skimage.data, name)())
        for crop in range(EACH):
            whole.crop((10 * crop, 6 * crop, whole.width, whole.height)).save(root / "photos" / label / f"{crop}.png")
    study = root / "study"
    for words in (
        ("study", "create", study, "--images", root / "photos"),
        ("study", "run", study, "--workers", 1),
        ("campaign", "build", study, "--per-layer", 1, "--seed", 1, "--workers", 1),
    ):
        app([str(word) for word in words], standalone_mode=False)
    return study


def timed(page: Page, control: Locator, wanted: str, key: str = "") -> tuple[float, float]:
    """Milliseconds until something is painted, and until the answer is, for a click or a key."""
    page.evaluate("wanted => { sessionStorage.clear(); sessionStorage.wanted = wanted; }", wanted)
    control.press(key) if key else control.click()
    for _ in range(PATIENCE):
        page.wait_for_timeout(20)
        begun, first, last = page.evaluate("[sessionStorage.t0, sessionStorage.first, sessionStorage.last].map(Number)")
        if first > 0 and last > 0:
            break
    else:
        raise SystemExit(f"{wanted}: not there after {PATIENCE * 20 / 1000:.0f} s")
    return first - begun, last - begun


def play(context: BrowserContext, count: int) -> dict[str, list[tuple[float, float]]]:
    """Times of some rounds of one guest."""
    page = context.new_page()
    page.goto("/consent/")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Play as a guest").click()
    found: dict[str, list[tuple[float, float]]] = {"reveal": [], "label": [], "guess": [], "next": []}
    for _ in range(count):
        page.get_by_role("button", name=re.compile("^Guess")).wait_for()
        for step in (2, 3):
            more = page.get_by_role("button", name=re.compile("^Show more"))
            found["reveal"].append(timed(page, more, f"img[alt*='step {step} of']"))
            field = page.locator("[data-entry]")
            field.fill(f"some label {'ab'[step - 2]}")
            found["label"].append(
                timed(page, field, f"button[aria-label='Remove: some label {'ab'[step - 2]}']", "Enter")
            )
        page.locator("input[name=answer]").first.check()
        found["guess"].append(timed(page, page.get_by_role("button", name=re.compile("^Guess")), "#next"))
        following = page.get_by_role("button", name="Next round")
        if count > 1:
            found["next"].append(timed(page, following, "img[alt*='step 1 of'], main h1:not([id])"))
        if not page.locator("#play").count():
            break
    return found


def measure(study: Path, players: int) -> list[dict[str, Any]]:
    """Rows of the table."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "layerlore", "play", str(study), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    rows = []
    try:
        assert server.stdout
        address = server.stdout.readline().strip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            for screen, size in SCREENS.items():
                times: dict[str, list[tuple[float, float]]] = {}
                for _ in range(players):
                    context = browser.new_context(base_url=address, viewport=size)
                    context.add_init_script(CLOCK)
                    for act, some in play(context, len(PHOTOS) * EACH).items():
                        times.setdefault(act, []).extend(some)
                    context.close()
                rows += [row(screen, act, some) for act, some in times.items() if some]
            browser.close()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    return rows


def row(screen: str, act: str, times: list[tuple[float, float]]) -> dict[str, Any]:
    """Median and 95th percentile."""
    first, last = ([one[which] for one in times] for which in (0, 1))

    def tail(values: list[float]) -> float:
        return statistics.quantiles(values, n=20, method="inclusive")[-1]

    return {
        "screen": screen,
        "act": act,
        "times": len(times),
        "first_median_ms": round(statistics.median(first), 1),
        "first_p95_ms": round(tail(first), 1),
        "answer_median_ms": round(statistics.median(last), 1),
        "answer_p95_ms": round(tail(last), 1),
        "goal_ms": GOAL,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--players", type=int, default=5, help="guests on each screen; each plays six rounds")
    parser.add_argument("--out", type=Path, default=RESULTS / "game_feedback.csv")
    wanted = parser.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(build(Path(folder)), wanted.players)
    for one in rows:
        print(one)
    write_csv(wanted.out, rows)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
