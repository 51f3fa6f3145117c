"""Make the picture of the README anew: the page of the sample cat, as Chromium shows it.

python docs/images/make_images.py
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import layerlore as ll
from layerlore.samples import sample_path

WIDTH = 1440
SCALE = 1.25


def main() -> None:
    """Explain the cat, open the page, and keep the upper part."""
    explanation = ll.explain(ll.load_network(), sample_path("chelsea"), layers="spread")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = explanation.save(Path(folder) / "page.html")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        page.goto(page_file.as_uri())
        box = page.locator(".shell").bounding_box()
        if box is None:
            raise SystemExit("the page has no .shell")
        height = min(round(box["y"] + box["height"]) + 24, 1000)
        shot = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    target = Path(__file__).with_name("page.webp")
    Image.open(io.BytesIO(shot)).convert("RGB").save(target, quality=88, method=6)
    print(target.name, f"{target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
