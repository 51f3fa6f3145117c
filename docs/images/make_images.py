"""Make the pictures of the README anew, as Chromium shows them.

The page of the sample cat, and the overview of a study of the test data's Imagenette photos (numbers only, no photo).

    python docs/images/make_images.py TEST_DATA_FOLDER
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

import layerlore as ll
from layerlore.report.site import write_site
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH = 1440
SCALE = 1.25


def main() -> None:
    """Explain the cat and a study, open the pages, and keep their upper parts."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        explanation = ll.explain(ll.load_network(), sample_path("chelsea"), layers="spread")
        keep(page, explanation.save(Path(folder) / "page.html"), ".shell", 1000, "page.webp")
        study = ll.Study.create(Path(folder) / "imagenette", Path(sys.argv[1]) / "imagenette_val500")
        study.run()
        write_site(study)
        keep(page, study.folder / "report" / "index.html", "main", 1330, "study.webp")
        browser.close()


def keep(page: Page, file: Path, part: str, most: int, name: str, *, whole: bool = True, margin: int = 24) -> None:
    """Save a page down to the end of one of its parts, but no more than ``most`` pixels of it; or the part alone."""
    page.goto(file.as_uri())
    box = page.locator(part).first.bounding_box()
    if box is None:
        raise SystemExit(f"{file.name} has no {part}")
    top = 0 if whole else max(0, round(box["y"]) - margin)
    height = min(round(box["y"] + box["height"]) + margin - top, most)
    shot = page.screenshot(full_page=True, clip={"x": 0, "y": top, "width": WIDTH, "height": height})
    target = Path(__file__).with_name(name)
    Image.open(io.BytesIO(shot)).convert("RGB").save(target, quality=88, method=6)
    print(target.name, f"{target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
