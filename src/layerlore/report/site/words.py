"""What the words of a study add to its site: pages of concepts and classes, cards, and what is missing for them."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from layerlore.classes.storage import classes_are_current, has_classes, load_classes
from layerlore.classes.tcav_records import has_validation, load_validation
from layerlore.files import write_whole
from layerlore.report.site import class_pages, concept_pages
from layerlore.report.site.assets import digest, version
from layerlore.report.site.comparing import against
from layerlore.report.site.example_maps import MapJob, Shots, paint_maps
from layerlore.report.site.tcav_rows import tested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from layerlore.classes.records import ClassExplanation
    from layerlore.classes.tcav_records import Validation
    from layerlore.concepts.records import ConceptSet
    from layerlore.report.site.class_pages import Card
    from layerlore.report.site.example_maps import Keys
    from layerlore.report.site.scan import Shard
    from layerlore.report.site.summary import ClassRow, Summary
    from layerlore.study.study import Study


@dataclass(frozen=True)
class WordPages:
    """Pages of concepts and classes, not yet written.

    Attributes:
        pages: File in the site to what decides it, and how it is made.
        maps: File in the site to the maps that it is painted of.
        cards: Of the classes.
        concepts: Number of concepts; None where the study has no concepts.
        classes_stale: The class explanations are older than what they are made of.
        machine: The model that proposed the words, or "".
        agreement: How far the people agree, from `layerlore.concepts.agreement`; empty where that is not known.
        frame: What the pages share.
    """

    pages: Mapping[str, tuple[str, Callable[[], str]]]
    maps: Mapping[str, Keys]
    cards: tuple[Card, ...]
    concepts: int | None
    classes_stale: bool
    machine: str
    agreement: Mapping[str, Any]
    frame: concept_pages.Frame

    def with_page(self, file: str, decided_by: str, render: Callable[[concept_pages.Frame], str]) -> WordPages:
        """The same with a page beside the start page."""
        frame = replace(self.frame, root="")
        made = f"{decided_by}{_decided_by(frame)}"
        return replace(self, pages={**self.pages, file: (made, partial(render, frame))})

    @property
    def files(self) -> tuple[str, ...]:
        """All files in the site."""
        return (*self.pages, *self.maps)


def plan_words(
    study: Study,
    name: str,
    concepts: ConceptSet | None,
    summary: Summary,
    thumbs: Mapping[str, tuple[int, int]],
) -> WordPages:
    """What pages there are to be; nothing is written.

    Args:
        study: The study.
        name: Its name.
        concepts: Its concepts, where it has some.
        summary: Its photos in numbers.
        thumbs: image_id to size of the thumbnail, for photos with a page.

    Raises:
        FileFormatError: A file of the study cannot be used.
    """
    names = {image.image_id: image.name for image in study.images if image.image_id in thumbs}
    shots = Shots(study.manifest.current, names, thumbs)
    frame = concept_pages.Frame(
        name, version(), has_concepts=concepts is not None, simulated=concepts is not None and concepts.simulated
    )
    pages: dict[str, tuple[str, Callable[[], str]]] = {}
    if concepts is not None:
        for file, page in concept_pages.concept_pages(concepts, shots, names):
            pages[file] = _decided_by(page, frame), partial(concept_pages.render_concept, page, frame)
        of_all = (concepts.concepts, concepts.maps, concepts.fates)
        pages[concept_pages.INDEX] = (
            _decided_by(of_all, frame, names),
            partial(concept_pages.render_concepts, concepts, frame, names),
        )
    made = load_classes(study.folder) if has_classes(study.folder) else ()
    validation = load_validation(study.folder) if has_validation(study.folder) else None
    rows = {_label(row): row for row in (summary.classes or summary.answers)}
    cards = []
    for one in made:
        about = _class_page(study, one, made, concepts, rows, shots, validation)
        render = partial(class_pages.render_class, about, frame)
        pages[class_pages.class_file(one.label)] = _decided_by(about, frame), render
        cards.append(class_pages.card(one, rows.get(one.label.casefold()), shots))
    return WordPages(
        pages=pages,
        maps=shots.wanted,
        cards=tuple(sorted(cards, key=lambda card: card.title.casefold())),
        concepts=None if concepts is None else len(concepts.concepts),
        classes_stale=bool(made) and not classes_are_current(study),
        machine=concepts.source if concepts is not None and concepts.machine else "",
        agreement={} if concepts is None else concepts.facts.get("agreement", {}),
        frame=frame,
    )


def _decided_by(*content: object) -> str:
    return hashlib.sha256(repr((digest(), content)).encode()).hexdigest()[:16]


def _label(row: ClassRow) -> str:
    """The class as the study names it, whatever its case."""
    return (row.label or row.title).casefold()


def _class_page(
    study: Study,
    one: ClassExplanation,
    made: Sequence[ClassExplanation],
    concepts: ConceptSet | None,
    rows: Mapping[str, ClassRow],
    shots: Shots,
    validation: Validation | None,
) -> class_pages.ClassPage:
    known = {} if concepts is None else concepts.concepts
    return class_pages.class_page(
        one,
        rows.get(one.label.casefold()),
        shots,
        known=known,
        other=against(study, one, made, concepts, rows),
        tested=None if validation is None else tested(validation, one.label, known),
        shell_name=shlex.quote(study.folder.resolve().name or "study"),
    )


def write_words(
    study: Study,
    out: Path,
    plan: WordPages,
    shards: Sequence[Shard],
    before: Mapping[str, str],
    notes: dict[str, str],
    *,
    workers: int | None,
) -> None:
    """Write what has changed of the pages, and the maps that are not there yet.

    Args:
        study: The study.
        out: Folder of the site.
        plan: What is to be written.
        shards: The study's photos.
        before: Our files with what each was made from.
        notes: The same for the new site; filled.
        workers: Processes; None: as many as there are processors.

    Raises:
        FileFormatError: Explanations of the study cannot be read.
        OutputError: A file cannot be written.
    """
    for file, (decided_by, render) in plan.pages.items():
        if before.get(file) != decided_by or not (out / file).is_file():
            write_whole(out / file, render().encode())
        notes[file] = decided_by
    # What a map shows is in its name.
    due = {file: keys for file, keys in plan.maps.items() if file not in before or not (out / file).is_file()}
    jobs = []
    for shard in shards:
        inside = {image.image_id for image in shard.images}
        wanted = {file: keys for file, keys in due.items() if keys[0].image_id in inside}
        if wanted:
            place = study.folder.absolute(), out.absolute()  # workers may be older than the current folder
            jobs.append(MapJob(*place, study.manifest, shard.number, shard.images, wanted))
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        for job in jobs:
            paint_maps(job)
        return
    from joblib import Parallel, delayed

    Parallel(n_jobs=workers)(delayed(paint_maps)(job) for job in jobs)
