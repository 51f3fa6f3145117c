"""Building a bundle: pictures of all maps, made beside the folder and renamed when the manifest is there too."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from layerlore.errors import OutputError, SettingError
from layerlore.files import PART, write_whole
from layerlore.game.bundle.choosing import Choice, ImagePlan, choose_maps
from layerlore.game.bundle.classes import name_classes
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.link import Link, LinkedImage, link_bytes
from layerlore.game.bundle.manifest import (
    BUNDLE,
    LINK_FILE,
    MANIFEST_FILE,
    MapKind,
    Source,
    load_manifest,
    manifest_bytes,
    plain,
)
from layerlore.game.bundle.planning import training_notes
from layerlore.game.bundle.png import MAX_SIDE
from layerlore.game.bundle.questions import check_questionnaire, make_questions
from layerlore.game.bundle.rendering import Rendered, Shared, jobs, random_key, render_image
from layerlore.game.bundle.reveal import SIDE, Look
from layerlore.game.bundle.settings import CAMPAIGN, ensure_config, language_notes
from layerlore.game.bundle.stored import FILES
from layerlore.game.domain.config import as_dict
from layerlore.study.folder import canonical_json, run_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from layerlore.game.bundle.choosing import Chosen
    from layerlore.game.bundle.classes import Wording
    from layerlore.game.bundle.manifest import QuestionPhoto
    from layerlore.game.domain.config import CampaignConfig
    from layerlore.study.study import Study

    Progress: TypeAlias = Callable[[int, int], None]

DATABASE = "game.sqlite3"
SMALLEST_SIDE = 64


@dataclass(frozen=True)
class BuildResult:
    """What was built.

    Attributes:
        folder: Of the bundle.
        campaign_id: Its random name.
        sha256: Of its manifest.
        seed: With which the same bundle is built again.
        images: Photos.
        classes: Classes to choose from.
        maps: Maps of each kind.
        questions: Photos of the questionnaire.
        files: Pictures.
        bytes: Their size.
        left_out: Fault to the number of maps that could not be revealed.
        notes: What a researcher should know, one line each.
        seconds: Wall time.
    """

    folder: Path
    campaign_id: str
    sha256: str
    seed: int
    images: int
    classes: int
    maps: Mapping[str, int]
    questions: int
    files: int
    bytes: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    seconds: float


def build_bundle(
    study: Study,
    choice: Choice | None = None,
    *,
    seed: int | None = None,
    side: int = SIDE,
    replace: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    asking: Progress | None = None,
) -> BuildResult:
    """Build the campaign of a study, from its current set, into its folder ``campaign``.

    ``campaign.toml`` and the files of class names are written where there are none.

    Args:
        study: The study.
        choice: Which maps; None: all shown ones.
        seed: Names and random maps depend on it, so it should not be guessed; None draws one. The same seed gives
            the same bytes.
        side: Longer side of the pictures in pixels.
        replace: Replace a bundle, as long as nobody has played.
        workers: Processes; None: one for each core.
        progress: Told how many of how many photos are done.
        asking: Told how many of how many pictures of the questionnaire are done.

    Raises:
        BundleError: There is a bundle already, or nothing to play with; or the configuration is at fault.
        PhotoError: A photo is gone or changed.
        OutputError: The folder cannot be written. Whatever went wrong, the bundle before stays as it was.
    """
    began = time.perf_counter()
    choice = choice or Choice()
    if not SMALLEST_SIDE <= side <= MAX_SIDE:
        raise SettingError(f"side is {side}; give {SMALLEST_SIDE} to {MAX_SIDE} pixels")
    if workers is not None and workers < 1:
        raise SettingError(f"workers is {workers}; it must be at least 1")
    seed = secrets.randbits(53) if seed is None else seed
    if seed < 0:
        raise SettingError(f"seed is {seed}; it must not be negative")
    campaign = study.folder / CAMPAIGN
    _check_free(campaign, replace=replace)
    chosen = choose_maps(study, choice, seed)
    with _writable(campaign):
        campaign.mkdir(exist_ok=True)
        config = ensure_config(campaign, study.folder.resolve().name)
        check_questionnaire(study, chosen.images, config)
        wording = name_classes(chosen.classes, chosen.near, config.campaign.languages, campaign)
        with run_lock(campaign), _staging(campaign) as staging:
            _check_free(campaign, replace=replace)
            shared = Shared(
                folder=study.folder.absolute(),
                study=study.manifest,
                staging=staging.absolute(),  # workers may be older than the current folder
                look=look_of(config),
                seed=seed,
                side=side,
                low_support=choice.low_support,
                accepted=wording.accepted,
            )
            rendered = list(_render_all(study, chosen, shared, workers, progress))
            names = {one.index: one.names for one in wording.classes}
            played = [part.plan for part in rendered if part.maps]
            questions = make_questions(study, played, names, config, shared, asking)
            result = _finish(study, rendered, questions, wording, config, shared, began)
            _put_in_place(staging, campaign / BUNDLE)
    return result


def look_of(config: CampaignConfig) -> Look:
    """How reveals look with this configuration."""
    reveal = config.reveal
    red, green, blue = bytes.fromhex(reveal.background.removeprefix("#"))
    return Look(reveal.steps, (red, green, blue), reveal.min_island_px)


def _check_free(campaign: Path, *, replace: bool) -> None:
    """Refuse to touch a bundle that may be in use.

    Raises:
        BundleError: There is one, and it may not be replaced.
    """
    bundle, database = campaign / BUNDLE, campaign / DATABASE
    if database.exists():
        raise BundleError(f"{database}: the game has begun, so its bundle stays as it is; begin in a new study")
    if bundle.exists() and not replace:
        raise BundleError(f"{bundle}: there is a bundle already; --replace builds it anew while nobody has played")


@contextlib.contextmanager
def _writable(campaign: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {campaign}: {error.strerror or error}; free the place or its rights"
        ) from error


@contextlib.contextmanager
def _staging(campaign: Path) -> Iterator[Path]:
    """A hidden folder that disappears unless it was renamed; call it under the lock: others are of killed builds."""
    for left in campaign.glob(f".{BUNDLE}.*{PART}"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{BUNDLE}.", suffix=PART, dir=campaign))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(staging: Path, bundle: Path) -> None:
    """Give the folder its name, once all of it is on the disk."""
    mask = os.umask(0)
    os.umask(mask)
    staging.chmod(0o777 & ~mask)  # a temporary folder is private
    if hasattr(os, "sync"):
        os.sync()  # once for all pictures: one by one takes longer than making them
    if bundle.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{BUNDLE}.", suffix=PART, dir=bundle.parent))
        bundle.rename(old)
        staging.rename(bundle)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(bundle)


def _render_all(
    study: Study, chosen: Chosen, shared: Shared, workers: int | None, progress: Progress | None
) -> Iterator[Rendered]:
    """All photos, in the study's order."""
    from joblib import Parallel, cpu_count, delayed

    (shared.staging / FILES).mkdir()
    count = min(workers or cpu_count(), len(chosen.images))
    parallel = Parallel(n_jobs=count, return_as="generator")
    results = parallel(delayed(render_image)(job, shared) for job in jobs(study, chosen, shared.seed))
    for number, result in enumerate(results, start=1):
        yield result
        if progress is not None:
            progress(number, len(chosen.images))


