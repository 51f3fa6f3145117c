"""Are clusters faithful, complete, stable and apart: ``stable`` beside ``paper``, nine default layers a photo.

What `layerlore.evaluate.clusters` measures, means over photos of each photo's mean over its layers (of completeness the
median), with 95 % bootstrap intervals over photos. ``first`` is the number that the page shows first: importance
with ``stable``, the weight with ``paper``; for ``stable`` the weight is measured beside it.

About 5 CPU seconds a photo for ``stable`` and two minutes for ``paper``, whose t-SNE runs six times.

    python bench/cluster_quality.py [--photos 20] [--paper 2] [--raw FILE]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import explain, load_network
from layerlore.evaluate.clusters import evaluate_clusters

if TYPE_CHECKING:
    from layerlore.network.model import Network

SKIP = 200


def measure(network: Network, path: Path, method: str) -> list[dict[str, object]]:
    """Figures of one photo, by the number that orders its clusters."""
    explanation = explain(network, path, method=method, flow=False)
    found = evaluate_clusters(network, path, explanation)
    rows = [{"photo": path.name, "method": method, "first": found.first, "figures": found.summary()}]
    if found.first != "weight":
        by_weight = replace(found, first="weight").summary()
        figures = {name: by_weight[name] for name in ("c_insertion", "c_deletion", "c_shapley", "c_ablation")}
        rows.append({"photo": path.name, "method": method, "first": "weight", "figures": figures})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--paper", type=int, default=2, help="photos for `paper`")
    parser.add_argument("--raw", type=Path, help="keep each photo's figures here, and go on from them")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network()
    raw: list[dict] = []
    if arguments.raw and arguments.raw.exists():
        raw = [json.loads(line) for line in arguments.raw.read_text(encoding="utf-8").splitlines()]
    done = {(row["photo"], row["method"]) for row in raw}
    for method, count in (("stable", arguments.photos), ("paper", arguments.paper)):
        for path in photo_paths(count, skip=SKIP):
            if (path.name, method) in done:
                continue
            new = measure(network, path, method)
            raw.extend(new)
            if arguments.raw:
                with arguments.raw.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in new)
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in raw:
        for name, value in row["figures"].items():
            if value is not None:
                values[row["method"], row["first"], name].append(value)
    rows = []
    for (method, first, name), own in values.items():
        low, high = bootstrap_interval(own)
        mean = sum(own) / len(own)
        rows.append({"method": method, "by": first, "figure": name, "photos": len(own), "mean": round(mean, 4)})
        rows[-1] |= {"low": round(low, 4), "high": round(high, 4)}
        print(*rows[-1].values())
    write_csv(RESULTS / "cluster_quality.csv", rows)


if __name__ == "__main__":
    main()
