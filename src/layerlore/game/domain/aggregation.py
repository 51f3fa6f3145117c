"""Labels from many players (game.md 2.6): what is really in a map, and how far each player can be relied on.

A player who typed a label saw it, or made it up; one who did not may just have forgotten it. So every player has two
numbers, sensitivity and specificity (Dawid and Skene, 1979, with two coins and priors), fitted by expectation
maximisation. The plain rule "typed by at least two" stands beside it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SENSITIVITY = (4.0, 3.0)
SPECIFICITY = (8.0, 2.0)
# With a flat prior, three honest players a map are explained just as well by "all that was typed is there", and every
# posterior becomes 1. As if 100 labels had been judged before: F1 stays, the Brier score falls (bench/game_domain.py).
PREVALENCE = (50.0, 50.0)
EDGE = 1e-9


@dataclass(frozen=True)
class Answer:
    """What one player typed on one map in one language; an answer without labels is one too.

    Attributes:
        map_id: The map.
        player: The player.
        labels: Normal forms, or what they are merged into.
        language: Of the labels; not typing a word of a language one does not play in says nothing.
        device: Device cookie, or "".
    """

    map_id: str
    player: str
    labels: frozenset[str]
    language: str = ""
    device: str = ""


@dataclass(frozen=True)
class PlayerModel:
    """How far a player can be relied on; never shown to anybody but researchers.

    Attributes:
        player: Who.
        sensitivity: Probability of typing a label that is there.
        specificity: Probability of not typing, of the labels others typed on the map, one that is not there.
        answers: Answers it is based on.
        spread: Standard deviation of ``weight``.
    """

    player: str
    sensitivity: float
    specificity: float
    answers: int
    spread: float

    @property
    def weight(self) -> float:
        """From 0 (typing says nothing) to 1; below 0 the player types rather what is not there."""
        return self.sensitivity + self.specificity - 1

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of ``weight``."""
        return max(-1.0, self.weight - 1.96 * self.spread), min(1.0, self.weight + 1.96 * self.spread)


@dataclass(frozen=True)
class Verdict:
    """A label on a map.

    Attributes:
        map_id: The map.
        language: Language of the label.
        label: The label.
        posterior: Probability that it is there.
        typed: Players who typed it.
        seen: Players who had the map in that language.
    """

    map_id: str
    language: str
    label: str
    posterior: float
    typed: int
    seen: int


@dataclass(frozen=True)
class Aggregate:
    """Result of `two_coin`.

    Attributes:
        verdicts: Every label that was typed on a map, in the order of map, language and label.
        players: Every player, by name.
        prevalence: Share of typed labels that are there.
        iterations: Rounds of fitting that were needed.
    """

    verdicts: tuple[Verdict, ...]
    players: Mapping[str, PlayerModel]
    prevalence: float
    iterations: int


@dataclass
class _Sheet:
    """A map in one language: who had it and who typed what."""

    map_id: str
    language: str
    players: list[str]
    typers: dict[str, list[str]]
    posterior: dict[str, float]
    given: frozenset[str] = frozenset()


def two_coin(
    answers: Iterable[Answer],
    *,
    known: Mapping[str, frozenset[str]] | None = None,
    iterations: int = 100,
    tolerance: float = 1e-3,
) -> Aggregate:
    """Posterior of every label on its map, and a model of every player.

    The candidates of a map are the labels that anybody typed on it; who had the map and did not type one votes
    against it. Work grows with what was typed, not with the votes, since votes against are summed for a map at once.

    Args:
        answers: One for each finished round that counts, without control maps and players in shadow. A second answer
            of a player for a map and language is joined to the first.
        known: Honeypots with labels that are right on them, and blank maps with none. They teach about players. On a
            blank map every label is wrong. A honeypot has more to see than its list names, so a label that is not
            on it is estimated like any other.
        iterations: Rounds of fitting at most.
        tolerance: Fitting ends when no posterior moves by more.
    """
    sheets = _sheets(answers, known or {})
    asked: Counter[str] = Counter()
    for sheet in sheets:
        asked.update(sheet.players)
    fit = _Fit(sheets, asked)
    done = 0
    for done in range(1, iterations + 1):  # noqa: B007 - told in the result
        fit.learn_players()
        if fit.update_posteriors() < tolerance:
            break
    fit.learn_players()
    verdicts = tuple(
        Verdict(sheet.map_id, sheet.language, label, sheet.posterior[label], len(typers), len(sheet.players))
        for sheet in sheets
        for label, typers in sheet.typers.items()
    )
    return Aggregate(verdicts, {name: fit.model(name) for name in sorted(asked)}, fit.prevalence, done)