def _finish(
    study: Study,
    rendered: Sequence[Rendered],
    questions: tuple[QuestionPhoto, ...],
    wording: Wording,
    config: CampaignConfig,
    shared: Shared,
    began: float,
) -> BuildResult:
    """Write the link and, last of all, the manifest."""
    maps = sorted((one for part in rendered for one in part.maps), key=lambda one: one.map_key)
    if not any(one.kind is MapKind.NORMAL for one in maps):
        raise BundleError(
            f"{study.folder}: no map is positive on as much as the first step shows; make the first of reveal.steps "
            "smaller, or use --low-support"
        )
    played = {one.image_key for one in maps}
    images = sorted((part.image for part in rendered), key=lambda one: one.image_key)
    for image in (image for image in images if image.image_key not in played):
        (shared.staging / FILES / image.full.file).unlink()
    images = [image for image in images if image.image_key in played]
    left_out = tuple(one for part in rendered for one in part.left_out)
    campaign_id = random_key(shared.seed, "campaign", study.folder.resolve().name, *sorted(played))
    link = Link(
        campaign_id=campaign_id,
        seed=shared.seed,
        images={part.image.image_key: _linked(part.plan) for part in rendered if part.image.image_key in played},
        maps={one.map_key: linked for part in rendered for one, linked in zip(part.maps, part.links, strict=True)},
        left_out=left_out,
    )
    content = {
        "campaign_id": campaign_id,
        "created_from": plain(_source(study)),
        "config": as_dict(config),
        "classes": plain(wording.classes),
        "images": plain(images),
        "maps": plain(maps),
    }
    if questions:
        content["questions"] = plain(questions)
    write_whole(shared.staging / LINK_FILE, link_bytes(link))
    write_whole(shared.staging / MANIFEST_FILE, manifest_bytes(content))
    manifest = load_manifest(shared.staging, verify=False)
    sizes = [stored.bytes for stored in manifest.files()]
    kinds = {kind.value: sum(one.kind is kind for one in maps) for kind in MapKind}
    return BuildResult(
        folder=study.folder / CAMPAIGN / BUNDLE,
        campaign_id=campaign_id,
        sha256=manifest.sha256,
        seed=shared.seed,
        images=len(images),
        classes=len(wording.classes),
        maps=kinds,
        questions=len(questions),
        files=len(sizes),
        bytes=sum(sizes),
        left_out=dict(Counter(one.reason for one in left_out)),
        notes=(
            *wording.notes,
            *language_notes(config.campaign.languages),
            *training_notes(kinds[MapKind.HONEYPOT.value], config),
        ),
        seconds=time.perf_counter() - began,
    )


def _linked(plan: ImagePlan) -> LinkedImage:
    return LinkedImage(plan.record.image_id, plan.record.path, plan.record.label or "", plan.target)


def _source(study: Study) -> Source:
    """The study, for the manifest."""
    info = study.network_info
    content = {"images": sorted(image.image_id for image in study.images), "network": info["fingerprint"]}
    study_hash = hashlib.sha256(canonical_json(content).encode()).hexdigest()[:16]
    return Source(study_hash, study.manifest.current, info["name"], info["fingerprint"])
