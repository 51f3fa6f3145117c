"""Are clusters faithful, complete, stable and apart: ``stable`` beside ``paper``, nine default layers a photo.

What `layerlore.evaluate.clusters` measures, means over photos of each photo's mean over its layers (of completeness the
median), with 95 % bootstrap intervals over photos. ``first`` is the number that the page shows first: importance
with ``stable``, the weight with ``paper``; for ``stable`` the weight is measured beside it.

About 5 CPU seconds a photo for ``stable`` and two minutes for ``paper``, whose t-SNE runs six times.

Then, with ``--later`` photos: how far does each number follow what comes after a layer?
Everything that begins after the layer gets random weights, its feature maps stay, and Spearman's rank correlation of
the number with and without is taken, 1 where it does not follow at all; mean over the layers, and one line for the
first layer. About 4 CPU seconds a photo.
    over maps       weight: the mean guided gradient, of `paper` and of `stable` (this is ``later_layers``); signed:
                    gradient x activation, summed; active: the weight with the share of the map's places above zero
    over clusters   weight, effect of removal (zero) and importance of the shown clusters of `stable`, which stay those
                    of the network as it is; layers with two and more

    python bench/cluster_quality.py [--photos 20] [--paper 2] [--later 40] [--raw FILE]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import explain, load_network
from layerlore.evaluate.case import make_case
from layerlore.evaluate.clusters import evaluate_clusters
from layerlore.evaluate.metrics.sanity import likeness
from layerlore.evaluate.randomised import randomised_after
from layerlore.local.ablation import ablate
from layerlore.local.capture import capture
from layerlore.local.explain import Settings, explain_layers
from layerlore.local.weights import guided_weights
from layerlore.methods.run import make_subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.local.capture import Capture
    from layerlore.local.explanation import LayerExplanation
    from layerlore.network.model import Network

SKIP = 200


def measure(network: Network, path: Path, method: str) -> list[dict[str, object]]:
    """Figures of one photo, by the number that orders its clusters."""
    explanation = explain(network, path, method=method, flow=False)
    found = evaluate_clusters(network, path, explanation)
    rows = [{"photo": path.name, "method": method, "first": found.first, "figures": _once(found.summary())}]
    if found.first != "weight":
        by_weight = replace(found, first="weight").summary()
        figures = {name: by_weight[name] for name in ("c_insertion", "c_deletion", "c_shapley", "c_ablation")}
        rows.append({"photo": path.name, "method": method, "first": "weight", "figures": figures})
    return rows


def _once(figures: dict[str, float | None]) -> dict[str, float | None]:
    """Without those of the weight, which have a line of their own."""
    return {name: value for name, value in figures.items() if not name.startswith("c_weight_")}


def read_raw(file: Path | None) -> list[dict]:
    """What was kept of earlier runs."""
    if file is None or not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def keep_raw(file: Path | None, rows: list[dict]) -> None:
    """Keep the rows of one more photo."""
    if file is not None:
        with file.open("a", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)


def of_maps(captured: Capture, position: int) -> dict[str, np.ndarray]:
    """Numbers of all maps of a layer, by name."""
    maps, gradients = captured.activations[position], captured.gradients[position]
    return {
        "weight": guided_weights(maps, gradients)[0].numpy(),
        "signed": (maps * gradients).sum((2, 3))[0].numpy(),
        "active": (maps > 0).double().mean((2, 3))[0].numpy(),
    }


def of_clusters(network: Network, inputs: torch.Tensor, captured: Capture, layer: LayerExplanation) -> dict:
    """Numbers of the clusters of the capture's one layer, by name."""
    [[measured]] = ablate(network, inputs, captured, [[layer]], importance=True)
    weights = of_maps(captured, 0)["weight"]
    return {
        "weight": np.array([weights[list(one.channels)].sum() for one in measured.clusters]),
        "effect": np.array([one.ablation.zero.logit_drop for one in measured.clusters]),
        "importance": np.array([one.importance for one in measured.clusters]),
    }


def later(network: Network, path: Path) -> list[dict[str, object]]:
    """How alike each number stays when what comes after its layer is random, layer by layer."""
    case = make_case(make_subject(network, path, None), "random")
    inputs, target = case.subject.inputs, [case.subject.target]
    layers = network.layers.select(None)
    usual = capture(network, inputs, target, layers)
    [explained] = explain_layers(usual, len(network.layers), Settings("stable", 0), processes=False)
    places = {layer.name: place for place, layer in enumerate(layers)}
    rows: list[dict[str, object]] = []
    for layer, changed in randomised_after(network, inputs, layers, case.generator("later")):
        place = places[layer.name]
        other = capture(changed, inputs, target, [layer])
        if not torch.equal(usual.activations[place], other.activations[0]):
            raise SystemExit(f"the maps of {layer.name} change with the layers after it")
        mine, theirs = of_maps(usual, place), of_maps(other, 0)
        found = {f"maps {name}": likeness(mine[name], theirs[name]) for name in ("weight", "signed")}
        found["maps active"] = likeness(mine["weight"], mine["active"])
        if len(explained[place].clusters) > 1:
            before = of_clusters(network, inputs, capture(network, inputs, target, [layer]), explained[place])
            after = of_clusters(changed, inputs, other, explained[place])
            found |= {f"clusters {name}": likeness(before[name], after[name]) for name in before}
        rows += [{"photo": path.name, "place": place, "number": name, "value": x} for name, x in found.items()]
    return rows


def write_later(network: Network, paths: Sequence[Path], raw: Path | None) -> None:
    """Measure the photos, and write one line for each number, over all layers and over the first."""
    rows = read_raw(raw)
    done = {row["photo"] for row in rows}
    for path in paths:
        if path.name in done:
            continue
        new = later(network, path)
        rows.extend(new)
        keep_raw(raw, new)
    table = []
    for group in ("all layers", "first layer"):
        values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            if group == "all layers" or row["place"] == 0:
                values[row["number"]][row["photo"]].append(row["value"])
        for number, photos in values.items():
            means = [sum(own) / len(own) for own in photos.values()]
            low, high = bootstrap_interval(means)
            line = {"layers": group, "number": number, "photos": len(means), "mean": round(sum(means) / len(means), 4)}
            table.append({**line, "low": round(low, 4), "high": round(high, 4)})
            print(*table[-1].values())
    write_csv(RESULTS / "later_layers.csv", table)


def write_quality(network: Network, photos: int, paper: int, raw_file: Path | None) -> None:
    """Measure the photos, and write one line for each figure."""
    raw = read_raw(raw_file)
    done = {(row["photo"], row["method"]) for row in raw}
    for method, count in (("stable", photos), ("paper", paper)):
        for path in photo_paths(count, skip=SKIP):
            if (path.name, method) in done:
                continue
            new = measure(network, path, method)
            raw.extend(new)
            keep_raw(raw_file, new)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--paper", type=int, default=2, help="photos for `paper`")
    parser.add_argument("--raw", type=Path, help="keep each photo's figures here, and go on from them")
    parser.add_argument("--later", type=int, default=40, help="photos for the numbers with random later layers")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network()
    if arguments.later:
        raw = arguments.raw and arguments.raw.with_name(f"later_{arguments.raw.name}")
        write_later(network, photo_paths(arguments.later, skip=SKIP), raw)
    if arguments.photos:
        write_quality(network, arguments.photos, arguments.paper, arguments.raw)


if __name__ == "__main__":
    main()