def _sheets(answers: Iterable[Answer], known: Mapping[str, frozenset[str]]) -> list[_Sheet]:
    """Answers by map and language, in a fixed order."""
    joined: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for answer in answers:
        joined[answer.map_id, answer.language][answer.player] |= answer.labels
    sheets = []
    for (map_id, language), by_player in sorted(joined.items()):
        typers: dict[str, list[str]] = {label: [] for label in sorted(set().union(*by_player.values()))}
        for player, labels in sorted(by_player.items()):
            for label in labels:
                typers[label].append(player)
        sheet = _Sheet(map_id, language, sorted(by_player), typers, {})
        right = known.get(map_id)
        if right is not None:
            sheet.given = right & typers.keys() if right else frozenset(typers)
        for label, names in typers.items():
            value = len(names) / len(by_player)
            sheet.posterior[label] = float(bool(right)) if label in sheet.given else value
        sheets.append(sheet)
    return sheets


class _Fit:
    """Expectation maximisation over the sheets; only `two_coin` uses it."""

    def __init__(self, sheets: list[_Sheet], asked: Counter[str]) -> None:
        self.sheets = sheets
        self.asked = asked
        self.prevalence = 0.5
        self.hits: dict[str, float] = {}
        self.there: dict[str, float] = {}
        self.false: dict[str, float] = {}
        self.absent: dict[str, float] = {}

    def learn_players(self) -> None:
        """Expected counts of each player, and the prevalence, from the posteriors."""
        self.hits, self.false = dict.fromkeys(self.asked, 0.0), dict.fromkeys(self.asked, 0.0)
        self.there, self.absent = dict.fromkeys(self.asked, 0.0), dict.fromkeys(self.asked, 0.0)
        true, total = PREVALENCE[0], sum(PREVALENCE)
        for sheet in self.sheets:
            present = sum(sheet.posterior.values())
            missing = len(sheet.posterior) - present
            for player in sheet.players:
                self.there[player] += present
                self.absent[player] += missing
            for label, typers in sheet.typers.items():
                value = sheet.posterior[label]
                for player in typers:
                    self.hits[player] += value
                    self.false[player] += 1 - value
            free = [value for label, value in sheet.posterior.items() if label not in sheet.given]
            true, total = true + sum(free), total + len(free)
        self.prevalence = true / total

    def update_posteriors(self) -> float:
        """Posteriors from the counts; returns the largest change."""
        silent: dict[str, float] = {}
        typed: dict[str, float] = {}
        for player in self.asked:
            sees, rejects = self._sensitivity(player), self._specificity(player)
            silent[player] = math.log((1 - sees) / rejects)
            typed[player] = math.log(sees / (1 - rejects)) - silent[player]
        start = math.log(self.prevalence / (1 - self.prevalence)) if 0 < self.prevalence < 1 else 0.0
        moved = 0.0
        for sheet in self.sheets:
            base = start + sum([silent[player] for player in sheet.players])
            for label, typers in sheet.typers.items():
                if label in sheet.given:
                    continue
                odds = base + sum([typed[player] for player in typers])
                value = 1 / (1 + math.exp(-max(-500.0, min(500.0, odds))))
                moved = max(moved, abs(value - sheet.posterior[label]))
                sheet.posterior[label] = value
        return moved

    def _sensitivity(self, player: str) -> float:
        hits, misses = SENSITIVITY
        return (self.hits[player] + hits) / (self.there[player] + hits + misses)

    def _specificity(self, player: str) -> float:
        rejected, false = SPECIFICITY
        return (self.absent[player] - self.false[player] + rejected) / (self.absent[player] + rejected + false)

    def model(self, player: str) -> PlayerModel:
        """Posterior means, and the spread of their sum."""
        sees, rejects = self._sensitivity(player), self._specificity(player)
        spread = math.sqrt(
            sees * (1 - sees) / (self.there[player] + sum(SENSITIVITY) + 1)
            + rejects * (1 - rejects) / (self.absent[player] + sum(SPECIFICITY) + 1)
        )
        return PlayerModel(player, sees, rejects, self.asked[player], spread)


def entropy(posteriors: Iterable[float]) -> float:
    """Bits that are left to know about a map: the sum of the entropies of its labels (game.md 2.4)."""
    inner = [value for value in posteriors if EDGE < value < 1 - EDGE]
    return -sum(value * math.log2(value) + (1 - value) * math.log2(1 - value) for value in inner)


def agreed(answers: Iterable[Answer], *, at_least: int = 2) -> dict[tuple[str, str, str], int]:
    """Labels that so many independent players typed: map, language and label, with the number of those players.

    Players on one device count once; an unknown device is one of its own.
    """
    typers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for answer in answers:
        who = f"device {answer.device}" if answer.device else f"player {answer.player}"
        for label in answer.labels:
            typers[answer.map_id, answer.language, label].add(who)
    return {name: len(who) for name, who in sorted(typers.items()) if len(who) >= at_least}


