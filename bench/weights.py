"""Which weight of a cluster says best what the class's logit owes it, and what each weight costs.

For each photo, layer and number of shown clusters k >= 2, every candidate's order of the clusters is compared
(Spearman) with their exact Shapley values over all 2^k coalitions (channels of a cluster set to zero, or to their own
mean), and with the fall of the logit when one cluster alone is set to zero. A layer counts where the true values differ
by more than 0.001 logits, with one cluster there is nothing to rank; intervals are bootstraps over photos of each
photo's mean over its layers.

Cost: CPU seconds for all nine layers of one photo, as a multiple of the paper's weights (one forward and one backward
pass and the guided gradients, clusters given); the median of ``TIMED`` photos. ``alone`` counts everything, with the
kept outputs of what comes before each layer; ``shared`` leaves out what ``explain`` runs anyway: those outputs, and
each cluster removed alone. ``explain`` is what importance really adds there, all copies of a layer in one batch.

Candidates:
    guided          the paper's weight: mean guided gradient
    signed          gradient x activation, summed with its sign
    mass            positive gradient x positive activation, summed (what the maps of ``stable`` show)
    ig_n            integrated gradients over the layer, n midpoints on the way from zero to A
    path_n          the same, but only the shown clusters go to zero
    trapezoid       mean of gradient at A and at A/2, times A
    drop            fall of the logit without the cluster (the last to come); drop_mean: with its own mean instead
    first           rise of the logit with only this one of the shown clusters
    ends            mean of first and last, moved to add up
    adaptive        exact up to 3 clusters, ends beyond: what ``explain`` does
    exact           Shapley values over all coalitions, zero ablation

    python bench/weights.py [--photos 110] [--paper 23] [--skip 0] [--sets default spread paper] [--raw FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import rankdata

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import load_network
from layerlore.local.ablation import ablate
from layerlore.local.capture import Capture, capture, replaced_outputs
from layerlore.local.coalitions import all_coalitions, first_and_last, shapley_values, without_absent
from layerlore.local.explain import Settings, explain_layers
from layerlore.local.partial import Prefix
from layerlore.local.removing import logits_without
from layerlore.local.weights import guided_weights
from layerlore.network.photos import read_photo
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.local.explanation import LayerExplanation
    from layerlore.network.model import Network

    Values = NDArray[np.float64]

STEPS = {"ig": (5, 2, 3, 10), "path": (2, 3, 5)}
SLOW_EVERY = 4
"""Each so many-th photo is also measured with the slow candidates: all integrals but ``ig_5``."""
SETS = {"default": (None, "stable"), "spread": ("spread", "stable"), "paper": (None, "paper")}
FLAT = 1e-3
"""Logits by which true values must differ to have an order."""
EXACT_UP_TO = 3
TIMED = 6
"""Photos that are measured a second time for the costs; the parts of `paper` cost the same for as many clusters."""


class OnePhoto:
    """One photo at one set of layers: values of its clusters, and the seconds that each part took."""

    def __init__(  # noqa: D107
        self, network: Network, photo: torch.Tensor, captured: Capture, layers: list[LayerExplanation], *, slow: bool
    ) -> None:
        self.network, self.photo, self.captured, self.layers, self.slow = network, photo, captured, layers, slow
        self.seconds: defaultdict[str, float] = defaultdict(float)
        with self.timed("prefix"):
            self.prefix = Prefix(network.module, photo, captured.layers)
        self.target = captured.targets[0]
        self.whole = float(captured.logits[0, self.target])

    def timed(self, name: str) -> Timer:
        return Timer(self.seconds, name)

    def run(self, position: int, present: NDArray[np.bool_], way: str = "zero") -> Values:
        clusters = [cluster.channels for cluster in self.layers[position].clusters]
        layer = self.captured.layers[position]
        copies = without_absent(clusters, present, way)
        logits = logits_without(self.network, self.prefix, self.photo, position, layer, copies)
        return logits[:, self.target].numpy()

    def gradient_sums(self, position: int, shares: Sequence[float], *, only_shown: bool) -> Values:
        """Gradient at ``share`` times A, times A, summed over each cluster; mean over the shares."""
        layer, activation = self.captured.layers[position], self.captured.activations[position][0]
        channels = [c for cluster in self.layers[position].clusters for c in cluster.channels]
        scale = torch.ones(len(shares), len(activation), 1, 1)
        picked = channels if only_shown else slice(None)
        scale[:, picked] = torch.tensor(shares)[:, None, None, None].float()
        start = (activation[None] * scale).movedim(1, 3) if layer.channels_last else activation[None] * scale
        start.requires_grad_()
        rows = len(shares)
        with (
            torch.enable_grad(),
            self.prefix.skipping(position, rows),
            replaced_outputs(self.network.module, [layer], lambda _, __: start.clone()),
        ):
            logits = self.network.module(self.photo.expand(rows, -1, -1, -1).clone())
            (slopes,) = torch.autograd.grad(logits[:, self.target].sum(), start)
        slopes = slopes.movedim(3, 1) if layer.channels_last else slopes
        return self.by_cluster(position, (slopes.mean(0) * activation).sum((1, 2)))

    def by_cluster(self, position: int, channels: torch.Tensor) -> Values:
        values = channels.double().numpy()
        return np.array([values[list(cluster.channels)].sum() for cluster in self.layers[position].clusters])

    def candidates(self, position: int) -> dict[str, list[float]]:
        """Every candidate's values, and the truths, for the clusters of one layer."""
        players = len(self.layers[position].clusters)
        activation, gradient = self.captured.activations[position][0], self.captured.gradients[position][0]
        found: dict[str, Values] = {"guided": np.array([c.weight for c in self.layers[position].clusters])}
        with self.timed("signed"):
            found["signed"] = self.by_cluster(position, (activation * gradient).sum((1, 2)))
        found["mass"] = self.by_cluster(position, (activation.clamp(min=0) * gradient.clamp(min=0)).sum((1, 2)))
        for name, counts in STEPS.items():
            for steps in counts if self.slow else counts[: name == "ig"]:
                midpoints = [(step + 0.5) / steps for step in range(steps)]
                with self.timed(f"{name}_{steps}"):
                    found[f"{name}_{steps}"] = self.gradient_sums(position, midpoints, only_shown=name == "path")
        if self.slow:
            with self.timed("trapezoid"):
                half = self.gradient_sums(position, [0.5], only_shown=False)
            found["trapezoid"] = (found["signed"] + half) / 2
        none, one = np.zeros((1, players), bool), np.eye(players, dtype=bool)
        with self.timed("drop"):
            without = self.run(position, ~one)
        with self.timed("first"):
            alone_and_none = self.run(position, np.concatenate([one, none]))
        with self.timed("adaptive"):  # beyond the drop
            if players == 2:
                self.run(position, none)
            elif players > 2:
                self.run(position, np.concatenate([one, none]))
        found["drop"] = self.whole - without
        found["first"] = alone_and_none[:-1] - alone_and_none[-1]
        found["ends"] = first_and_last(
            alone_and_none[:-1] - self.whole, without - self.whole, alone_and_none[-1] - self.whole
        )
        with self.timed("exact"):
            zero = self.run(position, all_coalitions(players))
        found["exact"] = shapley_values(zero)
        mean = self.run(position, all_coalitions(players), "mean")
        found["exact_mean"] = shapley_values(mean)
        found["drop_mean"] = mean[-1] - mean[[-1 - 2**j for j in range(players)]]
        found["adaptive"] = found["exact"] if players <= EXACT_UP_TO else found["ends"]
        return {name: [round(float(value), 6) for value in values] for name, values in found.items()}


