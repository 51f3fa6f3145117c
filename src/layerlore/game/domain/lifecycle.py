"""Where a map and a campaign are (game.md 2.2 and 2.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from layerlore.game.domain.errors import Refusal, TransitionError

if TYPE_CHECKING:
    from collections.abc import Collection

    from layerlore.game.domain.config import CampaignConfig

HARD_AFTER = 3
SURE = 0.9


class MapState(StrEnum):
    """Whether a map is played; only an active one is."""

    ACTIVE = "active"
    SATISFIED = "satisfied"
    HARD = "hard"
    DISABLED = "disabled"


class MapReason(StrEnum):
    """Why a map is in its state; the dashboard says it."""

    WANTED = "wanted"
    FULL = "full"
    DECIDED = "decided"
    RESIGNED = "resigned"
    SWITCHED_OFF = "switched-off"


@dataclass(frozen=True)
class MapCounts:
    """Rounds of a map that count.

    Attributes:
        done: Finished rounds.
        won: Those that were won.
        resigned: Those that were resigned.
    """

    done: int = 0
    won: int = 0
    resigned: int = 0


@dataclass(frozen=True)
class MapVerdict:
    """State of a map, and why."""

    state: MapState
    reason: MapReason


def judge_map(
    counts: MapCounts, posteriors: Collection[float] | None, config: CampaignConfig, *, disabled: bool = False
) -> MapVerdict:
    """State of a map from its counts (game.md 2.4): recounting gives the same.

    Args:
        counts: Its rounds.
        posteriors: Of all labels typed on it, from `aggregation.two_coin`; empty if none was typed,
            which decides it too; None before the first fit.
        config: The campaign's.
        disabled: An admin switched it off.
    """
    quality = config.quality
    if disabled:
        return MapVerdict(MapState.DISABLED, MapReason.SWITCHED_OFF)
    if counts.resigned >= HARD_AFTER and counts.won == 0:
        return MapVerdict(MapState.HARD, MapReason.RESIGNED)
    if counts.done >= quality.k_max:
        return MapVerdict(MapState.SATISFIED, MapReason.FULL)
    decided = posteriors is not None and all(not 1 - SURE <= value <= SURE for value in posteriors)
    if decided and counts.done >= quality.k_min:
        return MapVerdict(MapState.SATISFIED, MapReason.DECIDED)
    return MapVerdict(MapState.ACTIVE, MapReason.WANTED)


class CampaignState(StrEnum):
    """Where a campaign is; rounds are started only while it is open."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"
    ARCHIVED = "archived"


NEXT = {
    CampaignState.DRAFT: {CampaignState.OPEN},
    CampaignState.OPEN: {CampaignState.PAUSED, CampaignState.CLOSED},
    CampaignState.PAUSED: {CampaignState.OPEN, CampaignState.CLOSED},
    CampaignState.CLOSED: {CampaignState.ARCHIVED},
    CampaignState.ARCHIVED: set(),
}


@dataclass(frozen=True)
class Campaign:
    """State of a campaign.

    Attributes:
        state: Where it is.
        bundle_hash: Of the bundle it was opened with; "" while it is a draft.
    """

    state: CampaignState = CampaignState.DRAFT
    bundle_hash: str = ""

    @property
    def starts_rounds(self) -> bool:
        """New rounds may begin; those that are open may be finished in any state."""
        return self.state is CampaignState.OPEN


def move_campaign(campaign: Campaign, to: CampaignState, *, bundle_hash: str) -> Campaign:
    """The campaign in another state; to the state it is in is no change.

    Args:
        campaign: As it is.
        to: Where it shall be.
        bundle_hash: Of the bundle at hand; opening freezes it.

    Raises:
        TransitionError: CAMPAIGN, if there is no such step; BUNDLE, if the bundle is another one than it was opened
            with, or has no hash.
    """
    if not bundle_hash or (campaign.bundle_hash and bundle_hash != campaign.bundle_hash):
        raise TransitionError(Refusal.BUNDLE)
    if to is campaign.state:
        return campaign
    if to not in NEXT[campaign.state]:
        raise TransitionError(Refusal.CAMPAIGN)
    return replace(campaign, state=to, bundle_hash=bundle_hash)
