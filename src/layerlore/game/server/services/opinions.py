"""What the questionnaire has brought so far, as plain counts and means; intervals and tests are the command line's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Avg, Count, Q

from layerlore.game.server.models import Rating, Respondent, Sheet
from layerlore.game.server.models.questions import Expertise, SheetState
from layerlore.game.server.services.campaigns import rules

if TYPE_CHECKING:
    from typing import Any

    from layerlore.game.server.models import Campaign


def overview(campaign: Campaign) -> dict[str, Any]:
    """Who answered, the mean of each statement for each method, and how often each was chosen; without shadows."""
    config = rules(campaign).config
    people = Respondent.objects.filter(campaign=campaign, player__shadow=False)
    answered = Sheet.objects.filter(respondent__in=people, state=SheetState.ANSWERED.value)
    given = answered.filter(~Q(choice="") | Q(ratings__value__isnull=False)).distinct()  # everything may be skipped
    groups = dict(people.filter(sheets__in=given).values_list("expertise").annotate(count=Count("pk", distinct=True)))
    novice, expert = (Q(sheet__respondent__expertise=one.value) for one in (Expertise.NOVICE, Expertise.EXPERT))
    found = (
        Rating.objects.filter(sheet__in=answered)
        .values("method", "item")
        .annotate(
            number=Count("value"),
            mean=Avg("value"),
            novices=Avg("value", filter=novice),
            experts=Avg("value", filter=expert),
        )
    )
    cells = {(row["method"], row["item"]): row for row in found}
    chosen = dict(answered.exclude(choice="").values_list("choice").annotate(times=Count("pk")))
    total = sum(chosen.values())
    return {
        "begun": people.count(),
        "people": sum(groups.values()),
        "novices": groups.get(Expertise.NOVICE.value, 0),
        "experts": groups.get(Expertise.EXPERT.value, 0),
        "sheets": given.count(),
        "items": config.statements(),
        "points": config.questionnaire.points,
        "methods": [
            {
                "name": method,
                "chosen": chosen.get(method, 0),
                "percent": 100 * chosen.get(method, 0) / total if total else None,
                "cells": [cells.get((method, item)) for item in config.statements()],
            }
            for method in config.questionnaire.methods
        ],
        "chosen": total,
    }
