"""Make the picture of the class page with the planted watermark anew, as Chromium shows it.

python examples/planted_cue.py planted-cue
python docs/images/make_planted_cue_image.py planted-cue/with-the-cue
"""

from __future__ import annotations

import shutil
import sys

from make_images import SCALE, WIDTH, keep
from playwright.sync_api import sync_playwright

import layerlore as ll
from layerlore.report.site.class_pages import class_file


def main() -> None:
    """Open the page, and keep its upper part."""
    study = ll.Study.open(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        keep(page, (study.folder / "report" / class_file("gravel")).resolve(), "main", 1300, "planted-cue.webp")
        browser.close()


if __name__ == "__main__":
    main()
