"""Pages in a browser; a small study of scikit-image's photos with real weights, and its site."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import skimage.data
from PIL import Image
from seen import DESKTOP

from layerlore.report.site import write_site
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# Class as given -> scikit-image's photos. "no such thing" is unknown to the network; a coffee is no missile.
PHOTOS = {
    "Egyptian cat": ("chelsea", "astronaut"),
    "espresso": ("coffee",),
    "missile": ("rocket", "coffee"),
    "no such thing": ("colorwheel", "retina"),
}
CROPS = 3


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 21 explained photos in two files, with a duplicate and an unreadable file left out."""
    root = tmp_path_factory.mktemp("many")
    for label, names in PHOTOS.items():
        (root / "photos" / label).mkdir(parents=True)
        for name in names:
            whole = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
            whole.thumbnail((360, 360))
            for crop in range(CROPS):
                edge = 8 * crop + 4 * (label == "missile")
                part = whole.crop((edge, edge, whole.width - edge, whole.height))
                part.save(root / "photos" / label / f"{name}-{crop + 1}.png")
    (root / "photos" / "missile" / "broken.jpg").write_text("no photo")
    shutil.copy(root / "photos" / "espresso" / "coffee-1.png", root / "photos" / "espresso" / "zz.png")
    study = Study.create(root / "study", root / "photos", copies=True)
    study.run(workers=1)
    return root / "study"


@pytest.fixture
def study(study_folder: Path, tmp_path: Path) -> Study:
    """A copy of that study, photos and all, that a test may spoil."""
    shutil.copytree(study_folder, tmp_path / "study", ignore=shutil.ignore_patterns("report"))
    return Study.open(tmp_path / "study")


@pytest.fixture(scope="session")
def site(study_folder: Path) -> Path:
    """Folder of the study's site."""
    return write_site(Study.open(study_folder), workers=1).index.parent


@pytest.fixture(scope="session")
def site_of(study_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Study], None]], Path]:
    """Makes the site of a study that was spoilt in some way."""

    def make(spoil: Callable[[Study], None]) -> Path:
        folder = tmp_path_factory.mktemp("spoilt") / "study"
        shutil.copytree(study_folder, folder, ignore=shutil.ignore_patterns("report"))
        spoil(Study.open(folder))
        return write_site(Study.open(folder), workers=1).index.parent

    return make


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address; at the end nothing may have been asked of a network and no error told."""
    contexts, trouble = [], []

    def open_address(address: str, *, own: str = "file:", ready: str = "html[data-ready]", **options: Any) -> Page:
        """Open a page of files whose addresses begin with ``own``."""
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: trouble.append(message.text) if message.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith((own, "data:")) else trouble.append(request.url),
        )
        page.goto(address)
        page.wait_for_selector(ready)
        return page

    yield open_address
    for context in contexts:
        context.close()
    assert trouble == []
