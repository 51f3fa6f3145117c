"""The planted shortcut: found where a network learnt it, and not found where it did not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import planted_cue

    yield planted_cue
    del sys.modules["planted_cue"]


def test_a_planted_watermark_is_found_and_only_where_it_was_learnt(example, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _, learnt = example.run(tmp_path / "with", cue=True, seed=0)
        _, clean = example.run(tmp_path / "without", cue=False, seed=0)
    finally:
        torch.set_num_threads(threads)
    # The network does take the watermark for the class, and the other one does not.
    assert learnt.right > 0.8
    assert learnt.without < 0.5
    assert clean.without > 0.8
    assert learnt.found, learnt
    assert not clean.found, clean
    assert not clean.suspects
    assert max(clean.on_mark, clean.falls_on_mark) < 2 * clean.area
