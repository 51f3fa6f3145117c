"""What the page of an evaluation shows, ready for the template: numbers are text, pictures data addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.evaluate.registry import METRICS
from layerlore.report import colours, maps, words
from layerlore.report import evaluation_words as said
from layerlore.report.view import data_address

if TYPE_CHECKING:
    from layerlore.evaluate.registry import MetricInfo
    from layerlore.evaluate.results import Evaluation, PhotoResult
    from layerlore.evaluate.summary import Line

MARKS = {"better": words.RISES, "worse": words.FALLS, "other": "\N{BLACK DIAMOND}", "": ""}
OVERLAY_SIDE = 112
MARGIN = 0.04
"""Of a scale beyond its outermost interval."""


@dataclass(frozen=True)
class Row:
    """One method by one metric; ``dot``, ``left`` and ``width`` are percent of the scale."""

    method: str
    control: bool
    made: bool
    reference: bool
    mean: str
    ends: str
    n: int
    dot: float
    left: float
    width: float
    difference: str
    difference_ends: str
    verdict: str
    mark: str


@dataclass(frozen=True)
class Block:
    """One metric: what it tests, what came out, and a row for each method, best first."""

    info: MetricInfo
    better: str
    verdicts: tuple[str, ...]
    rows: tuple[Row, ...]
    reference: float | None
    chance: float | None
    chance_text: str
    low: str
    high: str


@dataclass(frozen=True)
class Family:
    """Metrics that ask the same kind of question."""

    title: str
    question: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Cell:
    """One method by one metric in the table of all metrics."""

    mean: str
    verdict: str
    mark: str
    made: bool


@dataclass(frozen=True)
class Picture:
    """One method's map of an example; ``overlay`` is "" where there is none, and ``note`` says why."""

    method: str
    overlay: str
    text: str
    value: str
    note: str


@dataclass(frozen=True)
class Example:
    """One photo through all methods."""

    title: str
    photo: str
    text: str
    pictures: tuple[Picture, ...]


def families(evaluation: Evaluation) -> tuple[Family, ...]:
    """The metrics by family; those that were measured nowhere are told at the end of the page instead."""
    found = []
    for name, (title, question) in said.FAMILIES.items():
        metrics = [metric for metric in evaluation.metrics if METRICS[metric].family == name]
        blocks = [block for metric in metrics if (block := _block(evaluation, metric)) is not None]
        if blocks:
            found.append(Family(title, question, tuple(blocks)))
    return tuple(found)