class Timer:
    """Adds up the CPU seconds of a part."""

    def __init__(self, seconds: defaultdict[str, float], name: str) -> None:  # noqa: D107
        self.seconds, self.name = seconds, name

    def __enter__(self) -> None:
        self.start = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.name] += time.process_time() - self.start


def measure(network: Network, path: Path, which: str, *, slow: bool) -> dict[str, object]:
    """All layers of one photo."""
    names, method = SETS[which]
    chosen = network.layers.select(names)
    photo = network.prepare(read_photo(path))[None]
    seconds: defaultdict[str, float] = defaultdict(float)
    with Timer(seconds, "paper"):
        captured = capture(network, photo, None, chosen)
        for activation, gradient in zip(captured.activations, captured.gradients, strict=True):
            guided_weights(activation, gradient)
    layers = explain_layers(captured, len(network.layers), Settings(method=method))[0]
    for name, importance in (("without", False), ("with", True)):
        with Timer(seconds, name):
            ablate(network, photo, captured, [layers], importance=importance)
    with undisturbed(network.module), torch.no_grad():
        one = OnePhoto(network, photo, captured, layers, slow=slow)
        found = [
            {"layer": layer.name, "k": len(layer.clusters), "values": one.candidates(position)}
            for position, layer in enumerate(layers)
            if layer.clusters
        ]
    return {"photo": path.name, "set": which, "layers": found, "seconds": {**one.seconds, **seconds}}


def spearman(guess: Sequence[float], truth: Sequence[float]) -> float | None:
    """Rank correlation with mean ranks for ties; None where the truth has no order, 0 where the guess has none."""
    if len(truth) < 2 or max(truth) - min(truth) <= FLAT:
        return None
    ranks = [rankdata(values) for values in (guess, truth)]
    return 0.0 if np.ptp(ranks[0]) == 0 else float(np.corrcoef(ranks)[0, 1])


CANDIDATES = (
    "guided", "signed", "mass", *(f"{name}_{n}" for name, counts in STEPS.items() for n in counts),
    "trapezoid", "drop", "drop_mean", "first", "ends", "adaptive", "exact",
)  # fmt: skip
TRUTHS = {"shapley_zero": "exact", "shapley_mean": "exact_mean", "drop_zero": "drop"}
SHARED_PARTS: dict[str, list[str]] = {"drop": [], "first": ["first"], "ends": ["first"], "adaptive": ["adaptive"]}


