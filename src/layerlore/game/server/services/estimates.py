"""Posteriors and lifts of labels and weights of players, refitted in the background from all answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max

from layerlore.game.domain import aggregation
from layerlore.game.domain.aggregation import Answer
from layerlore.game.server.models import Campaign, Estimate, Event, Label, Map, Player, PlayerEstimate, Round
from layerlore.game.server.services.assignment import FINISHED_STATES
from layerlore.game.server.services.campaigns import UNPAID, current, rules
from layerlore.game.server.services.merging import Merges, merges_of
from layerlore.game.server.services.rounds import judge

if TYPE_CHECKING:
    from datetime import datetime

BATCH = 1000
MAPS = 50
"""Maps whose estimates are written in one transaction: who answers meanwhile waits no longer than that takes."""


def refit(now: datetime | None = None) -> bool:
    """Fit everything again, if anything has been answered since; False if not."""
    del now
    campaign = current()
    last = Event.objects.filter(round__campaign=campaign).aggregate(last=Max("pk"))["last"] or 0
    if last == campaign.estimated:
        return False
    merges = merges_of(campaign)
    answers, controls, classes = _answers(campaign, merges)
    fitted = aggregation.two_coin(answers, known=_known(campaign, merges))
    found = {
        (lift.map_id, lift.language, lift.label): lift.lift
        for lift in aggregation.lifts(answers, controls, classes)
        if lift.control_seen  # without a control map of the class there is nothing to compare with
    }
    steps = _steps(campaign, merges)
    rows = [
        Estimate(
            map_id=int(one.map_id),
            language=one.language,
            text=one.label,
            posterior=one.posterior,
            typed=one.typed,
            seen=one.seen,
            lift=found.get((one.map_id, one.language, one.label)),
            steps=steps.get((one.map_id, one.language, one.label), []),
        )
        for one in fitted.verdicts
    ]
    parrots = aggregation.parroting(answers, classes)
    players = [
        PlayerEstimate(
            player_id=int(name),
            weight=model.weight,
            low=model.interval[0],
            high=model.interval[1],
            answers=model.answers,
            class_bits=parrots[name].class_bits if name in parrots else None,
            map_bits=parrots[name].map_bits if name in parrots else None,
        )
        for name, model in fitted.players.items()
    ]
    _store(campaign, rows)
    with transaction.atomic():
        known = set(Player.objects.values_list("pk", flat=True))  # somebody may have been erased meanwhile
        PlayerEstimate.objects.all().delete()
        PlayerEstimate.objects.bulk_create((one for one in players if one.player_id in known), batch_size=BATCH)
        # Another number now (`campaigns.estimates_due`) says that this fit does not know everything: the next one will.
        Campaign.objects.filter(pk=campaign.pk, estimated=campaign.estimated).update(estimated=last)
    return True


def _answers(campaign: Campaign, merges: Merges) -> tuple[list[Answer], list[Answer], dict[str, str]]:
    """Answers on maps, answers on control maps, and the class of each map."""
    rounds = Round.objects.filter(
        campaign=campaign, state__in=FINISHED_STATES, void_reason="", player__shadow=False
    ).order_by("pk")
    typed: dict[tuple[int, str], set[str]] = defaultdict(set)
    labels = Label.objects.filter(round__in=rounds.values("pk"))
    for round_id, language, text in labels.values_list("round_id", "language", "text").iterator(BATCH):
        typed[round_id, language].add(merges.canonical(language, text))
    answers: list[Answer] = []
    controls: list[Answer] = []
    classes: dict[str, str] = {}
    columns = ("pk", "map_id", "map__kind", "picture__class_index", "player_id", "language", "device")
    spoken = rules(campaign).config.campaign.languages
    for pk, game_map, kind, class_index, player, language, device in rounds.values_list(*columns).iterator(BATCH):
        classes[str(game_map)] = str(class_index)
        for spoken_one in spoken:
            words = frozenset(typed.get((pk, spoken_one), ()))
            if words or spoken_one == language:
                answer = Answer(str(game_map), str(player), words, spoken_one, device)
                (controls if kind == "control" else answers).append(answer)
    return answers, controls, classes


def _known(campaign: Campaign, merges: Merges) -> dict[str, frozenset[str]]:
    """Honeypots and words that are right on them, and blank maps, on which none is.

    A honeypot for which nobody gave words says nothing about labels.
    """
    maps = Map.objects.filter(campaign=campaign, kind__in=("honeypot", "blank")).only("kind", "accepted")
    return {
        str(one.pk): frozenset[str]().union(
            *(merges.apply(language, words) for language, words in one.accepted.items())
        )
        for one in maps
        if one.kind == "blank" or any(one.accepted.values())
    }


def _steps(campaign: Campaign, merges: Merges) -> dict[tuple[str, str, str], list[int]]:
    """How often each label was typed at each step of its map."""
    counts: dict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
    labels = Label.objects.filter(round__campaign=campaign, round__void_reason="", round__player__shadow=False)
    for game_map, language, text, step in labels.values_list("map_id", "language", "text", "step").iterator(BATCH):
        counts[str(game_map), language, merges.canonical(language, text)][step] += 1
    return {name: [some[step] for step in range(max(some) + 1)] for name, some in counts.items()}


def _store(campaign: Campaign, rows: list[Estimate]) -> None:
    """Write the estimates, some maps at a time; an interrupted fit is done again, as it is not noted as done."""
    by_map: dict[int, list[Estimate]] = defaultdict(list)
    for row in rows:
        by_map[row.map_id].append(row)
    stored = Estimate.objects.filter(map__campaign=campaign).order_by().values_list("map_id", flat=True).distinct()
    every = sorted(by_map.keys() | set(stored))
    for start in range(0, len(every), MAPS):
        some = every[start : start + MAPS]
        with transaction.atomic():
            Estimate.objects.filter(map__in=some).delete()
            Estimate.objects.bulk_create([row for one in some for row in by_map.get(one, ())])
            _judge_maps(campaign, {one: [row.posterior for row in by_map[one]] for one in some if one in by_map})


def _judge_maps(campaign: Campaign, posteriors: dict[int, list[float]]) -> None:
    """Maps whose labels are decided need no more players; the others are wanted by their entropy."""
    the_rules = rules(campaign)
    changed = []
    for game_map in Map.objects.filter(pk__in=list(posteriors)).exclude(kind__in=UNPAID):
        entropy = aggregation.entropy(posteriors[game_map.pk])
        if entropy != game_map.entropy:
            game_map.entropy = entropy
            changed.append(game_map)
        judge(game_map, the_rules)
    Map.objects.bulk_update(changed, ["entropy"])
