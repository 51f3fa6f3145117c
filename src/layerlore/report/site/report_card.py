"""The report card of a study's network: what ``layerlore evaluate`` found, as checks with plain sentences."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.evaluate.card import check_all
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.storage import DEFAULT
from layerlore.evaluate.summary import both_measured, interval_of
from layerlore.report import evaluation_words, words
from layerlore.report.html import environment, site_policy
from layerlore.report.site import report_card_words as said
from layerlore.report.site.assets import digest
from layerlore.report.site.overview import State
from layerlore.report.site.report_card_source import find_source, name_of
from layerlore.study.worker import other_versions
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from layerlore.evaluate.card import Check, Number
    from layerlore.evaluate.results import Evaluation
    from layerlore.report.site.concept_pages import Frame
    from layerlore.study.study import Study

FILE = "card.html"
OWN = {"stable": "inv", "paper": "inv_paper"}
"""Method of a study to the method of an evaluation that folds its maps into one."""
CONTROLS = ("random", "gaussian")
ENOUGH = 30
"""Photos that the commands ask for where a study has more: sanity and stability run a method many times for each."""

LONG = "which may take hours (methods run many times for each photo; a run that is stopped goes on)"


@dataclass(frozen=True)
class Row:
    """A check of the study's own method."""

    title: str
    sign: str
    state: str
    word: str
    tested: str
    came_out: str
    means: str


@dataclass(frozen=True)
class Cell:
    """One method by one metric in a table."""

    value: str
    ends: str
    sign: str
    state: str
    word: str


@dataclass(frozen=True)
class Section:
    """A family of metrics: what to know first, the checks, the table of all methods, and what is missing."""

    name: str
    title: str
    question: str
    note: State | None
    rows: tuple[Row, ...]
    heads: tuple[tuple[str, str], ...]
    table: tuple[tuple[str, bool, tuple[Cell | None, ...]], ...]
    missing: tuple[State, ...]


