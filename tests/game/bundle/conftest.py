"""A study, its campaign, and copies of both to spoil."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from bundles import SEED, SIDE, make_study, network

from layerlore.game.bundle.build import build_bundle
from layerlore.game.bundle.choosing import Choice
from layerlore.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a study that is explained; not to be changed."""
    return make_study(tmp_path_factory.mktemp("game")).folder


@pytest.fixture(scope="session")
def built(explained: Path) -> Path:
    """A copy of it with a campaign that has maps of all kinds; not to be changed."""
    folder = explained.parent / "built"
    shutil.copytree(explained, folder)
    (folder / "campaign").mkdir()
    words = '[honeypots]\n"Egyptian cat" = ["whiskers", "fur"]\n'
    (folder / "campaign" / "classes.en.toml").write_text(words, encoding="utf-8")
    italian = '[names]\n"Egyptian cat" = ["gatto egiziano", "micio"]\nespresso = "caffè"\n'
    (folder / "campaign" / "classes.it.toml").write_text(italian, encoding="utf-8")
    study = Study.open(folder)
    study.use_network(network())
    build_bundle(study, Choice(merged=True, blanks=0.2), seed=SEED, side=SIDE, workers=1)
    return folder


@pytest.fixture
def study(explained: Path, tmp_path: Path) -> Study:
    """A copy of the explained study, without a campaign."""
    shutil.copytree(explained, tmp_path / "study")
    return Study.open(tmp_path / "study")


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Path:
    """A copy of the bundle."""
    shutil.copytree(built / "campaign" / "bundle", tmp_path / "bundle")
    return tmp_path / "bundle"
