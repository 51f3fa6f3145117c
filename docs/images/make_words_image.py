"""Make the picture of a page with words anew, as Chromium shows it: a photo of the example from end to end.

python examples/whole_study.py whole-study
python docs/images/make_words_image.py whole-study
"""

from __future__ import annotations

import shutil
import sys

from make_images import SCALE, WIDTH, keep
from playwright.sync_api import sync_playwright

import layerlore as ll

PHOTO = "coffee-0.jpg"


def main() -> None:
    """Open the photo's page, and keep its upper part."""
    study = ll.Study.open(sys.argv[1])
    photo = next(image for image in study.images if image.name == PHOTO)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        file = (study.folder / "report" / "photos" / f"{photo.image_id}.html").resolve()
        keep(page, file, ".shell", 1000, "words.webp")
        browser.close()


if __name__ == "__main__":
    main()