def seconds_of(candidate: str, seconds: dict[str, float], *, alone: bool) -> float | None:
    """CPU seconds beyond the paper's weights; None for what is not timed."""
    base = seconds["prefix"] if alone else 0.0
    dropped = seconds["drop"] if alone else 0.0
    if candidate in ("guided", "signed", "mass"):
        return 0.0 if candidate == "guided" else seconds["signed"]
    if candidate == "drop_mean":  # as many copies as the drop
        return base + dropped
    if candidate in SHARED_PARTS:
        return base + dropped + sum(seconds[part] for part in SHARED_PARTS[candidate])
    if candidate == "exact":
        return base + max(0.0, seconds["exact"] - seconds["drop"]) + dropped
    return base + seconds[candidate]


def costs(timed: list[dict], candidate: str) -> dict[str, object]:
    """Median cost as a multiple of the paper's weights."""

    def ratio(values: list[float]) -> float:
        both = zip(values, timed, strict=True)
        return round(statistics.median(1 + value / one["seconds"]["paper"] for value, one in both), 2)

    found: dict[str, object] = {
        f"cost_{kind}": ratio([seconds_of(candidate, one["seconds"], alone=kind == "alone") or 0.0 for one in timed])
        for kind in ("alone", "shared")
    }
    added = [one["seconds"]["with"] - one["seconds"]["without"] for one in timed]
    return {**found, "cost_explain": ratio(added) if candidate == "adaptive" else "", "timed": len(timed)}


def groups_of(layer: dict, truth: str) -> list[str]:
    """The rows of the table that a layer's ranking belongs to."""
    if truth == "drop_zero":
        return ["all"]
    more = [f"k >= {least}" for least in (3, 4) if layer["k"] >= least]  # up to 3, `adaptive` is the truth itself
    return ["all", f"k = {layer['k']}", *more, *([f"layer {layer['layer']}"] if truth == "shapley_zero" else [])]


def rankings(own: list[dict], candidate: str, truth: str) -> dict[str, list[list[float]]]:
    """For each group the rank correlations of each photo's layers."""
    groups: dict[str, list[list[float]]] = defaultdict(list)
    for one in own:
        photo: dict[str, list[float]] = defaultdict(list)
        for layer in one["layers"]:
            values = layer["values"]
            rho = spearman(values[candidate], values[TRUTHS[truth]]) if candidate in values else None
            for group in groups_of(layer, truth) if rho is not None else []:
                photo[group].append(rho)
        for group, found in photo.items():
            groups[group].append(found)
    return groups


def table(raw: list[dict], which: str) -> list[dict[str, object]]:
    """One row for each candidate, truth and group of layers."""
    own = [one for one in raw if one["set"] == which and not one.get("timed")]
    timed = [one for one in raw if one["set"] == which and one.get("timed")]
    rows: list[dict[str, object]] = []
    for candidate in CANDIDATES:
        cost = costs(timed, candidate) if timed else {}
        for truth in TRUTHS:
            groups = rankings(own, candidate, truth)
            for group in sorted(groups):
                means = [float(np.mean(values)) for values in groups[group]]
                low, high = bootstrap_interval(means)
                rows.append(
                    {
                        "layers": which,
                        "candidate": candidate,
                        "truth": truth,
                        "group": group,
                        "photos": len(means),
                        "rankings": sum(map(len, groups[group])),
                        "spearman": round(float(np.mean(means)), 4),
                        "low": round(low, 4),
                        "high": round(high, 4),
                        **(cost if group == "all" else {}),
                    }
                )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=110)
    parser.add_argument(
        "--paper", type=int, default=23, help="of them for the clusters of the paper, whose t-SNE is slow"
    )
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--raw", type=Path, help="keep each photo's values here, and go on from them")
    parser.add_argument("--only-print", action="store_true", help="print the table and write no CSV")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network()
    raw: list[dict] = []
    if arguments.raw and arguments.raw.exists():
        raw = [json.loads(line) for line in arguments.raw.read_text(encoding="utf-8").splitlines()]
    done = {(one["photo"], one["set"], one.get("timed", False)) for one in raw}
    paths = photo_paths(arguments.photos, skip=arguments.skip)
    for which in arguments.sets:
        chosen = paths if which != "paper" else paths[: arguments.paper]
        work = [(path, number % SLOW_EVERY == 0, False) for number, path in enumerate(chosen)]
        work += [(path, True, True) for path in chosen[:TIMED] if which != "paper"]
        for path, slow, timed in work:
            if (path.name, which, timed) not in done:
                raw.append({**measure(network, path, which, slow=slow), "timed": timed})
                if arguments.raw:
                    with arguments.raw.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(raw[-1]) + "\n")
    rows = [row for which in arguments.sets for row in table(raw, which)]
    shown = ("layers", "candidate", "truth", "group", "rankings", "spearman", "low", "high")
    for row in rows:
        if row["group"] in ("all", "k >= 3", "k >= 4"):
            print(
                *(row[key] for key in shown), *(row.get(f"cost_{kind}", "") for kind in ("alone", "shared", "explain"))
            )
    if not arguments.only_print:
        write_csv(RESULTS / "weights.csv", rows)


if __name__ == "__main__":
    main()
