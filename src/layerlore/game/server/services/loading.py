"""A bundle's manifest into the tables. Loading the same bundle twice changes nothing."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import transaction

from layerlore.errors import LayerLoreError
from layerlore.files import write_whole
from layerlore.game.bundle.manifest import load_manifest
from layerlore.game.bundle.unchanged import known, remember, state_of
from layerlore.game.domain.config import as_dict
from layerlore.game.server.models import Campaign, ConsentText, Map, Picture, QuestionPhoto
from layerlore.game.server.services.campaigns import rules
from layerlore.game.server.services.consents import default_text
from layerlore.game.server.services.keyed import digest

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.bundle.manifest import GameClass, GameMap, Manifest

BATCH = 500
CAPPED = ("normal", "merged")


class LoadingError(LayerLoreError):
    """A bundle that does not fit what the database holds."""


def load(folder: Path, *, verify: bool = True) -> Campaign:
    """Load the bundle of a campaign's folder, and its consent texts; a new campaign is a draft.

    A bundle that is in the database, and was not touched since it was checked, is not read again.

    Raises:
        BundleError: The bundle was changed, or there is none.
        LoadingError: The database holds this campaign with another bundle.
    """
    state = _state(folder) if verify else ""
    seen = Campaign.objects.filter(bundle_hash=known(folder, state)).exclude(bundle_hash="").first() if state else None
    if seen is not None:
        with transaction.atomic():
            _load_consents(folder, seen, rules(seen).config.campaign.languages)
        return seen
    manifest = load_manifest(folder, verify=verify)
    if state:
        remember(folder, state, manifest.sha256)
    with transaction.atomic():
        campaign = Campaign.objects.filter(key=manifest.campaign_id).first()
        if campaign is None:
            campaign = _insert(manifest)
        elif campaign.bundle_hash != manifest.sha256:
            raise LoadingError(
                f"{folder}: the bundle is not the one that this campaign was opened with; put that one back, or build "
                "another campaign"
            )
        _load_consents(folder, campaign, manifest.config.campaign.languages)
    return campaign


def _state(folder: Path) -> str:
    try:
        return state_of(folder)
    except OSError:
        return ""  # the full check says what is wrong


def _insert(manifest: Manifest) -> Campaign:
    campaign = Campaign.objects.create(
        key=manifest.campaign_id,
        name=manifest.config.campaign.name,
        bundle_hash=manifest.sha256,
        config=as_dict(manifest.config),
        classes=[_class(one) for one in manifest.classes],
    )
    Picture.objects.bulk_create(
        (
            Picture(
                campaign=campaign,
                key=image.image_key,
                class_index=image.class_index,
                width=image.width,
                height=image.height,
                full=dataclasses.asdict(image.full),
            )
            for image in manifest.images
        ),
        batch_size=BATCH,
    )
    pictures = dict(Picture.objects.filter(campaign=campaign).values_list("key", "pk"))
    ranks = _ranks(manifest)
    cap = manifest.config.quality.k_max
    Map.objects.bulk_create(
        (
            Map(
                campaign=campaign,
                picture_id=pictures[one.image_key],
                key=one.map_key,
                kind=one.kind.value,
                layer=one.layer,
                layer_position=one.layer_position,
                layer_depth=one.layer_depth,
                cluster=one.cluster,
                weight=one.weight,
                low_support=one.low_support,
                steps=[dataclasses.asdict(step) for step in one.steps],
                accepted={language: list(words) for language, words in one.accepted_labels.items()},
                rank=ranks[one.map_key],
                cap=cap if one.kind.value in CAPPED else None,
            )
            for one in manifest.maps
        ),
        batch_size=BATCH,
    )
    QuestionPhoto.objects.bulk_create(
        QuestionPhoto(
            campaign=campaign,
            picture_id=pictures[one.image_key],
            answer_names=dict(one.answer_names),
            probability=one.probability,
            right=one.right,
            views={view.method: dataclasses.asdict(view) for view in one.views},
        )
        for one in manifest.questions
    )
    return campaign


def _class(one: GameClass) -> dict[str, object]:
    return {
        "index": one.index,
        "names": dict(one.names),
        "taboo": {language: list(words) for language, words in one.taboo.items()},
        "near": list(one.near),
    }


def _ranks(manifest: Manifest) -> dict[str, int]:
    """An order of all maps in which layers take turns, shuffled within each: any stretch of it has all layers."""
    rng = random.Random(manifest.campaign_id)  # noqa: S311 - an order that nobody sees
    by_layer: dict[tuple[str, str], list[GameMap]] = defaultdict(list)
    for one in manifest.maps:
        by_layer[one.kind.value, one.layer].append(one)
    placed = []
    for name in sorted(by_layer):
        maps = by_layer[name]
        rng.shuffle(maps)
        placed += [((place + rng.random()) / len(maps), one.map_key) for place, one in enumerate(maps)]
    return {map_key: rank for rank, (_, map_key) in enumerate(sorted(placed))}


def _load_consents(folder: Path, campaign: Campaign, languages: tuple[str, ...]) -> None:
    """The texts as they are now; one that has changed becomes a new version, and players are asked again."""
    config = rules(campaign).config
    for language in languages:
        path = folder / config.consent_file(language)
        if not path.exists():
            write_whole(path, default_text(config, language).encode())
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LoadingError(f"{path}: cannot be read as UTF-8 text; mend or remove it") from error
        version = digest(text)
        if ConsentText.objects.filter(campaign=campaign, language=language, version=version, current=True).exists():
            continue
        ConsentText.objects.filter(campaign=campaign, language=language).update(current=False)
        ConsentText.objects.update_or_create(
            campaign=campaign, language=language, version=version, defaults={"text": text, "current": True}
        )
