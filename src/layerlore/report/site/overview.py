"""The page ``index.html``: sentences, states and numbers of the overview, and the frame of the grids."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerlore.report import view, words
from layerlore.report.html import environment, site_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from layerlore.report.site.summary import Summary
    from layerlore.report.site.words import WordPages
    from layerlore.study.records import Skipped, StudySettings

FIRST_ROWS = 30
FIRST_CARDS = 24
LISTED_CONFUSIONS = {True: 10, False: 40}
LISTED_FILES = 30
TARGETS = {"predicted": "the network's own answer", "label": "the photo's own class"}


@dataclass(frozen=True)
class Study:
    """What the overview says about the study, apart from its photos.

    Attributes:
        name: Name of the study's folder.
        network: Table ``network`` of ``study.toml``.
        settings: Settings of the set that is shown.
        set_hash: Its hash.
        source: Where the photos came from, in one word or a name.
        skipped: Files that are no photos of the study.
        missing: Photos whose file is gone: name and reason.
        versions: Libraries that made it.
        simulated: A program, not people, gave the words.
    """

    name: str
    network: Mapping[str, object]
    settings: StudySettings
    set_hash: str
    source: str
    skipped: Sequence[Skipped]
    missing: Sequence[tuple[str, str]]
    versions: Mapping[str, str]
    simulated: bool = False


@dataclass(frozen=True)
class State:
    """Something that is not as it should be at the end: one sentence, what to do, and the files."""

    text: str
    command: str = ""
    summary: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    more: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class Figure:
    """A number with its name."""

    name: str
    value: str
    note: str = ""


def render_index(
    study: Study,
    summary: Summary,
    said: WordPages | None = None,
    card: tuple[str, str, str] | None = None,
    *,
    version: str,
    data_version: str,
) -> str:
    """The overview as HTML; grids and search come with the site's script.

    Args:
        study: The study.
        summary: Its photos in numbers.
        said: What words add to the site.
        card: Headline of the report card; None where there is no such page.
        version: Query for shared files, as in `Place`.
        data_version: Likewise for the list of photos.
    """
    return (
        environment()
        .get_template("site/index.html.j2")
        .render(
            policy=site_policy(),
            version=version,
            data_version=data_version,
            words=words,
            study=study.name,
            simulated=study.simulated,
            shell_name=shlex.quote(study.name),
            headline=headline(str(study.network["name"]), summary),
            lead=lead(summary),
            states=tuple(states(study, summary)),
            figures=tuple(figures(study, summary)),
            summary=summary,
            said=said,
            card=card,
            class_states=tuple(class_states(study, summary, said)),
            cards_first=FIRST_CARDS,
            rows=summary.classes or summary.answers,
            rows_first=FIRST_ROWS,
            heads=_heads(summary),
            unlabelled=summary.photos - summary.labelled if summary.labelled else 0,
            confusions=summary.confusions[: LISTED_CONFUSIONS[summary.matrix is not None]],
            provenance=_provenance(study),
        )
    )


def headline(network: str, summary: Summary) -> tuple[str, str, str]:
    """What the network got right, in one sentence: before the number, the number, after it."""
    if not summary.photos:
        return "This study has", "no photos", "."
    if not summary.explained:
        return f"{network} has answered", "no photo yet", "."
    if not summary.judged:
        return (
            f"{network} has answered",
            words.count(summary.explained, "photo"),
            "; nothing says which answers are right.",
        )
    share = words.percent(100 * summary.right / summary.judged)
    right = f"{summary.right:,} of {words.count(summary.judged, 'photo')}"
    return f"{network} got", right, f" right ({share})."


def lead(summary: Summary) -> str:
    """The second sentence: what stands beside the first number, or why there is none."""
    if not summary.explained:
        return ""
    if not summary.labelled:
        return (
            "The photos carry no classes of their own. "
            "Photos in one sub-folder for each class, or a list with a column “class”, would."
        )
    if not summary.judged:
        return "The photos have classes, but the network knows none of them by these names."
    if summary.top5 == summary.right:
        return (
            "Where it is wrong, the right class is not among its five likeliest either."
            if summary.right < summary.judged
            else ""
        )
    share = words.percent(100 * summary.top5 / summary.judged)
    text = f"In {share} of them the right class is among its five likeliest."
    weakest = min((row for row in summary.classes if row.accuracy is not None), key=lambda row: row.accuracy or 0.0)
    if len(summary.classes) > 1 and weakest.right is not None and weakest.right < weakest.explained:
        text += f" Weakest is {weakest.title}: {weakest.right:,} of {weakest.explained:,}."
    return text


def states(study: Study, summary: Summary) -> Iterator[State]:
    """What a reader has to know before trusting the numbers."""
    name = shlex.quote(study.name)
    if not summary.photos:
        yield State("No usable photo was found when the study was made.", urgent=True)
    if summary.waiting:
        verb = "is" if summary.waiting == 1 else "are"
        yield State(
            f"{words.count(summary.waiting, 'photo')} of {summary.photos:,} {verb} not explained yet. To go on:",
            command=f"layerlore study run {name} && layerlore report {name}",
            urgent=True,
        )
    if summary.failed:
        lines = [(image.name, image.problem) for image in summary.failed]
        yield _listed(
            f"{words.count(len(lines), 'photo')} could not be explained.", "Which and why", lines, urgent=True
        )
    if study.missing:
        text = f"The files of {words.count(len(study.missing), 'photo')} are gone or changed; "
        text += "their pages show a plain ground."
        yield _listed(text, "Which", study.missing, urgent=True)
    known = {row.index is not None for row in summary.classes}
    if known == {True, False}:
        lines = [(row.title, words.count(row.photos, "photo")) for row in summary.classes if row.index is None]
        yield _listed(
            f"{words.count(len(lines), 'class', 'classes')} of {len(summary.classes):,} "
            f"{'is' if len(lines) == 1 else 'are'} unknown to the network; "
            "their photos do not count for the accuracy.",
            "Which",
            lines,
        )
    if len(summary.classes) == 1 and summary.judged:
        yield State(
            "All photos are of one class, so there is no table of confusions, only the list of what it was taken for."
        )
    if study.skipped:
        lines = [(skipped.path, skipped.detail) for skipped in study.skipped]
        counts = {reason: sum(s.reason == reason for s in study.skipped) for reason in ("unreadable", "duplicate")}
        said = words.listed([f"{count:,} {reason}" for reason, count in counts.items() if count])
        yield _listed(f"Left out when the study was made: {said}.", "Which files", lines)


def class_states(study: Study, summary: Summary, said: WordPages | None) -> Iterator[State]:
    """What is missing for, or has to be known of, the words of the study."""
    name = shlex.quote(study.name)
    again = f"&& layerlore report {name}"
    if said is None or not summary.explained:
        return
    if said.machine:
        yield State(f"The words are proposals of a model ({said.machine}); nobody has said them.", urgent=True)
    if said.concepts is None:
        yield State(
            "Nobody has named yet what the maps show. With answers of people in the study:",
            command=f"layerlore concepts {name} {again}",
        )
    if agreement := _agreement(said.agreement):
        yield agreement
    if not said.cards:
        yield State("Classes are not explained yet. To explain them:", command=f"layerlore classes {name} {again}")
    elif said.classes_stale:
        yield State(
            "The explanations of classes are older than the words or the photos. To bring them up to date:",
            command=f"layerlore classes {name} {again}",
        )


def _agreement(found: Mapping[str, Any]) -> State | None:
    """How far the people agree; None where no two had the same map."""
    whole = found.get("all", {})
    if whole.get("alpha") is None:
        return None
    ends = found["convergence"]["raters"]
    stay = "" if ends is None else f" A map's best words stay after {words.number(ends, 1)} people (median)."
    on = words.count(whole["maps"], "map")
    text = f"How far people agree on {on}: Krippendorff's alpha {_alpha(whole)}; 1 is full agreement, 0 chance.{stay}"
    lines = [(layer, _alpha(one)) for layer, one in found["layers"].items() if one["alpha"] is not None]
    return _listed(text, "By layer", lines)


def _alpha(part: Mapping[str, Any]) -> str:
    """Alpha with its interval, where it has one."""
    interval = (
        "" if part["low"] is None else f" (95 %: {words.number(part['low'], 2)} to {words.number(part['high'], 2)})"
    )
    return f"{words.number(part['alpha'], 2)}{interval}"


def _listed(text: str, summary: str, lines: Sequence[tuple[str, str]], *, urgent: bool = False) -> State:
    more = len(lines) - LISTED_FILES
    return State(text, "", summary, tuple(lines[:LISTED_FILES]), f"{more:,}" if more > 0 else "", urgent)


def figures(study: Study, summary: Summary) -> Iterator[Figure]:
    """The numbers in a row."""
    yield Figure("Photos", f"{summary.photos:,}")
    if summary.classes:
        yield Figure("Classes", f"{len(summary.classes):,}")
    done = "all of them" if summary.explained == summary.photos else f"of {summary.photos:,}"
    yield Figure("Explained", f"{summary.explained:,}", done)
    if summary.judged:
        yield Figure(
            "Accuracy", words.percent(100 * summary.right / summary.judged), f"{summary.right:,} of {summary.judged:,}"
        )
        yield Figure(
            "Top five", words.percent(100 * summary.top5 / summary.judged), f"{summary.top5:,} of {summary.judged:,}"
        )
    if summary.confidence is not None:
        yield Figure("Mean confidence", words.percent(100 * summary.confidence), "of the likeliest class")
    if study.skipped:
        duplicates = sum(skipped.reason == "duplicate" for skipped in study.skipped)
        unreadable = len(study.skipped) - duplicates
        notes = [f"{unreadable:,} unreadable"] * bool(unreadable) + [words.count(duplicates, "duplicate")] * bool(
            duplicates
        )
        yield Figure("Left out", f"{len(study.skipped):,}", ", ".join(notes))
    if summary.failed:
        yield Figure("Failed", f"{len(summary.failed):,}")


def _heads(summary: Summary) -> list[dict[str, str]]:
    """Headings of the table of classes; "up": the first click on it sorts from small to large."""
    heads = [("Class" if summary.classes else "Answer", "up"), ("Photos", "down")]
    if summary.judged:
        heads.append(("Accuracy", "up"))
    heads.append(("Mean confidence", "up"))
    if summary.judged:
        heads.append(("Most frequent mistake", "down"))
    return [{"name": name, "sort": sort} for name, sort in heads]


def _provenance(study: Study) -> tuple[view.Group, ...]:
    network, settings = study.network, study.settings
    size = network["input_size"]
    sides = words.times(*size) if isinstance(size, list | tuple) else str(size)
    made = {
        "photos from": study.source,
        "set": study.set_hash,
        "method": settings.method,
        "seed": settings.seed,
        "explained": TARGETS.get(settings.target, f"class {settings.target}"),
        "layers": settings.layers,
        "effects of removing": "measured" if settings.ablation else "not measured",
        "links between layers": "traced" if settings.flow else "not traced",
    }
    what = {
        "name": network["name"],
        "spec": network["spec"],
        "fingerprint": network["fingerprint"],
        "input": f"{sides} pixels",
        "classes": network["classes"],
    }
    groups = (("network", what), ("settings", made), ("versions", study.versions))
    return tuple(view.Group(title, tuple(view.flat(tree))) for title, tree in groups if tree)
