"""Studies of small photos with a tiny network, and what is in their folders."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from small import PHOTOS, contents, network, photo_folder

from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def unfilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 40 photos of two classes, of which none is explained."""
    root = tmp_path_factory.mktemp("unfilled")
    Study.create(root / "study", photo_folder(root / "photos", PHOTOS), network(), copies=True, flow=True)
    return root / "study"


@pytest.fixture
def make_study(unfilled: Path, tmp_path: Path) -> Callable[[str], Study]:
    """Makes copies of it, down to the last byte, that a test may fill and spoil."""

    def make(name: str = "study") -> Study:
        shutil.copytree(unfilled, tmp_path / name)
        study = Study.open(tmp_path / name)
        study.use_network(network())
        return study

    return make


@pytest.fixture(scope="session")
def filled(unfilled: Path) -> dict[str, bytes]:
    """The files of that study after a run that nothing disturbed."""
    copy = unfilled.parent / "filled"
    shutil.copytree(unfilled, copy)
    Study.open(copy).run(network=network(), workers=1)
    return contents(copy)
