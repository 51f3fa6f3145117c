"""Make the pictures of the class pages of the planted watermark anew, layer 2 of them, as Chromium shows them.

python examples/planted_cue.py planted-cue
python docs/images/make_planted_cue_image.py planted-cue
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from make_images import SCALE, WIDTH, keep
from playwright.sync_api import sync_playwright

import layerlore as ll
from layerlore.report.site.class_pages import class_file

LAYER = ".layer-block:nth-of-type(2)"


def main() -> None:
    """Open the pages of both networks, and keep what they say of the layer."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        for folder, name in (("with-the-cue", "planted-cue.webp"), ("without-the-cue", "planted-cue-none.webp")):
            study = ll.Study.open(Path(sys.argv[1]) / folder)
            file = (study.folder / "report" / class_file("gravel")).resolve()
            keep(page, file, LAYER, 1300, name, whole=False, margin=0)
        browser.close()


if __name__ == "__main__":
    main()
