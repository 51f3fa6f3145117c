"""How long a study's site takes to write and to open, and how large it is: 1,000 photos, and a list of 20,000."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from common import RESULTS, photo_paths, write_csv
from layerlore.report.site import write_site
from layerlore.study.study import Study

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHOTOS, MANY, OPENINGS = 1000, 20_000, 7
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
# From the start of the navigation until the first screenful of the grid stands there with its thumbnails.
GRID = """() => {
    const all = [...document.querySelectorAll('#photos img')];
    const seen = all.filter(image => image.getBoundingClientRect().top < innerHeight);
    const ready = document.documentElement.dataset.grid && seen.length && seen.every(image => image.complete);
    return ready ? performance.now() : 0; }"""
PHOTO = "() => document.documentElement.dataset.ready && document.querySelector('.tile') ? performance.now() : 0"
SEARCH = """async () => { const field = document.querySelector('[name=q]'), count = document.getElementById('count');
    const began = performance.now(), before = count.textContent; field.value = 'a1';
    field.dispatchEvent(new Event('input', {bubbles: true}));
    while (count.textContent === before) await new Promise(requestAnimationFrame);
    return performance.now() - began; }"""


def sample(count: int, folder: Path) -> list[tuple[Path, str | None]]:
    """Photos with their class; where there are fewer than wanted, some come again with one byte more."""
    found = photo_paths(count)
    for number in range(count - len(found)):
        again = folder / found[number].parent.name / f"again-{found[number].name}"
        again.parent.mkdir(parents=True, exist_ok=True)
        again.write_bytes(found[number].read_bytes() + b"\0")
        found.append(again)
    names = {"ants": "ant", "bees": "bee"}
    labels = [path.parent.name.split("_")[0] for path in found]
    return [
        (path, label if label.startswith("n0") else names.get(label)) for path, label in zip(found, labels, strict=True)
    ]


def opened(browser: Browser, index: Path) -> dict[str, float]:
    """Milliseconds until something is seen, medians of several cold openings from disk."""
    rows: dict[str, list[float]] = {}
    photo = next(iter((index.parent / "photos").glob("*.html"))).stem
    for _ in range(OPENINGS):
        for name, address, ready in (
            ("overview_first_paint_ms", "", FIRST_PAINT),
            ("grid_ready_ms", "#photos", GRID),
            ("photo_ready_ms", f"#photo/{photo}", PHOTO),
        ):
            # The policy would refuse the measuring scripts.
            page = browser.new_page(viewport={"width": 1400, "height": 900}, bypass_csp=True)
            page.goto(index.as_uri() + address)
            rows.setdefault(name, []).append(float(page.wait_for_function(ready).json_value()))
            if address == "#photos":
                rows.setdefault("search_ms", []).append(float(page.evaluate(SEARCH)))
            page.close()
    return {name: round(statistics.median(values), 1) for name, values in rows.items()}


def multiply(site: Path, out: Path, count: int) -> Path:
    """The same site with a list as long as that of a study of so many photos."""
    shutil.copytree(site, out)
    data = out / "data" / "photos.js"
    content = json.loads(data.read_text(encoding="utf-8").removeprefix("layerloreStudy(").removesuffix(");\n"))
    content["rows"] = (content["rows"] * (count // len(content["rows"]) + 1))[:count]
    data.write_text(f"layerloreStudy({json.dumps(content, separators=(',', ':'))});\n", encoding="utf-8")
    return out / "index.html"


def size(folder: Path, pattern: str) -> float:
    """Mean size of files in kB."""
    return round(statistics.mean(path.stat().st_size for path in folder.glob(pattern)) / 1000, 1)


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on this machine; make browser installs it")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
        study = Study.create(folder / "study", sample(photos, folder / "again"))
        study.run()
        first = write_site(study)
        again = write_site(study)
        site = first.index.parent
        facts = {
            "photos": first.photos,
            "write_seconds": round(first.seconds, 1),
            "pages_per_second": round(first.written / first.seconds, 1),
            "second_run_seconds": round(again.seconds, 2),
            "page_kb": size(site, "photos/*.html"),
            "view_kb": size(site, "photos/*.jpg"),
            "thumb_kb": size(site, "thumbs/*.jpg"),
            "index_kb": size(site, "index.html"),
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            rows = [{**facts, "list_kb": size(site, "data/photos.js"), **opened(browser, first.index)}]
            many = multiply(site, folder / "many", MANY)
            rows.append({"photos": MANY, "list_kb": size(many.parent, "data/photos.js"), **opened(browser, many)})
            browser.close()
    for row in rows:
        print(row)
    write_csv(RESULTS / "study_pages.csv", rows)


if __name__ == "__main__":
    main()
