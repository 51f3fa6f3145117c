"""Shared by all tests: test data, a real explanation, and Debian's Chromium through Playwright."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from layerlore.local.explanation import Explanation

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


LONGEST = ("test_server_postgres.py", "test_docs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no process is left alone with one at the end; browser tests last.

    Playwright keeps an event loop in its thread, beside which Django refuses its database.
    """
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, item.path.name not in LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Processes for tests begin without what this one may have set for Django: each has a game of its own."""
    for name in ("DJANGO_SETTINGS_MODULE", "LAYERLORE_CAMPAIGN", "LAYERLORE_DATABASE"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def explanation(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    """scikit-image's cat as the default network reads it, default settings, real weights."""
    import skimage.data
    from PIL import Image

    import layerlore as ll

    file = tmp_path_factory.mktemp("photos") / "chelsea.png"
    Image.fromarray(skimage.data.chelsea()).save(file)
    return ll.explain(ll.load_network(), file)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; tests that need it skip where it is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("LAYERLORE_REQUIRE_BROWSER"):
            pytest.fail("no Chromium on this machine, and LAYERLORE_REQUIRE_BROWSER asks for it")
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield running
        running.close()
