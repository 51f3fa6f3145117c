"""The campaign that this server plays, and its rules."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from layerlore.errors import LayerLoreError
from layerlore.game.domain.config import CampaignConfig, parse_config
from layerlore.game.domain.lifecycle import Campaign as Lifecycle
from layerlore.game.domain.lifecycle import CampaignState, move_campaign
from layerlore.game.domain.scoring import MapFacts
from layerlore.game.domain.taboo import Taboo
from layerlore.game.server.models import Audit, Campaign, Round
from layerlore.game.server.services.keyed import keyed
from layerlore.game.server.services.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.game.server.models import Account, Map

UNPAID = ("control", "blank")
"""Kinds of map whose labels are about nothing in the photo."""


class NoCampaignError(LayerLoreError):
    """The server has nothing to play."""


@dataclass(frozen=True)
class ClassInfo:
    """A class that players choose from.

    Attributes:
        index: Its index.
        names: Language to the shown name.
        near: The other classes, those first that the network confuses it with.
    """

    index: int
    names: Mapping[str, str]
    near: tuple[int, ...]

    def name(self, language: str) -> str:
        """Its name in a language, or in any if it has none there."""
        return self.names.get(language) or next(iter(self.names.values()))


@dataclass(frozen=True)
class Rules:
    """What of a campaign never changes; made once in each process.

    Attributes:
        config: Its configuration.
        classes: By index.
        taboo: Words that may not be typed.
    """

    config: CampaignConfig
    classes: Mapping[int, ClassInfo]
    taboo: Taboo

    @property
    def offered(self) -> int:
        """How many classes a round offers."""
        return min(self.config.classes.show or len(self.classes), len(self.classes))

    def facts(self, game_map: Map) -> MapFacts:
        """What scoring must know of a map; its picture must be loaded."""
        return MapFacts(str(game_map.picture.class_index), self.offered, control=game_map.kind in UNPAID)

    def choices(self, round_: Round) -> tuple[ClassInfo, ...]:
        """Classes that a round offers, in an order of its own; the same each time it is shown."""
        rng = random.Random(keyed("order", round_.token))  # noqa: S311 - keyed, and only an order
        classes = list(self.classes.values())
        if self.offered < len(classes):
            truth = self.classes[round_.picture.class_index]
            others = truth.near or tuple(index for index in self.classes if index != truth.index)
            # From twice as many, so that which classes are offered does not tell which is the right one.
            some = rng.sample(others[: 2 * (self.offered - 1)], self.offered - 1)
            classes = [truth, *(self.classes[index] for index in some)]
        classes.sort(key=lambda one: one.index)
        rng.shuffle(classes)
        return tuple(classes)


_LATEST = Prepared(lambda: Campaign.objects.defer("config", "classes").order_by("-pk")[:1])
_BY_KEY = Prepared(lambda key: Campaign.objects.defer("config", "classes").filter(key=key)[:1], key=str)


def current() -> Campaign:
    """The campaign of this server, without its long columns.

    Raises:
        NoCampaignError: None has been loaded.
    """
    key = settings.CAMPAIGN_KEY
    found = _BY_KEY.first(key=key) if key else _LATEST.first()
    if found is None:
        raise NoCampaignError("no campaign has been loaded; start the server with layerlore play DIR")
    return found


def rules(campaign: Campaign) -> Rules:
    """Rules of a campaign."""
    return _rules(campaign.pk, campaign.bundle_hash)


@lru_cache(maxsize=8)
def _rules(campaign_id: int, bundle_hash: str) -> Rules:
    del bundle_hash  # a part of the key only
    row = Campaign.objects.only("config", "classes").get(pk=campaign_id)
    config = parse_config(row.config)
    taboo: dict[str, list[str]] = {language: list(words) for language, words in config.labels.taboo_extra.items()}
    for entry in row.classes:
        for language, words in entry["taboo"].items():
            taboo.setdefault(language, []).extend(words)
    classes = {
        entry["index"]: ClassInfo(entry["index"], entry["names"], tuple(entry.get("near", ()))) for entry in row.classes
    }
    return Rules(config, classes, Taboo(taboo))


def estimates_due(campaign_id: int) -> None:
    """Have the estimates fitted again though nobody has answered since.

    The number is another one each time, so that a fit that is under way sees that something has changed.
    """
    Campaign.objects.filter(pk=campaign_id).update(estimated=Least(F("estimated"), Value(0)) - 1)


def move(campaign: Campaign, to: CampaignState, *, actor: Account | None = None) -> bool:
    """Bring the campaign into another state; False if somebody else was quicker.

    Raises:
        TransitionError: There is no such step.
    """
    now = Lifecycle(CampaignState(campaign.state), campaign.bundle_hash)
    moved = move_campaign(now, to, bundle_hash=campaign.bundle_hash)
    if moved == now:
        return True
    with transaction.atomic():
        done = Campaign.objects.filter(pk=campaign.pk, state=now.state.value).update(state=moved.state.value)
        if done:
            Audit.objects.create(actor=actor, action="campaign", subject=campaign.key, detail={"to": to.value})
    return bool(done)