@dataclass(frozen=True)
class Lift:
    """How much more often a label is typed on a map than where only the class can suggest it (game.md 0.1).

    Attributes:
        map_id: The map.
        language: Language of the label.
        label: The label.
        lift: Ratio of the two rates; about 1 if the map adds nothing.
        typed: Players who typed it on the map.
        seen: Players who had the map.
        control_typed: Answers on control maps of the same class that have it.
        control_seen: Answers on control maps of the same class.
    """

    map_id: str
    language: str
    label: str
    lift: float
    typed: int
    seen: int
    control_typed: int
    control_seen: int


def lifts(answers: Iterable[Answer], controls: Iterable[Answer], classes: Mapping[str, str]) -> list[Lift]:
    """Lift of every label on every map, in the order of map, language and label.

    Both rates are (n + 1/2) / (N + 1), so that a label that no control map has does not become infinite.

    Args:
        answers: On the maps of the campaign.
        controls: On control maps: random regions of the same area.
        classes: Class of each map, control maps too.
    """
    control_seen: Counter[tuple[str, str]] = Counter()
    control_typed: Counter[tuple[str, str, str]] = Counter()
    for answer in controls:
        kind = (classes[answer.map_id], answer.language)
        control_seen[kind] += 1
        control_typed.update((*kind, label) for label in answer.labels)
    found = []
    for sheet in _sheets(answers, {}):
        kind = (classes[sheet.map_id], sheet.language)
        for label, typers in sheet.typers.items():
            counts = len(typers), len(sheet.players), control_typed[(*kind, label)], control_seen[kind]
            ratio = _rate(counts[0], counts[1]) / _rate(counts[2], counts[3])
            found.append(Lift(sheet.map_id, sheet.language, label, ratio, *counts))
    return found


def _rate(typed: int, seen: int) -> float:
    return (typed + 0.5) / (seen + 1)


@dataclass(frozen=True)
class Parroting:
    """Whether a player's labels follow the class or the map (game.md 2.6); bits for each label, from others' labels.

    Attributes:
        class_bits: Mean of log2 P(label | class) / P(label).
        map_bits: Mean of log2 P(label | map) / P(label).
        labels: Labels it is based on.
    """

    class_bits: float
    map_bits: float
    labels: int

    @property
    def score(self) -> float:
        """Above 0: the class predicts the labels better than the map does, as with who types what they know of it."""
        return max(0.0, self.class_bits) - max(0.0, self.map_bits)


def parroting(answers: Sequence[Answer], classes: Mapping[str, str]) -> dict[str, Parroting]:
    """Parrot score of each player who typed a label on a map that others had too.

    Probabilities leave the player out and are drawn, where little is known, from the map to the class and from the
    class to all labels, with the weight of one answer.

    Args:
        answers: On the maps of the campaign.
        classes: Class of each map.
    """
    counts = _LabelCounts(answers, classes)
    bits: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for answer in answers:
        for label in answer.labels if counts.others(answer) else ():
            everywhere, in_class, on_map = counts.rates(answer, label)
            bits[answer.player].append((math.log2(in_class / everywhere), math.log2(on_map / everywhere)))
    return {
        player: Parroting(
            sum(pair[0] for pair in pairs) / len(pairs), sum(pair[1] for pair in pairs) / len(pairs), len(pairs)
        )
        for player, pairs in sorted(bits.items())
    }


class _LabelCounts:
    """How often each label was typed overall, in each class and on each map, and by whom."""

    def __init__(self, answers: Sequence[Answer], classes: Mapping[str, str]) -> None:
        self.classes = classes
        self.seen: Counter[tuple[str, ...]] = Counter()
        self.typed: Counter[tuple[str, ...]] = Counter()
        for answer in answers:
            for place in self._places(answer):
                for scope in (place, (*place, "by", answer.player)):
                    self.seen[scope] += 1
                    self.typed.update((*scope, "label", label) for label in answer.labels)

    def _places(self, answer: Answer) -> tuple[tuple[str, ...], ...]:
        kind = self.classes[answer.map_id]
        return ("all", answer.language), ("class", answer.language, kind), ("map", answer.language, answer.map_id)

    def others(self, answer: Answer) -> int:
        """Answers of others on the same map."""
        place = self._places(answer)[2]
        return self.seen[place] - self.seen[(*place, "by", answer.player)]

    def rates(self, answer: Answer, label: str) -> tuple[float, float, float]:
        """Rates of a label among others: everywhere, in the class of the answer's map, on the map."""
        rate, found = 0.5 / (1 + self.seen[("all", answer.language)]), []
        for place in self._places(answer):
            own = (*place, "by", answer.player)
            typed = self.typed[(*place, "label", label)] - self.typed[(*own, "label", label)]
            rate = (typed + rate) / (self.seen[place] - self.seen[own] + 1)
            found.append(rate)
        return found[0], found[1], found[2]
