"""The sentences of the report card: what was tested, what came out, what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.evaluate.card import AGAINST_CONTROLS, HALF, SAME, WIDE_WIN
from layerlore.evaluate.construction import ABLATED, DIMMED, UNDRAWN
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.summary import interval_of
from layerlore.report import evaluation_words as said
from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from layerlore.evaluate.card import Check, Number, State

SECTIONS = {
    "sanity": ("Sanity", "Does the explanation hang on what the network has learnt, and on the class?"),
    "faithfulness": ("Faithfulness of the map", "Does the answer depend on the places that the map shows?"),
    "localisation": ("The map and the object", "Does the map lie on the object that people marked?"),
    "clusters": ("The clusters of the layers", "Do the clusters matter as their numbers say, and are they stable?"),
    "robustness": ("Stability of the map", "Does the map stay when the photo changes in a way that nobody sees?"),
}
"""Family to title and question, in the order of the page."""
STATES: dict[State, tuple[str, str]] = {
    "passed": ("✓", "passed"),
    "failed": ("✗", "failed"),
    "open": ("?", "open"),
    "told": ("·", "not judged"),
    "made": (said.MADE, "by construction"),
    "missing": ("\N{EN DASH}", "not measured"),
}
"""State to sign and word."""
JUDGED: tuple[State, ...] = ("failed", "open", "passed", "told", "made", "missing")
"""The order of the checks of a family: first what is to be looked at, last what cannot be failed."""
NAMED = 4
"""Checks that the second sentence names; more are counted."""
ALIKE = "clusters that are much the same"
WORTH = (
    "Clusters of more weight tend to be worth more to the class; with 1 they always would.",
    "Clusters of more weight are worth less to the class: do not rely on it.",
)
FALL = (
    "Without a cluster of more weight the class's score tends to fall more; with 1 it always would.",
    "Without a cluster of more weight the class's score falls less: do not rely on it.",
)
MEANS: dict[str, tuple[str, str]] = {
    "emprt": (
        "With random weights the map falls into disorder, so it shows something that the network has learnt.",
        (
            "With random weights the map is no less orderly, so what it shows may come from the photo and from how the "
            "network is built, not from what it has learnt."
        ),
    ),
    "smprt": (
        "More of the map goes than stays when layers forget what they have learnt: the map hangs on them.",
        (
            "More of the map stays than goes when layers forget what they have learnt: much of it may come from the "
            "photo and from how the network is built."
        ),
    ),
    "random_logit": (
        "The map for another class is another one: the map is about this class.",
        (
            "The map for another class is much the same: it shows what matters to the network, whichever class is "
            "asked about, so do not read it as reasons for this class alone."
        ),
    ),
    "later_layers": (
        (
            "The feature maps stay the same to the last bit, as they must, and more of the order of their weights goes "
            "than stays: the weights tell of what comes after."
        ),
        (
            "The feature maps stay the same to the last bit, as they must, but so does more than half of the order of "
            "their weights: a weight may tell more of how active its map is than of what comes after. Go by importance "
            "and by the effect of removal instead, which ask the network; pages have them with --ablation."
        ),
    ),
    "c_insertion": (
        "The order of the clusters by their weight brings the class back sooner than a random order does.",
        "A random order of the clusters brings the class back sooner: do not rely on their weight.",
    ),
    "c_deletion": (
        "Without the clusters that stand first the class is lost sooner than without random ones.",
        (
            "Without random clusters the class is lost sooner than without those that stand first: do not rely on "
            "their weight."
        ),
    ),
    "c_shapley": WORTH,
    "c_ablation": FALL,
    "c_weight_shapley": WORTH,
    "c_weight_ablation": FALL,
    "c_seed": (
        f"Another seed gives {ALIKE}.",
        "Another seed groups many maps otherwise: clusters are one way of many to group them.",
    ),
    "c_channels": (
        f"A part of the feature maps gives {ALIKE}.",
        (
            "A part of the feature maps groups many of them otherwise: read a cluster as a theme, not as a fixed set "
            "of maps."
        ),
    ),
    "c_noise": (
        f"Noise that nobody sees leaves {ALIKE}.",
        "Noise that nobody sees groups many maps otherwise: read a cluster as a theme, not as a fixed set of maps.",
    ),
    "c_flip": (
        f"The mirrored photo gives {ALIKE}.",
        "The mirrored photo groups many maps otherwise: which maps belong together depends on where things are.",
    ),
    "c_silhouette": (
        (
            "Clusters are further apart than clusters of maps without places would be, so there is something to find; "
            "near 0 it is little."
        ),
        "Clusters are no further apart than clusters of maps without places: the grouping is arbitrary.",
    ),
}
"""Metric to what it means when it is passed, and when it is failed."""
BY_ABLATION = (
    "By construction: importance is what clusters are worth when they are set to zero, exactly so for three or fewer, "
    "and this metric asks the same again. It is about the sums, not about the clusters."
)
BY_NO_DRAW = (
    "By construction: no number is drawn to group the maps, so another seed gives the same clusters, and this check "
    "could not fail."
)
BY_CORRECTION = (
    "By construction: the map is corrected by showing and hiding the photo in its own order, as this metric does, "
    "and on the same ground, so it must be good at this. Look at the other metrics."
)
BY_DIMMING = (
    "By construction: the correction asks the network about the photo where only parts of it are shown on its mean "
    "colour, much as this metric does. Look at the other metrics."
)
MADE = {
    **dict.fromkeys(UNDRAWN, BY_NO_DRAW),
    **dict.fromkeys(DIMMED, BY_DIMMING),
    **dict.fromkeys(ABLATED, BY_ABLATION),
}
"""Metric to why its value is by construction; for the others it is the correction in the order of the map."""
NOT_SHOWN = "This is of importance, which the pages of this study do not show; so it is told and not judged."
ORDERED: dict[Number, str] = {
    "importance": "The pages of this study order clusters by importance, which four of these metrics ask again (†). "
    "The weight stands beside it on the pages, and is judged.",
    "weight": "The pages of this study order clusters by their weight, so that is judged.",
}
"""What pages show first to what it means for the checks of clusters."""
ALONE = "A value alone says little: measure the maps that know nothing, random and gaussian, as well."
WIDE = "It has no mark: wide maps win by it, also those that know nothing of the photo."
CHANGES = "0 would mean that the map does not change at all, 1 that it changes by as much as it holds."
NO_MARK = {
    "c_completeness": "1 would mean that the shown clusters do all that the layer does to the class; what is missing "
    "comes from maps that are not shown.",
    "c_mass": "1 would mean that nothing of the layer's weight is left out.",
    "max_sensitivity": CHANGES,
    "average_sensitivity": CHANGES,
    **dict.fromkeys(WIDE_WIN, WIDE),
}


def tested(metric: str) -> str:
    """What was tested."""
    return METRICS[metric].sentence


def titles(metrics: Sequence[str]) -> str:
    """Metrics in a sentence; in quotes, since some titles are sentences themselves."""
    return words.listed([f"“{METRICS[metric].title}”" for metric in metrics])


def came_out(check: Check, values: NDArray[np.float64], beside: Mapping[str, float], seed: int) -> str:
    """The mean with its interval, and what it is held against: a number, or the means of controls."""
    found = interval_of(check.metric, values, seed)
    ends = said.ends(found)
    over = words.count(found.n, "photo")
    interval = f" (95{words.NBSP}%: {ends}; {over})" if ends else f" ({over})"
    better = METRICS[check.metric].better_end
    if check.mark is None:
        others = [f"a {said.title(control)} has {said.value(mean)}" for control, mean in beside.items()]
        return f"{said.value(found.mean)}{interval}; {better}." + (
            f" For comparison, {words.listed(others)}." * bool(others)
        )
    mark = "one half" if check.mark == HALF else words.number(check.mark, 0)
    return f"{said.value(found.mean)}{interval}; {better}, held against {mark}."


def means(check: Check) -> str:
    """What that means for a reader."""
    if check.state in {"made", "told"}:
        return _not_judged(check)
    if check.metric in MEANS:
        passed, failed = MEANS[check.metric]
        if check.state == "open":
            more = f"Chance could have put it on this side of the mark; more photos than {check.n:,} might tell."
            return _too_few(check) if check.fewest else more
        return passed if check.state == "passed" else failed
    return _beside_controls(check)


def _not_judged(check: Check) -> str:
    """Why a value has no mark, or is not held against it."""
    if check.state == "made":
        return MADE.get(check.metric, BY_CORRECTION)
    if check.reason == "not shown":
        return NOT_SHOWN
    if check.reason == "counted":
        other = METRICS[SAME[check.metric]].title
        return f"These clusters are ordered by their weight, so this is “{other}” again; it is counted there, once."
    alone = METRICS[check.metric].family in AGAINST_CONTROLS
    return NO_MARK.get(check.metric, ALONE if alone else "It has no mark; compare it with other methods.")


def _beside_controls(check: Check) -> str:
    behind = words.listed([f"a {said.title(name)}" for name in check.behind], "or")
    if check.state == "passed":
        all_controls = words.listed([f"a {said.title(name)}" for name in check.controls])
        return f"The map is better than {all_controls}, which know nothing of the photo, by more than chance."
    if check.state == "failed":
        return f"By this metric the map is worse than {behind}, which knows nothing of the photo."
    more = _too_few(check) if check.fewest else f"More photos than {check.n:,} might tell."
    return f"The map cannot be told from {behind}, which knows nothing of the photo. {more}"


def _too_few(check: Check) -> str:
    """Where not even photos that all agree could tell."""
    tests = f"{words.count(check.tests, 'test')} that {'is' if check.tests == 1 else 'are'} open"
    return f"Too few photos for the {tests}: it takes at least {check.fewest:,}."


def headline(network: str, checks: tuple[Check, ...]) -> tuple[str, str, str]:
    """How many checks are passed, in three parts; the middle one is emphasised."""
    judged = [one for one in checks if one.state in {"passed", "failed", "open"}]
    if not checks:
        return f"The explanations of {network} are", "not checked", " yet."
    if not judged:
        return f"The explanations of {network} are measured, and", "nothing", " of it has a mark."
    if all(one.state == "open" for one in judged):
        return (
            f"Of the explanations of {network}",
            "nothing",
            f" can be told yet: chance could have made {_all(judged)}.",
        )
    passed = sum(one.state == "passed" for one in judged)
    return f"The explanations of {network} pass", f"{passed} of {len(judged)}", " checks."


def _all(judged: Sequence[Check]) -> str:
    """What all of some checks came to."""
    return "what came out" if len(judged) == 1 else f"what came out of all {len(judged):,} checks"


def lead(checks: tuple[Check, ...]) -> str:
    """Which are failed, which are open, and how to take it."""
    parts = []
    if all(one.state in {"open", "told", "made"} for one in checks):
        return ""
    for state, text in (("failed", "Failed"), ("open", "Open, since chance could have made it")):
        names = [one.metric for one in checks if one.state == state]
        if names:
            which = titles(names) if len(names) <= NAMED else words.count(len(names), "check")
            parts.append(f"{text}: {which}.")
    if any(one.state == "passed" for one in checks):
        parts.append("A check that is passed is no proof: each asks one question only, and no check is fully reliable.")
    return " ".join(parts)
