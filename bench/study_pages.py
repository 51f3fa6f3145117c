"""How long a study's site takes to write and to open, and how large it is: 1,000 photos, and a list of 20,000.

First without words, then with them: three people name the two heaviest maps of every layer, 54,000 answers for 1,000
photos in nine layers, with words of the gold sets (``bench/gold.py``), some of the class and some of all. The site is
written by one process, whose processor time and memory are told.

A hundred photos are explained; the others are copies of them with some bytes more, which are other photos to a study,
and to whose explanations the same maps belong.

    python bench/study_pages.py [PHOTOS]
"""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

import gold
from common import RESULTS, photo_paths, write_csv
from layerlore.classes.storage import classes_of
from layerlore.concepts.building import build_concepts
from layerlore.concepts.storage import save_concepts
from layerlore.files import write_whole
from layerlore.report.site import write_site
from layerlore.study.answers import read_answers
from layerlore.study.folder import shard_path
from layerlore.study.reading import shard_images
from layerlore.study.schema import encode_shard
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from layerlore.local.explanation import Explanation
    from layerlore.study.records import ImageRecord

PHOTOS, EXPLAINED, MANY, OPENINGS = 1000, 100, 20_000, 5
NAMED = 2
"""Maps of a layer that are named."""
PEOPLE = 3
OWN, SHARED = 8, 60
"""Different words for each class, and for all."""
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


def make_study(count: int, folder: Path) -> Study:
    """A study of so many photos, the explained ones and their copies."""
    names = {"ants": "ant", "bees": "bee"}
    few: list[tuple[Path, str | None]] = []
    for path in photo_paths(min(count, EXPLAINED)):
        label = path.parent.name.split("_")[0]
        few.append((path, label if label.startswith("n0") else names.get(label)))
    small = Study.create(folder / "few", few)
    small.run(workers=1)
    found = [(explanation, small.image(explanation.photo.image_id)) for explanation in small.explanations(views=False)]
    copies: list[tuple[Path, str | None]] = []
    for number in range(count):
        image = found[number % len(found)][1]
        path = folder / "copies" / f"{number:05}-{image.name.rpartition('/')[2]}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(small.photo_path(image.image_id).read_bytes() + b"\0" * (number // len(found)))
        copies.append((path, image.label))
    study = Study.create(folder / "study", copies)
    key = study.manifest.current
    for shard, images in enumerate(shard_images(study.images, study.settings.shard)):
        made = [copied(found[int(image.name.rpartition("/")[2][:5]) % len(found)][0], image) for image in images]
        content = encode_shard(made, images, {}, settings=study.settings, settings_hash=key, shard=shard)
        write_whole(shard_path(study.folder, key, shard), content)
    study = Study.open(study.folder)
    study.run(workers=1)  # nothing is left to explain; the answers are noted
    return Study.open(study.folder)


def copied(explanation: Explanation, image: ImageRecord) -> Explanation:
    """An explanation as that of a copy of its photo."""
    return replace(explanation, photo=replace(explanation.photo, name=image.name, image_id=image.image_id))


def answers(study: Study) -> Iterator[tuple[str, str, int, str, str, str]]:
    """What people type: half of it of the photo's class, half of anything."""
    picks = random.Random(0)
    words = sorted(set(gold.load("norms").texts))
    picks.shuffle(words)
    shared, rest = words[:SHARED], words[SHARED:]
    places = {label: place for place, label in enumerate(sorted({str(image.label) for image in study.images}))}
    labels = {image.image_id: places[str(image.label)] for image in study.images}
    for explanation in study.explanations(views=False):
        image_id = explanation.photo.image_id
        own = rest[OWN * labels[image_id] : OWN * labels[image_id] + OWN]
        for layer in explanation.layers:
            for cluster in layer.clusters[:NAMED]:
                for person in range(PEOPLE):
                    word = picks.choice(own if picks.random() < 0.5 else shared)
                    yield image_id, layer.name, cluster.index, word, f"player {person}", "en"


def name_maps(study: Study, folder: Path) -> dict[str, object]:
    """Answers, concepts and classes, as the commands make them."""
    path = folder / "answers.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "layer", "cluster", "text", "player", "language"))
        writer.writerows(answers(study))
    read = read_answers(path, study)
    concepts = build_concepts(study, read)
    save_concepts(study.folder, concepts)
    return {"answers": len(read), "concepts": len(concepts.concepts), "classes": len(classes_of(study))}


def written(study: Study) -> dict[str, object]:
    """Times, peak memory and sizes of the whole site; then how long a second run takes that has nothing to do."""
    site = study.folder / "report"
    shutil.rmtree(site, ignore_errors=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        facts = alone.submit(write_alone, study.folder).result()
    names = {
        "page_kb": "photos/*.html",
        "view_kb": "photos/*.jpg",
        "thumb_kb": "thumbs/*.jpg",
        "index_kb": "index.html",
    }
    more = {"class_kb": "classes/*.html", "concept_kb": "concepts/*.html", "map_kb": "maps/*.png"}
    return {
        **facts,
        **{name: size(site, pattern) for name, pattern in names.items()},
        **{name: size(site, pattern) for name, pattern in more.items() if any(site.glob(pattern))},
        "largest_page_kb": max(path.stat().st_size for path in site.rglob("*.html")) // 1000,
        "site_mb": round(sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6, 1),
        "list_kb": size(site, "data/photos.js"),
    }


def write_alone(folder: Path) -> dict[str, object]:
    """Write the site in this process, and once more."""
    before = time.process_time()
    made = write_site(Study.open(folder), workers=1)
    between = time.process_time()
    again = write_site(Study.open(folder), workers=1)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return {
        "photos": made.photos,
        "write_seconds": round(made.seconds, 1),
        "cpu_seconds": round(between - before, 1),
        "second_run_seconds": round(again.seconds, 1),
        "second_run_cpu_seconds": round(time.process_time() - between, 1),
        "peak_mb": round(int(peak[1]) / 1000) if peak else "",
    }


def opened(browser: Browser, index: Path) -> dict[str, float]:
    """Milliseconds until something is seen, medians of several cold openings from disk."""
    rows: dict[str, list[float]] = {}
    photo = next(iter((index.parent / "photos").glob("*.html"))).stem
    for _ in range(OPENINGS):
        said = next(iter((index.parent / "classes").glob("*.html")), None)
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
        if said is not None:
            page = browser.new_page(viewport={"width": 1400, "height": 900}, bypass_csp=True)
            page.goto(said.as_uri())
            rows.setdefault("class_first_paint_ms", []).append(float(page.wait_for_function(FIRST_PAINT).json_value()))
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
        study = make_study(photos, folder)
        index = study.folder / "report" / "index.html"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            rows = [{"words": False, **written(study), **opened(browser, index)}]
            write_csv(RESULTS / "study_pages.csv", rows)
            many = multiply(index.parent, folder / "many", MANY)
            rows.append({"words": False, "photos": MANY, **opened(browser, many)})
            rows[-1]["list_kb"] = size(many.parent, "data/photos.js")
            made = name_maps(study, folder)
            rows.append({"words": True, **made, **written(study), **opened(browser, index)})
            browser.close()
    for row in rows:
        print(row)
    write_csv(RESULTS / "study_pages.csv", rows)


if __name__ == "__main__":
    main()
