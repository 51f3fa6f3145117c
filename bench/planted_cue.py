"""How often a planted shortcut is found: the example with several seeds, each with the cue and without it.

A row for each layer of each network: what its class page, the ablation, the suspects and the network itself say of the
watermark (see examples/planted_cue.py). `on_mark`, `photos` and `falls` are of the layer's groups in the order of the
class page. The bar was set after seeds 0 to 2 were seen, so those from 3 on are the test of it.

    python bench/planted_cue.py [--seeds 6]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from common import RESULTS, write_csv

if TYPE_CHECKING:
    from planted_cue import Finding, Group

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    arguments = parser.parse_args()
    import planted_cue

    rows: list[dict[str, Any]] = []
    found: dict[bool, list[Finding]] = {True: [], False: []}
    for seed in range(arguments.seeds):
        for cue in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                _, one = planted_cue.run(Path(folder) / "study", cue=cue, seed=seed)
            found[cue].append(one)
            rows += as_rows(seed, cue, one)
            write_csv(RESULTS / "planted_cue.csv", rows)
            print(f"seed {seed}, {'the cue' if cue else 'no cue'}: {one.verdict}", flush=True)
    for cue, some in found.items():
        layers = [layer for one in some for layer in one.tested]
        begun, leading = sum(layer.found for layer in layers), sum(layer.rank == 1 for layer in layers)
        print(
            f"{'with' if cue else 'without'} the cue: found in {sum(bool(one.found) for one in some)} of {len(some)}, "
            f"{begun} of {len(layers)} layers; in {leading} the first group has most of its mass on the watermark"
        )


def as_rows(seed: int, cue: bool, one: Finding) -> list[dict[str, Any]]:
    """A row for each layer."""
    return [
        {
            "seed": seed,
            "cue": cue,
            "layer": layer.name,
            "tested": layer in one.tested,
            "found": layer.found,
            "side": layer.side,
            "area": round(one.area, 4),
            "most": round(layer.most, 4),
            "on_mark": each(layer.groups, "on_mark"),
            "photos": each(layer.groups, "photos"),
            "rank": layer.rank,
            "falls": each(layer.groups, "fall"),
            "costliest": layer.costliest.name,
            "falls_on_mark": round(layer.falls_on_mark, 4),
            "suspects": layer.name in one.suspects,
            "right": round(one.right, 4),
            "without": round(one.without, 4),
        }
        for layer in one.layers
    ]


def each(groups: tuple[Group, ...], name: str) -> str:
    """A value of all groups in one cell."""
    return " ".join(f"{getattr(one, name):.4g}" for one in groups)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
