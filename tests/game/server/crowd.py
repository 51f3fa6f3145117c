"""Simulated people who play through the services, as the pages would have them."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from serving import make_player

from layerlore.game.domain.labels import Label
from layerlore.game.domain.states import Typed
from layerlore.game.server.models import Round
from layerlore.game.server.services import rounds

if TYPE_CHECKING:
    from layerlore.game.server.models import Campaign, Player

WORDS = ("ear", "fur", "wheel", "grey stone", "sky", "rope", "leaf", "snout")
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)


def play(campaign: Campaign, *, players: int = 12, each: int = 15, seed: int = 0) -> list[Player]:
    """Everybody plays some rounds, taking turns; some win, some lose, some give up, some leave."""
    rng = random.Random(seed)  # noqa: S311
    crowd = [make_player(campaign) for _ in range(players)]
    now = BEGIN
    for _ in range(each):
        for number, player in enumerate(crowd):
            now += timedelta(seconds=rng.randrange(20, 90))
            device = hashlib.sha256(bytes([number // 2])).hexdigest() if number % 3 else ""
            done = rounds.start(campaign, player, language=rng.choice(["en", "it"]), device=device, now=now)
            if done is not None:
                _turn(player, done.round, rng, now + timedelta(seconds=rng.randrange(3, 15)))
    return crowd


def _turn(player: Player, started: Round, rng: random.Random, now: datetime) -> None:
    row = Round.objects.select_related("picture").get(pk=started.pk)
    steps = rng.randrange(3)
    for step in range(min(steps, row.steps - 1)):
        row = rounds.reveal(player, row.token, step=step, drafts=None, now=now).round
    # Players see the word that belongs to the map more often than others, so that labels agree.
    typical = WORDS[row.map_id % len(WORDS)]
    words = {typical if rng.random() < 0.6 else rng.choice(WORDS) for _ in range(rng.randrange(4))}
    labels = tuple(
        Label(word, row.language, rng.randrange(row.step + 1), f"={word.upper()}, ", "", rng.random() < 0.1)
        for word in sorted(words)
    )
    typed = Typed(labels, nothing=not labels and rng.random() < 0.5)
    chance = rng.random()
    if chance < 0.1:
        rounds.expire_overdue(now + timedelta(hours=1))
    elif chance < 0.3:
        rounds.resign(player, row.token, typed=typed, now=now)
    else:
        truth = row.picture.class_index
        answer = truth if chance < 0.8 else (truth + 1) % 3
        rounds.guess(player, row.token, step=row.step, tries=0, answer=str(answer), typed=typed, now=now)