class Card:
    """What the page, and the start page, say of the evaluation of a study.

    Attributes:
        study: The study.
        source: Where the evaluation is kept, and whether it is of this study.
        evaluation: What was measured on the study's photos; None where there is nothing, or it is of another network.
        method: The method that folds the study's maps into one.
        checks: Of that method, those that were measured.
    """

    def __init__(self, study: Study, named: Path | None = None) -> None:
        """Read the evaluation.

        Args:
            study: The study.
            named: Folder of its evaluation; None: ``evaluation`` in the study's.

        Raises:
            FileFormatError: It is damaged, or the named folder holds none.
            SettingError: The named one is of another network, or of other photos.
        """
        self.study = study
        self.source = find_source(study, named)
        self.evaluation = self.source.evaluation
        self.method = OWN[study.manifest.settings.method]
        self._made: dict[str, dict[str, Check]] = {}
        self.checks: tuple[Check, ...] = ()
        if self.evaluation is not None and self.method in self.evaluation.methods:
            found = self._by_method(self.method).values()
            self.checks = tuple(
                one for one in found if METRICS[one.metric].family in said.SECTIONS and one.state != "missing"
            )

    @property
    def first(self) -> Number:
        """What the study's pages show of a cluster first."""
        settings = self.study.manifest.settings
        return "importance" if settings.method == "stable" and settings.ablation else "weight"

    @property
    def headline(self) -> tuple[str, str, str]:
        """How many checks are passed."""
        return said.headline(str(self.study.manifest.network["name"]), self.checks)

    @property
    def decided_by(self) -> str:
        """What the page is made from."""
        ids = [image.image_id for image in self.study.images]
        seen = (digest(), self.source.stamp, self.study.manifest, ids, present_versions())
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    def command(self, metrics: Sequence[str], *, restart: bool = False) -> str:
        """What to type to have these measured, and the page written again."""
        name, place = shlex.quote(name_of(self.study)), shlex.quote(self.source.told)
        parts = [f"layerlore evaluate {name} --methods {','.join((self.method, 'gradcam', *CONTROLS))}"]
        parts.append(f"--metrics {','.join(metrics)}")
        found = None if restart else self.source.stored
        if len(self.study.images) > ENOUGH:
            parts.append(f"--sample {ENOUGH}")
        if found is not None and found.seed:
            parts.append(f"--seed {found.seed}")
        if found is not None and found.facts["target"] != "predicted":
            parts.append(f"--target {shlex.quote(str(found.facts['target']))}")
        if restart:
            parts.append("--restart")
        if self.source.elsewhere:
            parts += ["--out", place]
        return f"{' '.join(parts)} && {self._writing}"

    @property
    def _writing(self) -> str:
        """What to type to have the pages written again."""
        named = f" --evaluation {shlex.quote(self.source.told)}" if self.source.elsewhere else ""
        return f"layerlore report {shlex.quote(name_of(self.study))}{named}"

    def states(self) -> Iterator[State]:
        """What a reader has to know first."""
        every = ("sanity", "faithfulness", "clusters", "robustness")
        if self.source.stored is None:
            yield State(
                f"Nothing was measured yet. To measure what this page needs, {LONG}:", command=self.command(every)
            )
            return
        if self.evaluation is None:
            yield State(
                f"The evaluation in this study is of another network: {self.source.another}. So it says nothing here. "
                "To begin anew:",
                command=self.command(every, restart=True),
                urgent=True,
            )
            return
        yield from self._doubts(self.evaluation)

    def _doubts(self, evaluation: Evaluation) -> Iterator[State]:
        """Where the evaluation is not quite of this study as it is now."""
        strangers, waiting = self.source.strangers, self.source.waiting
        if strangers:
            verb, them = ("is", "it is") if strangers == 1 else ("are", "they are")
            measured = len(evaluation.photos) + strangers
            yield State(
                f"{words.count(strangers, 'photo')} of {measured:,} that were measured {verb} not in the study: "
                f"{them} left out here.",
                urgent=not self.source.elsewhere,
            )
        if waiting:
            verb = "was" if waiting == 1 else "were"
            yield State(
                f"The evaluation stopped before its end: {words.count(waiting, 'photo')} {verb} not measured. "
                "The same command as then goes on, and what is said here may change.",
                urgent=True,
            )
        target = self.study.manifest.settings.target
        if evaluation.facts["target"] != target:
            yield State(
                f"The study explains {_target(target)}, the evaluation measured maps for "
                f"{_target(evaluation.facts['target'])}: what is said here is of the latter.",
                urgent=True,
            )
        for versions in evaluation.all_versions:
            if others := other_versions(versions, present_versions()):
                yield State(f"It was measured with {others}: the numbers may differ from what would come out now.")
        if evaluation.failed or evaluation.left_out:
            lines = [*evaluation.left_out.items(), *evaluation.failed.items()]
            yield State("Some of what was asked for was not measured.", "", "Which and why", tuple(lines[:ENOUGH]))
        if 0 < len(evaluation.photos) < 10:
            yield State(evaluation_words.few(evaluation))
        if evaluation.given_options:
            yield State(f"Methods had options of their own: {evaluation.given_options}.")
        if self.method not in evaluation.methods:
            yield State(
                f"This study's own maps (method {self.method}) were not measured, so there is no check of them, only "
                "the table of other methods. To measure them:",
                command=self.command(evaluation.metrics),
                urgent=True,
            )

    def sections(self) -> Iterator[Section]:
        """The families, in the order of the page."""
        for family, (title, question) in said.SECTIONS.items():
            names = [name for name, info in METRICS.items() if info.family == family]
            measured = [name for name in names if self._has(name)]
            ours = sorted(
                (one for one in self.checks if one.metric in names), key=lambda one: said.JUDGED.index(one.state)
            )
            rows = tuple(self._row(one) for one in ours)
            heads = tuple((METRICS[n].title, METRICS[n].better_end) for n in measured)
            table = tuple(self._table(measured))
            if rows and len(table) == 1:
                table = ()  # the checks say all of it
            note = self._ordered() if family == "clusters" and rows else None
            yield Section(family, title, question, note, rows, heads, table, tuple(self._missing(family, names)))

    def _ordered(self) -> State:
        """By what the study's pages order clusters, and how to have them ordered by importance."""
        text = said.ORDERED[self.first]
        if self.first == "importance" or self.study.manifest.settings.method == "paper":
            return State(text)
        again = f"layerlore study run {shlex.quote(name_of(self.study))} --ablation && {self._writing}"
        return State(f"{text} To have importance on them, which asks the network itself:", command=again)

    def _has(self, metric: str) -> bool:
        found = self.evaluation
        return found is not None and any(not np.isnan(found.values(m, metric)).all() for m in found.methods)

    def _row(self, one: Check) -> Row:
        if self.evaluation is None:
            raise ValueError("a check needs an evaluation")
        values = self.evaluation.values(self.method, one.metric)
        sign, word = said.STATES[one.state]
        beside = {
            control: float(both_measured(self.evaluation, one.metric, self.method, control)[1].mean())
            for control in one.controls
        }
        out = said.came_out(one, values[~np.isnan(values)], beside, self.evaluation.seed)
        title = METRICS[one.metric].title
        return Row(title, sign, one.state, word, said.tested(one.metric), out, said.means(one))

    def _table(self, measured: Sequence[str]) -> Iterator[tuple[str, bool, tuple[Cell | None, ...]]]:
        found = self.evaluation
        if found is None:
            return
        for method in found.methods:
            checks = self._by_method(method)
            cells = tuple(_cell(found, checks[metric]) for metric in measured)
            if any(cells):
                yield evaluation_words.title(method), method == self.method, cells

    def _by_method(self, method: str) -> dict[str, Check]:
        """All checks of a method, made once."""
        if self.evaluation is not None and method not in self._made:
            first = self.first if method == self.method else None
            self._made[method] = check_all(self.evaluation, method, first)
        return self._made[method]

    def _missing(self, family: str, names: Sequence[str]) -> Iterator[State]:
        """What was not measured, and the command."""
        if self.source.another:
            return  # the page says so once
        have = {one.metric for one in self.checks}
        left = [name for name in names if name not in have]
        if not left:
            return
        titles = said.titles(left)
        asked = [family] if len(left) == len(names) else left
        command = self.command(asked)
        if family == "localisation":
            text = f"Not measured: {titles}. It has to be known where the objects are: put objects.csv or masks/ into "
            yield State(f"{text}the study's folder, or name them by --truth. Then:", command=command)
            return
        again = family == "clusters" or any("explainer" in METRICS[name].needs for name in left)
        long = f", {LONG}" if again and family != "faithfulness" else ""
        them = "it" if len(left) == 1 else "them"
        yield State(f"Not measured: {titles}. To measure {them}{long}:", command=command)

    def figures(self) -> tuple[tuple[str, str, str], ...]:
        """The numbers in a row: name, value, note."""
        found = self.evaluation
        if found is None:
            return ()
        counted = [
            (said.STATES[state][1].capitalize(), f"{amount:,}", "")
            for state in ("passed", "failed", "open", "told", "made")
            if (amount := sum(one.state == state for one in self.checks))
        ]
        photos = f"of {len(self.study.images):,} in the study"
        return (
            *counted,
            ("Photos measured", f"{len(found.photos):,}", photos),
            ("Methods", f"{len(found.methods)}", ""),
        )

    def facts(self) -> tuple[tuple[str, str], ...]:
        """How the evaluation was made; no folder of the machine."""
        found = self.evaluation
        if found is None:
            return ()
        made = [
            ("network", f"{found.facts['network']}, weights {found.facts['fingerprint'][:12]}"),
            ("map that is checked", f"{evaluation_words.title(self.method)} ({self.method})"),
            ("clusters are ordered by", self.first),
            ("class", _target(found.facts["target"])),
            ("seed", str(found.seed)),
            ("options", found.given_options),
            *(("versions", words.versions(one)) for one in found.all_versions),
        ]
        return tuple((key, text) for key, text in made if text)


def render_card(card: Card, frame: Frame) -> str:
    """The page as HTML."""
    return (
        environment()
        .get_template("site/report_card.html.j2")
        .render(
            policy=site_policy(),
            frame=frame,
            title="Report card",
            words=words,
            headline=card.headline,
            lead=said.lead(card.checks),
            states=tuple(card.states()),
            figures=card.figures(),
            sections=tuple(card.sections()) if card.evaluation is not None else (),
            facts=card.facts(),
            whole=f"{card.source.told}/{DEFAULT}.html",
        )
    )


def _cell(evaluation: Evaluation, one: Check) -> Cell | None:
    if one.mean is None:
        return None
    control = evaluation_words.is_control(one.method)
    sign, word = ("", "") if control or one.state == "told" else said.STATES[one.state]
    values = evaluation.values(one.method, one.metric)
    found = interval_of(one.metric, values[~np.isnan(values)], evaluation.seed)
    return Cell(evaluation_words.value(one.mean), evaluation_words.ends(found), sign, one.state, word)


def _target(target: str) -> str:
    return {"predicted": "the network's own answer", "label": "each photo's own class"}.get(target, target)
