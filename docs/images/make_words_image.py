"""Make the pictures of pages with words anew, as Chromium shows them: the example from end to end.

A photo, a class, and a class's tests with concept vectors.

python examples/whole_study.py whole-study
python docs/images/make_words_image.py whole-study
"""

from __future__ import annotations

import shutil
import sys

from make_images import SCALE, WIDTH, keep
from playwright.sync_api import sync_playwright

import layerlore as ll
from layerlore.report.site.class_pages import class_file

PHOTO = "coffee-0.jpg"
CLASS = "espresso"
TESTED = "missile"


def main() -> None:
    """Open the pages, and keep their upper parts or the part that is meant."""
    study = ll.Study.open(sys.argv[1])
    photo = next(image for image in study.images if image.name == PHOTO)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        report = (study.folder / "report").resolve()
        keep(page, report / "photos" / f"{photo.image_id}.html", ".shell", 1000, "words.webp")
        keep(page, report / class_file(CLASS), "main", 1300, "class.webp")
        keep(page, report / class_file(TESTED), "section[aria-labelledby=tcav-title]", 900, "tcav.webp", whole=False)
        browser.close()


if __name__ == "__main__":
    main()
