"""What the tests of the rules share: a configuration, a moment, rounds and labels."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from layerlore.game.domain import states
from layerlore.game.domain.config import parse_config
from layerlore.game.domain.labels import Label

if TYPE_CHECKING:
    from layerlore.game.domain.config import CampaignConfig

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
TOO_LATE = NOW + timedelta(minutes=31)


def rules(**sections: dict[str, object]) -> CampaignConfig:
    """The default configuration with some keys changed."""
    return parse_config({"campaign": {"name": "test", "languages": ["en", "it"]}, **sections})


def opened(config: CampaignConfig | None = None, *, steps: int = 6, name: str = "r1") -> states.Round:
    """A new round of player ann on map m1."""
    return states.new_round(
        round_id=name, player="ann", map_id="m1", steps=steps, config=config or rules(), now=NOW, device="phone"
    )


def label(text: str, step: int = 0, language: str = "en") -> Label:
    """A label in normal form."""
    return Label(text, language, step, raw=text)


def seeded(seed: int) -> random.Random:
    """A generator that gives the same on every run."""
    return random.Random(seed)  # noqa: S311 - nothing here is secret
