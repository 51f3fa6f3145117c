"""The planted shortcut: ranked first where a network learnt it, and not where it did not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import planted_cue

    yield planted_cue
    del sys.modules["planted_cue"]


@pytest.mark.slow
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
    # The page and the ablation put it first, and those of the other network do not.
    assert learnt.found == ("1", "2"), learnt
    assert clean.found == (), clean
    assert not any(layer.page_on_mark or layer.ablation_on_mark for layer in clean.layers), clean
    assert "2" in learnt.suspects
    assert clean.suspects == ()


@pytest.mark.parametrize(
    ("shares", "falls", "falls_on_mark", "found", "rank"),
    [
        ((0.5, 0.4, 0.1), (2.0, 1.0, 1.0), 0.4, True, 1),
        ((0.4, 0.5, 0.1), (2.0, 1.0, 1.0), 0.4, True, 2),  # another group is more on the watermark: it is on it, too
        ((0.2, 0.1, 0.1), (2.0, 1.0, 1.0), 0.4, False, 1),  # most, but little
        ((0.5, 0.4, 0.1), (1.0, 2.0, 1.0), 0.4, False, 1),  # the class loses more without another group
        ((0.5, 0.4, 0.1), (2.0, 1.0, 1.0), 0.1, False, 1),  # what it loses lies elsewhere
    ],
)
def test_found_needs_the_first_group_and_the_ablation(
    example, shares: tuple[float, ...], falls: tuple[float, ...], falls_on_mark: float, found: bool, rank: int
) -> None:
    groups = tuple(
        example.Group(f"group {number}", 24, *pair) for number, pair in enumerate(zip(shares, falls, strict=True), 1)
    )
    fine = example.Layer("2", 16, 0.66, groups, falls_on_mark)
    assert (fine.found, fine.rank) == (found, rank)
    # A layer that is too coarse does not count, whatever it says.
    coarse = example.Layer("3", 8, 0.39, groups, falls_on_mark)
    assert example.Finding(0.034, (fine, coarse), (), 1.0, 0.0).found == (("2",) if found else ())
