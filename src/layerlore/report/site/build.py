"""Writing the site of a study: what has changed, by as many processes as there are processors."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.concepts.storage import has_concepts, load_concepts
from layerlore.errors import OutputError
from layerlore.files import write_whole
from layerlore.report.labels import by_photo, nobodys
from layerlore.report.site import ours
from layerlore.report.site.assets import assets, digest, version, version_of
from layerlore.report.site.listing import listing
from layerlore.report.site.overview import Study as About
from layerlore.report.site.overview import render_index
from layerlore.report.site.pages import Job, files_of, thumb_size, write_pages
from layerlore.report.site.place import Place
from layerlore.report.site.report_card import FILE, Card, render_card
from layerlore.report.site.scan import Shard, scan
from layerlore.report.site.summary import class_address, names_of_classes, summarise, title_of
from layerlore.report.site.words import plan_words, write_words
from layerlore.study.folder import REPORT, image_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from layerlore.concepts.records import ConceptSet
    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study

GONE_MARK = "!"
"""Ends the note of a page whose photo is gone."""
SAVE_SECONDS = 5.0


@dataclass(frozen=True)
class Site:
    """What was written.

    Attributes:
        index: The page to open.
        photos: Photos of the study.
        pages: Photos that have a page.
        written: Pages written now.
        unchanged: Pages that were as they should be.
        removed: Pages of photos that the study has no longer.
        waiting: Photos without a page that no run has come to yet.
        failed: Photos without a page that could not be explained.
        missing: Names of the photos whose file is gone or changed; their pages show a plain ground.
        seconds: Wall time.
    """

    index: Path
    photos: int
    pages: int
    written: int
    unchanged: int
    removed: int
    waiting: int
    failed: int
    missing: tuple[str, ...]
    seconds: float


def write_site(
    study: Study,
    out: Path | None = None,
    *,
    evaluation: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Site:
    """Write the site of a study, or bring it up to date; what has not changed stays as it is.

    Args:
        study: The study; it need not be complete.
        out: Folder to write to; None: ``report`` in the study's folder.
        evaluation: Folder of the evaluation for the report card; None: ``evaluation`` in the study's, if it is there.
        workers: Processes; None: as many as there are processors.
        progress: Told how many of how many pages are written.

    Raises:
        OutputError: The folder is not empty and not ours, or cannot be written.
        FileFormatError: Explanations of the study cannot be read, or the named folder holds no evaluation.
        SettingError: The named evaluation is of another network, or of other photos.
    """
    began = time.perf_counter()
    out = study.folder / REPORT if out is None else out
    before = ours.read_ours(out)
    card = Card(study, evaluation)
    shards = list(scan(study))
    images = sorted((image for shard in shards for image in shard.images), key=by_name)
    names = names_of_classes(images)
    places = _places(study, images, names)
    concepts = load_concepts(study.folder) if has_concepts(study.folder) else None
    said = _said(concepts, places)
    wanted = _wanted(study, shards, places, said)
    summary = summarise(images, names)
    views = {image_id: size for shard in shards for image_id, size in shard.views.items()}
    thumbs = {image_id: thumb_size(views[image_id]) for image_id in places}
    plan = plan_words(study, _name(study), concepts, summary, thumbs)
    plan = plan.with_page(FILE, card.decided_by, lambda frame: render_card(card, frame))
    fixed = ["index.html", "data/photos.js", *assets(), *plan.files]
    all_files = [*fixed, *(path for image_id in places for path in files_of(image_id))]
    ours.check_free(out, all_files, before)
    _make_folders(out)

    stale = {i for i in places if not _up_to_date(out, i, before, wanted[i])}
    notes = {path: before.get(path, "") for path in {*before, *all_files}}
    notes |= {files_of(image_id)[0]: "" for image_id in stale}
    ours.write_ours(out, notes)
    try:
        jobs = _jobs(study, out, shards, places, stale, said)
        _write_photos(out, jobs, wanted, notes, workers=workers, total=len(stale), progress=progress)
        write_words(study, out, plan, shards, before, notes, workers=workers)
    finally:
        # Whatever stopped it: what is written need not be written again.
        with contextlib.suppress(OutputError):
            ours.write_ours(out, notes)

    gone = [i for i in images if notes.get(files_of(i.image_id)[0], "").endswith(GONE_MARK)]
    photos = listing(images, names, thumbs)
    index = render_index(
        _about(study, gone, said), summary, plan, card.headline, version=version(), data_version=version_of(photos)
    )
    for path, content in {**assets(), "data/photos.js": photos, "index.html": index}.items():
        _write_changed(out / path, content.encode())
    removed = ours.remove_stale(out, before, all_files)
    ours.write_ours(out, {path: notes.get(path, "") for path in all_files})
    return Site(
        index=out / "index.html",
        photos=summary.photos,
        pages=len(places),
        written=len(stale),
        unchanged=len(places) - len(stale),
        removed=removed,
        waiting=summary.waiting,
        failed=len(summary.failed),
        missing=tuple(image.name for image in gone),
        seconds=time.perf_counter() - began,
    )


def by_name(image: ImageRecord) -> tuple[list[tuple[str, int]], str]:
    """Order of grids and of next and previous: file names, with "photo 2" before "photo 10"."""
    parts = re.findall(r"(\D*)(\d*)", image.name.casefold())
    return [(text, int(number or -1)) for text, number in parts], image.image_id


def _places(study: Study, images: Sequence[ImageRecord], names: Mapping[int, str]) -> dict[str, Place]:
    """Where each explained photo stands: among the photos of its class, in the order of the grids."""
    groups: dict[str | None, list[ImageRecord]] = {}
    for image in images:
        if image.predicted is not None:
            groups.setdefault(image.label, []).append(image)
    places = {}
    for label, group in groups.items():
        title = "" if label is None else title_of(label, group[0].class_index, names)
        ids = ["", *(image.image_id for image in group), ""]
        for position, image in enumerate(group, start=1):
            places[image.image_id] = Place(
                image_id=image.image_id,
                version=version(),
                study=_name(study),
                group=title,
                group_address=class_address(label),
                position=position,
                size=len(group),
                previous=ids[position - 1],
                following=ids[position + 1],
                truth=title,
                known=image.class_index is not None,
                right=image.correct,
            )
    return places


def _name(study: Study) -> str:
    return study.folder.resolve().name or "study"


def _said(concepts: ConceptSet | None, places: Mapping[str, Place]) -> dict[str, ConceptSet]:
    """image_id to what was said of its maps; empty where the study has no concepts."""
    if concepts is None:
        return {}
    return dict.fromkeys(places, nobodys(concepts)) | by_photo(concepts)


def _wanted(
    study: Study, shards: Sequence[Shard], places: Mapping[str, Place], said: Mapping[str, ConceptSet]
) -> dict[str, str]:
    """image_id to what decides its page: settings, explanation, photo, neighbours, words, and our own templates."""
    root = image_root(study.folder, study.manifest.images)
    result = {}
    for shard in shards:
        for image in shard.images:
            if image.image_id not in places:
                continue
            try:
                file = (root / image.path).stat()
                photo = f"{file.st_size} {file.st_mtime_ns}"
            except OSError:
                photo = "gone"
            found = said.get(image.image_id)
            heard = (found, found.fates) if found else None
            place = astuple(places[image.image_id])
            seen = (study.manifest.current, shard.bytes, digest(), photo, image.name, place, heard)
            result[image.image_id] = hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
    return result


def _up_to_date(out: Path, image_id: str, before: Mapping[str, str], wanted: str) -> bool:
    page, *others = files_of(image_id)
    return before.get(page, "").removesuffix(GONE_MARK) == wanted and all(
        (out / path).is_file() for path in (page, *others)
    )


def _make_folders(out: Path) -> None:
    try:
        for name in ours.FOLDERS:
            (out / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror or error}; give another --out") from error


def _jobs(
    study: Study,
    out: Path,
    shards: Sequence[Shard],
    places: Mapping[str, Place],
    stale: set[str],
    said: Mapping[str, ConceptSet],
) -> Iterator[Job]:
    for shard in shards:
        due = [places[image.image_id] for image in shard.images if image.image_id in stale]
        if due:
            heard = {place.image_id: said[place.image_id] for place in due if place.image_id in said}
            # Workers may be older than the current folder.
            yield Job(study.folder.absolute(), out.absolute(), study.manifest, shard.number, shard.images, due, heard)


def _write_photos(
    out: Path,
    jobs: Iterator[Job],
    wanted: Mapping[str, str],
    notes: dict[str, str],
    *,
    workers: int | None,
    total: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write the pages that are due, and note each one as it is done."""
    done, saved = 0, time.monotonic()
    for problems in _results(list(jobs), workers):
        for image_id, problem in problems.items():
            notes[files_of(image_id)[0]] = wanted[image_id] + GONE_MARK * bool(problem)
        done += len(problems)
        if progress is not None:
            progress(done, total)
        if time.monotonic() - saved > SAVE_SECONDS:
            ours.write_ours(out, notes)
            saved = time.monotonic()


def _results(jobs: list[Job], workers: int | None) -> Iterator[dict[str, str]]:
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from map(write_pages, jobs)
        return
    from joblib import Parallel, delayed

    yield from Parallel(n_jobs=workers, return_as="generator_unordered")(delayed(write_pages)(job) for job in jobs)


def _write_changed(path: Path, content: bytes) -> None:
    """Write a file unless it has this content already, so that its time tells when it changed."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    write_whole(path, content)


def _about(study: Study, gone: Sequence[ImageRecord], said: Mapping[str, ConceptSet]) -> About:
    manifest = study.manifest
    return About(
        name=_name(study),
        network=manifest.network,
        settings=manifest.settings,
        set_hash=manifest.current,
        # The last part only: a site may be shown to people who need not know our folders.
        source=Path(str(manifest.images["source"])).name,
        skipped=study.skipped,
        missing=tuple((image.name, f"was {image.path}") for image in gone),
        versions=manifest.versions,
        simulated=any(one.simulated for one in said.values()),
    )
