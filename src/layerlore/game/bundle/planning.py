"""What a campaign needs, to be seen before it is opened: plays, players, days."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.game.bundle.choosing import Choice, choose_maps
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import BUNDLE, MapKind, load_manifest
from layerlore.game.bundle.settings import CAMPAIGN, CONFIG_FILE, default_config, parse_text, read_config
from layerlore.game.domain.assignment import Plan, plan

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.domain.config import CampaignConfig


@dataclass(frozen=True)
class CampaignPlan:
    """What a campaign needs.

    Attributes:
        built: Counted in a bundle; otherwise what a bundle of the study would hold.
        images: Photos.
        maps_per_player: Maps of one photo that a player gets within the cool-down.
        rounds_per_day: Rounds that a player is expected to play a day.
        plan: Plays, players and days.
        notes: What a researcher should know, one line each.
    """

    built: bool
    images: int
    maps_per_player: int
    rounds_per_day: int
    plan: Plan
    notes: tuple[str, ...] = ()


def training_notes(honeypots: int, config: CampaignConfig) -> tuple[str, ...]:
    """What to know where there are fewer easy maps than rounds that are to be easy."""
    wanted = config.quality.training_rounds
    if honeypots >= wanted:
        return ()
    note = (
        f"fewer honeypots ({honeypots}) than training rounds ({wanted}): a player's first rounds are not all easy, and "
        "none is left to tell later who looks; take more photos, or lower quality.training_rounds"
    )
    return (note,)


def plan_campaign(
    study_folder: Path, choice: Choice | None = None, *, players: int | None = None, rounds_per_day: int = 20
) -> CampaignPlan:
    """Plan a campaign; nothing is written.

    Args:
        study_folder: Folder of the study.
        choice: Which maps, where there is no bundle yet.
        players: Active players to expect; None for as many as are needed.
        rounds_per_day: Rounds that each plays a day.

    Raises:
        BundleError: There is nothing to play with, the configuration is at fault, or a choice was given for a bundle
            that is built already.
        StudyError: There is no study.
    """
    from layerlore.study.study import Study

    campaign = study_folder / CAMPAIGN
    built = (campaign / BUNDLE).exists()
    if built:
        if choice not in (None, Choice()):
            raise BundleError(
                f"{campaign / BUNDLE}: the maps of a bundle are chosen already; leave out the options that choose maps"
            )
        manifest = load_manifest(campaign, verify=False)
        wanted = (MapKind.NORMAL, MapKind.MERGED)
        counts = [*Counter(one.image_key for one in manifest.maps if one.kind in wanted).values()]
        honeypots = sum(one.kind is MapKind.HONEYPOT for one in manifest.maps)
        config = manifest.config
    else:
        study = Study.open(study_folder)
        chosen = choose_maps(study, choice or Choice(), seed=0)
        counts, honeypots = chosen.maps_per_image, chosen.honeypots
        path = campaign / CONFIG_FILE
        name = study_folder.resolve().name
        config = read_config(path) if path.exists() else parse_text(default_config(name), path)
    found = plan([count for count in counts if count], config, players=players, rounds_per_day=rounds_per_day)
    notes = training_notes(honeypots, config)
    return CampaignPlan(built, len(counts), config.play.max_maps_per_image, rounds_per_day, found, notes)