def _block(evaluation: Evaluation, metric: str) -> Block | None:
    lines = [line for line in evaluation.lines if line.metric == metric and line.interval is not None]
    if not lines:
        return None
    info = METRICS[metric]
    chance = next((line.chance for line in lines if line.chance is not None), None)
    points = [
        point
        for line in lines
        if line.interval
        for point in (line.interval.mean, line.interval.low, line.interval.high)
    ]
    numbers = [point for point in (*points, chance) if point is not None]
    low, high = min(numbers), max(numbers)
    margin = MARGIN * (high - low) or 0.5 * abs(high) or 1.0
    scale = _Scale(low - margin, high + margin)
    sign = 1 if info.better == "lower" else -1
    lines.sort(key=lambda line: sign * (line.interval.mean if line.interval else 0.0))
    reference = next((line.interval for line in lines if line.method == evaluation.against), None)
    return Block(
        info=info,
        better=info.better_end,
        verdicts=tuple(text for text in said.verdicts(evaluation, metric) if text),
        rows=tuple(_row(line, scale, reference=line.method == evaluation.against) for line in lines),
        reference=None if reference is None else scale.at(reference.mean),
        chance=None if chance is None else scale.at(chance),
        chance_text="" if chance is None else said.value(chance),
        low=said.value(scale.low),
        high=said.value(scale.high),
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def at(self, value: float) -> float:
        """Percent of the scale."""
        return 100 * (value - self.low) / (self.high - self.low)


def _row(line: Line, scale: _Scale, *, reference: bool) -> Row:
    interval, other = line.interval, line.difference
    if interval is None:
        raise ValueError("a row needs a mean")
    low = interval.mean if interval.low is None else interval.low
    high = interval.mean if interval.high is None else interval.high
    difference_ends = ""
    if other is not None and other.low is not None and other.high is not None:
        difference_ends = f"{said.signed(other.low)} to {said.signed(other.high)}"
    return Row(
        method=said.title(line.method),
        control=said.is_control(line.method),
        made=line.made,
        reference=reference,
        mean=said.value(interval.mean),
        ends=said.ends(interval),
        n=interval.n,
        dot=scale.at(interval.mean),
        left=scale.at(low),
        width=scale.at(high) - scale.at(low),
        difference="" if other is None else said.signed(other.mean),
        difference_ends=difference_ends,
        verdict=line.verdict,
        mark=MARKS[line.verdict],
    )


def matrix(evaluation: Evaluation) -> tuple[tuple[MetricInfo, tuple[Cell | None, ...]], ...]:
    """All metrics down, in the order of the page, all methods across: there are fewer, so that paper holds it."""
    lines = {(line.method, line.metric): line for line in evaluation.lines}
    return tuple(
        (METRICS[metric], tuple(_cell(lines[method, metric]) for method in evaluation.methods))
        for family in said.FAMILIES
        for metric in evaluation.metrics
        if METRICS[metric].family == family
    )


def _cell(line: Line) -> Cell | None:
    if line.interval is None:
        return None
    return Cell(said.value(line.interval.mean), line.verdict, MARKS[line.verdict], line.made)


def examples(evaluation: Evaluation) -> tuple[Example, ...]:
    """Photos that show most: where all do well, where all fail, where they disagree, and the one in the middle."""
    metric = next((name for name in evaluation.metrics if METRICS[name].better != "neither"), None)
    methods = [name for name in evaluation.methods if not said.is_control(name)] or list(evaluation.methods)
    if metric is None:
        return ()
    sign = 1 if METRICS[metric].better == "higher" else -1
    all_values = [evaluation.values(method, metric) for method in methods]
    measured = [one for one in all_values if not np.isnan(one).all()]
    if not measured:
        return ()
    values = sign * np.array(measured)
    whole = np.flatnonzero(~np.isnan(values).any(axis=0))
    if not len(whole):
        return ()
    means, spread = values[:, whole].mean(axis=0), np.ptp(values[:, whole], axis=0)
    name = METRICS[metric].title
    order = np.argsort(means, kind="stable")
    chosen = (
        (f"Where the methods do best by {name}", order[-1]),
        ("Where they do worst", order[0]),
        ("Where they disagree most", int(np.argmax(spread))),
        ("In the middle", order[len(order) // 2]),
    )
    found: dict[int, str] = {}
    for title, place in chosen:
        found.setdefault(int(whole[place]), title)
    return tuple(_example(evaluation, evaluation.photos[place], title, metric) for place, title in found.items())


def _example(evaluation: Evaluation, photo: PhotoResult, title: str, metric: str) -> Example:
    facts = photo.photo
    given = "" if facts.label is None else f"; given as {facts.label}"
    view = evaluation.view(facts)
    return Example(
        title,
        data_address("image/jpeg", view) if view else "",
        f"{facts.name}: {facts.target_name}, {words.probability(facts.probability)}{given}",
        tuple(_picture(evaluation, photo, method, metric) for method in evaluation.methods),
    )


def _picture(evaluation: Evaluation, photo: PhotoResult, method: str, metric: str) -> Picture:
    run, title = photo.runs.get(method), said.title(method)
    found = evaluation.measurement(photo, method, metric)
    number = "" if found is None or found.value is None else said.value(found.value)
    if run is None or run.map is None:
        return Picture(title, "", "", number, "not run" if run is None else run.problem)
    rows, columns = evaluation.facts["input_size"]
    width, height = maps.fit(columns, rows, OVERLAY_SIDE)
    shown = maps.shown_map(run.map, height, width)
    return Picture(
        title,
        data_address("image/png", maps.overlay_png(shown, colours.sequential(), colours.alphas())),
        f"Map of {title} for {photo.photo.name}: its mass lies {maps.place(run.map)}",
        number,
        "the map says nothing" if run.constant else "",
    )
