"""The sentences of the page of an evaluation: who is best by what, and whether chance could have done it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from layerlore.evaluate.construction import UNDRAWN
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.statistics import FEW, FEWEST
from layerlore.evaluate.summary import CONTROL, competes, not_better, tellable
from layerlore.methods.registry import METHODS
from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.evaluate.results import Evaluation
    from layerlore.evaluate.statistics import Interval
    from layerlore.evaluate.summary import Leaders

FAMILIES = {
    "faithfulness": ("Faithfulness", "Does the answer depend on the places that the map shows?"),
    "localisation": ("Localisation", "Does the map lie on the object that people marked?"),
    "robustness": ("Robustness", "Does the map stay when the photo changes in a way that nobody sees?"),
    "sanity": ("Sanity", "Does the map change when the network, or the question, becomes another one?"),
    "clusters": ("Clusters", "Are the clusters of a layer faithful, complete, stable, and apart?"),
    "complexity": ("Complexity", "How much of the photo does the map point at?"),
}
"""Family to its title and its question, in the order of the page."""
CONTROLLED = {"faithfulness", "localisation", "sanity"}
"""Families by which a map that knows nothing must be beaten; it may well be stable, or small."""
NAMED = 3
"""Methods that a sentence about a family names; more are counted."""
MADE = "\N{DAGGER}"
"""Sign of a value that a method has by construction."""
Parts = tuple[tuple[str, bool], ...]


def value(number: float) -> str:
    """A metric's value: three decimals, fewer for large ones."""
    return words.number(number, 3 if abs(number) < 100 else 1)


def signed(number: float) -> str:
    """A difference with its sign."""
    text = value(number)
    return f"+{text}" if number > 0 and float(text.replace(words.MINUS, "-")) else text


