"""The page of two studies: what got worse first, then layers and photos by how much they changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.report import words
from layerlore.report.compare_words import change
from layerlore.report.html import environment, joined, notebook_frame, page_policy, script
from layerlore.report.saving import save_text
from layerlore.study.diff_records import CHANGED, NEWLY_RIGHT, NEWLY_WRONG

if TYPE_CHECKING:
    from layerlore.local.explanation import Prediction
    from layerlore.study.diff_records import PhotoDiff, StudyDiff

STYLES = ("shared/tokens.css", "shared/base.css", "compare_diff.css")
SCRIPTS = ("shared/switch.js",)


@dataclass(frozen=True)
class Line:
    """One photo as a row of the page."""

    photo: PhotoDiff
    before: str
    after: str
    confidence: str
    change: str
    width: float
    layer: str
    addresses: tuple[tuple[str, str], ...]


def save_diff(found: StudyDiff, path: str | Path) -> Path:
    """Write a difference: ``.html`` for a page, ``.csv`` for a table of photos, ``.json`` for everything.

    The page links to the studies' own pages where these were written.

    Returns:
        The path written.

    Raises:
        OutputError: The suffix is unknown, the folder is missing, or the place cannot be written.
    """
    sites = _sites(found, Path(path).parent)
    return save_text(
        path, {".html": lambda: render_diff(found, sites=sites), ".csv": found.to_csv, ".json": found.to_json}
    )


def render_diff(found: StudyDiff, *, sites: tuple[str, str] = ("", "")) -> str:
    """The difference as one self-contained HTML file that is read without scripts.

    Args:
        found: The difference.
        sites: Address of the first page of each study's site, or "" where there is none.
    """
    early, main = joined(["shared/theme.js"]), script(SCRIPTS)
    return (
        environment()
        .get_template("compare_diff.html.j2")
        .render(
            d=found,
            words=words,
            change=change,
            policy=page_policy(early, main),
            styles=joined(STYLES),
            early_script=early,
            main_script=main,
            headline=headline(found),
            lead=lead(found),
            figures=figures(found),
            flips=[
                (title, [_line(found, photo, sites) for photo in found.of_kind(kind)])
                for kind, title in (
                    (NEWLY_WRONG, "Newly wrong"),
                    (NEWLY_RIGHT, "Newly right"),
                    (CHANGED, "Another answer" + (", wrong before and after, or not judged" if found.judged else "")),
                )
            ],
            same=[_line(found, photo, sites) for photo in found.alike],
            other=[_line(found, photo, sites) for photo in found.photos if not photo.same_target],
        )
    )


def diff_notebook_html(found: StudyDiff) -> str:
    """The page inside a frame, for a notebook's output cell."""
    return notebook_frame(render_diff(found), f"LayerLore: {found.a.folder.name} and {found.b.folder.name}")


def headline(found: StudyDiff) -> tuple[tuple[str, bool], ...]:
    """What got worse, in one sentence of parts; True marks the emphasised ones."""
    wrong, right = len(found.of_kind(NEWLY_WRONG)), len(found.of_kind(NEWLY_RIGHT))
    if found.judged:
        return (
            ("From A to B ", False),
            (f"{words.count(wrong, 'photo')} became wrong", True),
            (f" and {right:,} right of {words.count(found.judged, 'judged photo')}; ", False),
            *_mean(found),
        )
    changed = len(found.of_kind(CHANGED))
    return (
        ("From A to B ", False),
        (f"{words.count(changed, 'answer')} changed", True),
        (f" of {words.count(len(found.photos), 'photo')}; ", False),
        *_mean(found),
    )


def _mean(found: StudyDiff) -> tuple[tuple[str, bool], ...]:
    if found.mean_change is None:
        return (("no photo is explained for the same class on both sides.", False),)
    if found.max_change == 0:
        return (("what the layers look at did not change.", False),)
    return (("what the layers look at changed by ", False), (change(found.mean_change), True), (" on average.", False))


def lead(found: StudyDiff) -> tuple[str, ...]:
    """What is not in the numbers: photos that are left out, other classes, other settings."""
    told = []
    other = len(found.photos) - len(found.alike)
    if other:
        apart = change(found.mean_change_other_class or 0.0)
        told.append(
            f"{_are(other)} explained for another class in B than in A; "
            f"their change ({apart} on average) is kept apart."
        )
    for amount, where in ((found.only_a, "only in A"), (found.only_b, "only in B")):
        if amount:
            told.append(f"{_are(amount)} {where}.")
    if found.unexplained:
        told.append(f"{_are(found.unexplained)} in both studies but not explained in both.")
    return (*told, *found.notes)


def _are(amount: int) -> str:
    return f"{words.count(amount, 'photo')} {'is' if amount == 1 else 'are'}"


def figures(found: StudyDiff) -> tuple[tuple[str, str, str], ...]:
    """Summary numbers: what, how much, beside what."""
    result = [
        ("Photos in both", f"{len(found.photos):,}", f"A has {found.a.photos:,}, B has {found.b.photos:,}"),
        ("Newly wrong", f"{len(found.of_kind(NEWLY_WRONG)):,}", f"of {found.judged:,} whose class is known"),
        ("Newly right", f"{len(found.of_kind(NEWLY_RIGHT)):,}", f"of {found.judged:,} whose class is known"),
        ("Other answers changed", f"{len(found.of_kind(CHANGED)):,}", f"of {len(found.photos):,}"),
    ]
    if found.accuracy_before is not None and found.accuracy_after is not None:
        before, after = words.percent(found.accuracy_before), words.percent(found.accuracy_after)
        result.append(("Accuracy", after, f"before {before}"))
    if found.mean_change is not None and found.max_change is not None:
        result.append(("Mean change", change(found.mean_change), f"largest of a photo {change(found.max_change)}"))
    result.append(
        ("Confidence", f"{_points(found.confidence_change)} points", "mean change of the answers' probability")
    )
    return tuple(result)


def _line(found: StudyDiff, photo: PhotoDiff, sites: tuple[str, str]) -> Line:
    most = max(range(len(photo.layers)), key=lambda i: (photo.layers[i], -i), default=None)
    layer = "" if most is None or photo.layers[most] == 0 else f"{found.layers[most].name} {change(photo.layers[most])}"
    return Line(
        photo=photo,
        before=_answer(photo.before),
        after=_answer(photo.after),
        confidence=_points(photo.confidence_change),
        change=change(photo.change),
        width=100 * photo.change,
        layer=layer,
        addresses=tuple(
            (letter, f"{site}#photo/{photo.image_id}") for letter, site in zip("AB", sites, strict=True) if site
        ),
    )


def _points(value: float) -> str:
    """A change of probability in percentage points, with its sign."""
    text = words.number(100 * value)
    return f"+{text}" if value > 0 and float(text) else text


def _answer(prediction: Prediction) -> str:
    return f"{prediction.name} ({words.probability(prediction.probability)})"


def _sites(found: StudyDiff, home: Path) -> tuple[str, str]:
    """Addresses of both studies' sites as seen from the folder of the page."""
    first = [side.folder / "report" / "index.html" for side in (found.a, found.b)]
    before, after = (Path(os.path.relpath(page, home)).as_posix() if page.is_file() else "" for page in first)
    return before, after
