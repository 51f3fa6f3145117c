"""Two explanations of one photo side by side: two networks, two checkpoints of one, or two classes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from layerlore.errors import CompareError
from layerlore.study.matching import DIGITS, WHOLE, Match, match_layers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from layerlore.local.explanation import Explanation, LayerExplanation, Prediction
    from layerlore.study.matching import Region

FORMAT = "layerlore.comparison"
VERSION = 1
LITTLE_IN_COMMON, ALL_IN_COMMON = 0.5, 0.995
"""Below the first share of the photo in common the comparison warns; from the second on crops differ by rounding."""


@dataclass(frozen=True)
class LayerComparison:
    """A layer of A beside its partner of B.

    Attributes:
        a: The layer of the first explanation.
        b: Its partner of the second.
        match: Which clusters are the same, and the layer's change.
    """

    a: LayerExplanation = field(repr=False)
    b: LayerExplanation = field(repr=False)
    match: Match

    @property
    def name(self) -> str:
        """The layer's name, or both names where they differ."""
        return self.a.name if self.a.name == self.b.name else f"{self.a.name} / {self.b.name}"

    @property
    def change(self) -> float:
        """1 - agreement, in [0, 1]; see `layerlore.study.matching` for the formula."""
        return self.match.change


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two explanations of one photo, layer by layer.

    Attributes:
        a: The first explanation.
        b: The second.
        layers: Paired layers, shallow to deep.
        paired_by: ``name`` where the layers are those of one architecture, else ``depth``.
        only_a: Names of A's layers without a partner.
        only_b: Names of B's.
        change: Mean change of the paired layers, in [0, 1].
        shared_view: Share of the photo's part seen by either network that both saw, in (0, 1].
        notes: Plain sentences on what else differs and therefore may cause part of the change.
    """

    a: Explanation
    b: Explanation
    layers: tuple[LayerComparison, ...]
    paired_by: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    change: float
    shared_view: float
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line: photo, both answers, change."""
        return (
            f"Comparison({self.a.photo.name!r}, A {self.a.network_name!r} {self.a.target.name!r}, "
            f"B {self.b.network_name!r} {self.b.target.name!r}, change={self.change:.3f})"
        )

    @property
    def same_target(self) -> bool:
        """Both explain the same class."""
        return same_class(self.a.target, self.b.target, same_classes=_same_number_of_classes(self.a, self.b))

    @property
    def answer_changed(self) -> bool:
        """The likeliest class differs."""
        same_classes = _same_number_of_classes(self.a, self.b)
        return not same_class(self.a.predictions[0], self.b.predictions[0], same_classes=same_classes)

    @property
    def probability_change(self) -> float:
        """Probability of B's explained class minus that of A's, in [-1, 1]; of one class if ``same_target``."""
        return round(self.b.target.probability - self.a.target.probability, DIGITS)

    @property
    def logit_change(self) -> float:
        """The same of the logits; those of different networks have no common scale."""
        return round(self.b.target.logit - self.a.target.logit, DIGITS)

    @property
    def same_weights(self) -> bool:
        """Both come from a network with the same weights."""
        a, b = (_network(e).get("fingerprint") for e in (self.a, self.b))
        return a is not None and a == b

    @property
    def most_changed(self) -> LayerComparison | None:
        """The paired layer that changed most, the shallower of equals; None where no layer is paired."""
        return max(self.layers, key=lambda layer: layer.change, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the maps, in plain dicts, lists, strings and numbers."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "photo": self.a.photo.name,
            "image_id": self.a.photo.image_id,
            "change": self.change,
            "answer_changed": self.answer_changed,
            "same_target": self.same_target,
            "probability_change": self.probability_change,
            "logit_change": self.logit_change,
            "paired_by": self.paired_by,
            "shared_view": self.shared_view,
            "a": _side(self.a),
            "b": _side(self.b),
            "layers": [_layer(layer) for layer in self.layers],
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """`to_dict` as text; the same comparison always gives the same bytes."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def save(self, path: str | Path) -> Path:
        """Write the comparison: ``.html`` for a page, ``.json`` for the numbers.

        Returns:
            The path written.

        Raises:
            OutputError: The suffix is unknown or the place cannot be written.
        """
        from layerlore.report.compare import save_comparison

        return save_comparison(self, path)

    def _repr_html_(self) -> str:
        """Show the page in a notebook."""
        from layerlore.report.compare import comparison_notebook_html

        return comparison_notebook_html(self)


def compare(a: Explanation, b: Explanation) -> Comparison:
    """Compare two explanations of one photo.

    Args:
        a: The first, such as that of the older checkpoint.
        b: The second.

    Returns:
        Paired layers with their matched clusters and the change of each.

    Raises:
        CompareError: The photos differ, or the networks saw parts of the photo that do not overlap.
    """
    if a.photo.image_id != b.photo.image_id:
        raise CompareError(
            f"{a.photo.name} and {b.photo.name} are different photos (ids {a.photo.image_id} and "
            f"{b.photo.image_id}); compare two explanations of one photo"
        )
    regions, shared = _common_part(a, b)
    same, pairs = _pair_layers(a.layers, b.layers)
    layers = tuple(LayerComparison(x, y, match_layers(x, y, regions=regions, same_channels=same)) for x, y in pairs)
    taken_a, taken_b = {x.name for x, _ in pairs}, {y.name for _, y in pairs}
    return Comparison(
        a=a,
        b=b,
        layers=layers,
        paired_by="name" if same else "depth",
        only_a=tuple(layer.name for layer in a.layers if layer.name not in taken_a),
        only_b=tuple(layer.name for layer in b.layers if layer.name not in taken_b),
        change=mean_change([layer.change for layer in layers]),
        shared_view=round(shared, DIGITS),
        notes=tuple(_notes(a, b, shared)),
    )


def mean_change(changes: Sequence[float]) -> float:
    """Mean of layers' changes; 0 for none."""
    return round(math.fsum(changes) / len(changes), DIGITS) if changes else 0.0


def same_class(a: Prediction, b: Prediction, *, same_classes: bool = True) -> bool:
    """Whether two predictions are about one class.

    Args:
        a: One prediction.
        b: Another.
        same_classes: Both networks number the same classes, so that the index must agree as well as the name.
    """
    return a.name == b.name and (a.index == b.index or not same_classes)


def _network(explanation: Explanation) -> dict[str, Any]:
    found = explanation.provenance.get("network")
    return found if isinstance(found, dict) else {}


def _same_number_of_classes(a: Explanation, b: Explanation) -> bool:
    return bool(_network(a).get("classes") == _network(b).get("classes"))


def _common_part(a: Explanation, b: Explanation) -> tuple[tuple[Region, Region], float]:
    """The part of the photo that both networks saw, as a region of each view, and its share of what either saw."""
    if a.photo.box == b.photo.box:
        return (WHOLE, WHOLE), 1.0
    (al, at, ar, ab), (bl, bt, br, bb) = a.photo.box, b.photo.box
    left, top, right, bottom = max(al, bl), max(at, bt), min(ar, br), min(ab, bb)
    if right <= left or bottom <= top:
        raise CompareError(
            f"{a.photo.name}: the two networks saw parts of it that do not overlap; explain it with crops that do"
        )
    both = (right - left) * (bottom - top)
    either = (ar - al) * (ab - at) + (br - bl) * (bb - bt) - both
    regions = (
        ((left - al) / (ar - al), (top - at) / (ab - at), (right - al) / (ar - al), (bottom - at) / (ab - at)),
        ((left - bl) / (br - bl), (top - bt) / (bb - bt), (right - bl) / (br - bl), (bottom - bt) / (bb - bt)),
    )
    return regions, both / either


def _pair_layers(
    a: Sequence[LayerExplanation], b: Sequence[LayerExplanation]
) -> tuple[bool, list[tuple[LayerExplanation, LayerExplanation]]]:
    """Pair layers by name where both networks have the same architecture, else in order of depth.

    Equal names alone do not make one architecture (``layer1.0`` is in every ResNet): place and width must agree too.

    Returns:
        Whether they are paired by name, and the pairs, shallow to deep.
    """
    by_name = {layer.name: layer for layer in b}
    named = [(layer, by_name[layer.name]) for layer in a if layer.name in by_name]
    if named and all((x.index, x.depth, x.channels) == (y.index, y.depth, y.channels) for x, y in named):
        return True, named
    # The shorter list gives the rows, so that swapping the sides cannot resolve a tie another way.
    few, many = sorted((list(a), list(b)), key=len)
    pairs = [(few[i], many[j]) for i, j in _by_depth([x.depth for x in few], [x.depth for x in many])]
    return False, pairs if len(a) <= len(b) else [(x, y) for y, x in pairs]


def _by_depth(few: Sequence[float], many: Sequence[float]) -> list[tuple[int, int]]:
    """Pair each depth of ``few`` with one of ``many`` in order, the sum of squared differences smallest."""
    if len(few) == len(many):
        return [(i, i) for i in range(len(few))]
    # best[i][j]: (cost, chosen) of pairing the first i of few within the first j of many.
    best: list[list[tuple[float, tuple[int, ...]]]] = [[(0.0, ())] * (len(many) + 1)]
    for i, depth in enumerate(few, start=1):
        row: list[tuple[float, tuple[int, ...]]] = [(math.inf, ())] * i
        for j in range(i, len(many) + 1):
            cost, chosen = best[-1][j - 1]
            here = (cost + (depth - many[j - 1]) ** 2, (*chosen, j - 1))
            row.append(min(row[j - 1], here, key=lambda option: option[0]))
        best.append(row)
    return list(enumerate(best[-1][-1][1]))


def _notes(a: Explanation, b: Explanation, shared: float) -> list[str]:
    """What differs besides the networks and may cause part of the change."""
    notes = settings_notes(a, b)
    if shared < ALL_IN_COMMON:
        lead = "Compare with care: the" if shared < LITTLE_IN_COMMON else "The"
        notes.append(
            f"{lead} networks crop the photo differently; compared is the part that both saw, "
            f"{100 * shared:.0f} % of what either saw."
        )
    return notes


def settings_notes(a: Explanation, b: Explanation) -> list[str]:
    """Plain sentences on methods, seeds and versions that differ; these are alike for all photos of a run."""
    notes = []
    if a.method != b.method:
        notes.append(f"A was explained with the method {a.method}, B with {b.method}; part of the change is theirs.")
    if a.seed != b.seed and "paper" in {a.method, b.method}:
        notes.append(f"A was explained with seed {a.seed}, B with {b.seed}; part of the change may be chance.")
    versions_a, versions_b = (e.provenance.get("versions") or {} for e in (a, b))
    other = sorted(key for key in {*versions_a, *versions_b} if versions_a.get(key) != versions_b.get(key))
    if other:
        notes.append(f"A and B were made with different versions of {', '.join(other)}.")
    return notes


def _side(explanation: Explanation) -> dict[str, Any]:
    network = _network(explanation)
    return {
        "network": explanation.network_name,
        "fingerprint": network.get("fingerprint"),
        "method": explanation.method,
        "seed": explanation.seed,
        "target": asdict(explanation.target),
        "predictions": [asdict(prediction) for prediction in explanation.predictions],
    }


def _layer(layer: LayerComparison) -> dict[str, Any]:
    a, b, match = layer.a, layer.b, layer.match
    return {
        "a": a.name,
        "b": b.name,
        "change": layer.change,
        "pairs": [
            {**asdict(pair), "weight_a": a.clusters[pair.a].weight, "weight_b": b.clusters[pair.b].weight}
            for pair in match.pairs
        ],
        "only_a": [{"cluster": i, "weight": a.clusters[i].weight} for i in match.only_a],
        "only_b": [{"cluster": i, "weight": b.clusters[i].weight} for i in match.only_b],
    }