def ends(interval: Interval) -> str:
    """An interval's ends, such as "0.51 to 0.58", or "" where there are too few photos for one."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{value(interval.low)} to {value(interval.high)}"


def title(method: str) -> str:
    """A method as it is written in text."""
    return METHODS[method].title


def headline(evaluation: Evaluation) -> Parts:
    """Who is among the best throughout how many families, in parts; True marks the emphasised ones.

    Metrics of a family are alike, so each counts for no vote of its own.
    """
    found = evaluation.leading.values()
    photos = words.count(len(evaluation.photos), "photo")
    if all(best.measured < 2 for best in found):
        return ((f"{words.count(len(evaluation.methods), 'method')} measured on {photos}.", False),)
    competing = [name for name in evaluation.methods if any(competes(evaluation, name, one.metric) for one in found)]
    methods = words.count(len(competing), "method")
    telling = _telling(evaluation)
    if not telling:
        return (
            (f"On {photos} chance could have made ", False),
            ("every lead", True),
            (f" of one of the {methods} that compete over the others.", False),
        )
    firsts = _firsts(evaluation)
    one = len(firsts) == 1
    rest = "family of metrics that tells methods apart." if one else "families of metrics that tell methods apart."
    first, most = _most(evaluation)
    if not first:
        throughout = "the one" if one else f"any of {len(firsts)}"
        return (
            (f"On {photos}, ", False),
            ("no method", True),
            (f" is among the best throughout {throughout} {rest}", False),
        )
    throughout = "the one" if one else f"{most} of {len(firsts)}"
    return (
        (f"On {photos}, ", False),
        (_titles(first) if len(first) <= NAMED else f"{len(first)} of {methods}", True),
        (f" {'is' if len(first) == 1 else 'are'} among the best throughout {throughout} {rest}", False),
    )


def _telling(evaluation: Evaluation) -> list[Leaders]:
    """Who is best by the metrics that tell methods apart."""
    return [best for best in evaluation.leading.values() if best.telling]


def _firsts(evaluation: Evaluation) -> dict[str, tuple[str, ...]]:
    """Family to the methods that are among the best throughout it.

    For each method those metrics of a family count that tell methods apart and that it competes in, at least one; one
    that it competes in and was not measured by counts against it.
    """
    families: dict[str, list[Leaders]] = {}
    for best in _telling(evaluation):
        families.setdefault(METRICS[best.metric].family, []).append(best)
    found = {}
    for family, telling in families.items():
        own = {
            method: [
                method in {best.best, *best.alike} for best in telling if competes(evaluation, method, best.metric)
            ]
            for method in evaluation.methods
        }
        found[family] = tuple(method for method, among in own.items() if among and all(among))
    return found


def _most(evaluation: Evaluation) -> tuple[tuple[str, ...], int]:
    """The methods that are among the best throughout the most families, and how many families these are."""
    counts = Counter(method for methods in _firsts(evaluation).values() for method in methods)
    most = max(counts.values(), default=0)
    return tuple(method for method in evaluation.methods if most and counts[method] == most), most


def _by_family(evaluation: Evaluation) -> str:
    """Who is among the best throughout each family, where that says more than the headline."""
    firsts = _firsts(evaluation)
    if len(set(firsts.values())) < 2:
        return ""
    told = []
    for family, methods in firsts.items():
        who = "nobody" if not methods else _titles(methods) if len(methods) <= NAMED else f"{len(methods)} methods"
        told.append(f"{FAMILIES[family][0]}: {who}. ")
    return "".join(told)


def lead(evaluation: Evaluation) -> str:
    """How to take the headline."""
    among = (
        "Among the best means: the best, or not to be told from the best by chance, by every metric of the family that "
        f"tells methods apart. Controls do not compete, nor does a method by a metric that it is made with ({MADE}); "
        "how much of the photo a map points at does not count. "
    )
    if not any("among" in text for text, _ in headline(evaluation)):
        among = ""
    return (
        (_by_family(evaluation) + among + _not_counted(evaluation) if among else "")
        + "Metrics ask different questions and often disagree, so no single one ranks the methods; read the families "
        "together."
    )


def _not_counted(evaluation: Evaluation) -> str:
    """For methods that the headline names, the metrics that it leaves out."""
    first, _ = _most(evaluation)
    told = []
    for method in first if len(first) <= NAMED else ():
        made = [best.metric for best in _telling(evaluation) if evaluation.line(method, best.metric).made]
        if made:
            told.append(f"So for {_named(method)} these do not count: {metrics(made)}. ")
    return "".join(told)


def verdicts(evaluation: Evaluation, metric: str) -> list[str]:
    """What came out by one metric, in plain sentences."""
    lines = [line for line in evaluation.lines if line.metric == metric and line.interval is not None]
    if not lines:
        return ["It was not measured; the reason stands at the end of this page."]
    best = evaluation.leading.get(metric)
    if best is None:
        made = list(_made(evaluation, metric))
        if len(lines) == len(made) == 1:
            name = _named(lines[0].method)
            why = "no number is drawn" if metric in UNDRAWN else "it asks the network the same question when it is made"
            return [f"{name} ({MADE}) has {_mean(lines[0].interval)}; {why}."]
        return [_range(evaluation, metric), *made]
    return [
        _best(evaluation, best),
        *_passed(best),
        *_controls(evaluation, best),
        *_made(evaluation, metric),
    ]


def _made(evaluation: Evaluation, metric: str) -> Iterator[str]:
    """Which methods ask what the metric asks, when they are made."""
    lines = [line for line in evaluation.lines if line.metric == metric and line.interval is not None]
    made = tuple(line.method for line in lines if line.made)
    if made and metric in UNDRAWN:
        yield f"{_titles(made)} ({MADE}): no number is drawn, so no seed changes it, and it does not compete."
    elif made:
        if len(made) == 1:
            asks = "asks the network the same question when it is made, so it does not compete"
        else:
            asks = "ask the network the same question when they are made, so they do not compete"
        yield f"{_titles(made)} ({MADE}) {asks}."


def _passed(best: Leaders) -> Iterator[str]:
    """Which methods have a better mean, from other photos only."""
    if best.passed:
        is_, its = ("is", "its") if len(best.passed) == 1 else ("are", "their")
        yield (
            f"{_titles(best.passed)} {is_} behind another method on the photos of both; {its} mean is better only as "
            "it is over other photos."
        )


def _controls(evaluation: Evaluation, best: Leaders) -> Iterator[str]:
    """Which methods do no better than maps that know nothing of the photo."""
    if METRICS[best.metric].family not in CONTROLLED or not tellable(best.photos, best.measured):
        return
    controls = [control for control in evaluation.methods if is_control(control)]
    behind = {control: not_better(evaluation, best.metric, control) for control in controls}
    if beaten := [f"a {title(control)}" for control in controls if len(behind[control]) == best.measured]:
        yield f"None of them can be told to be better than {words.listed(beaten, 'or')}."
    for control in controls:
        if 0 < len(behind[control]) < best.measured:
            yield f"Not to be told from a {title(control)}, or worse: {_titles(behind[control])}."


def _best(evaluation: Evaluation, best: Leaders) -> str:
    interval = evaluation.line(best.best, best.metric).interval
    if interval is None:
        return ""
    photos, mean = words.count(interval.n, "photo"), _mean(interval)
    name = _named(best.best)
    if best.measured == 1:
        return f"{name} has {mean}."
    if not tellable(best.photos, best.pairs):
        return f"Best is {name}, {mean}, but {photos} are too few to tell any difference from chance."
    if not best.alike:
        return f"Best is {name}, {mean}; its lead over each other method is more than chance."
    if len(best.alike) + 1 == best.measured:
        return f"Best is {name}, {mean}, but chance could have made its lead over every other method."
    return f"Best is {name}, {mean}; chance could have put it before {_titles(best.alike)}."


def _mean(interval: Interval | None) -> str:
    """A mean with its interval and photos."""
    if interval is None:
        return ""
    found = ends(interval)
    within = f"95{words.NBSP}% interval {found}, " if found else ""
    return f"{value(interval.mean)} ({within}{words.count(interval.n, 'photo')})"


def _range(evaluation: Evaluation, metric: str) -> str:
    """Lowest and highest, for a metric that only describes."""
    lines = [
        (line.interval.mean, line.method)
        for line in evaluation.lines
        if line.metric == metric and line.interval is not None
    ]
    (low, first), (high, last) = min(lines), max(lines)
    if low == high:
        return f"{_named(first)} has {value(low)}."
    return f"Lowest is {_named(first)} with {value(low)}, highest {_named(last)} with {value(high)}."


def _titles(methods: tuple[str, ...]) -> str:
    return words.listed([_named(method) for method in methods])


def _named(method: str) -> str:
    """A method in a sentence: a title that is no name stands in quotes."""
    text = title(method)
    return f"“{text}”" if text[0].islower() else text


def metrics(names: Sequence[str]) -> str:
    """Metrics in a sentence: in quotes, since some titles are sentences themselves; many by their families."""
    if len(names) <= NAMED:
        return words.listed([f"“{METRICS[name].title}”" for name in names])
    families = Counter(METRICS[name].family for name in names)
    return words.listed(
        [f"{words.count(amount, 'metric')} of {FAMILIES[family][0].lower()}" for family, amount in families.items()]
    )


def few(evaluation: Evaluation) -> str:
    """A warning where intervals are known to be too narrow, else ""."""
    if len(evaluation.photos) >= FEW:
        return ""
    photos = words.count(len(evaluation.photos), "photo")
    if len(evaluation.photos) < FEWEST:
        return f"Few photos ({photos}): there is no interval for fewer than {words.SMALL_NUMBERS[FEWEST]}."
    return f"Few photos ({photos}): bootstrap intervals of fewer than {FEW} are too narrow."


def is_control(method: str) -> bool:
    """A method that knows nothing of the photo."""
    return METHODS[method].source == CONTROL
