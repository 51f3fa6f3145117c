"""What the page of an open round shows. Nothing on it depends on the true class but which classes are offered (I4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from layerlore.game.domain import labels as domain_labels
from layerlore.game.domain import scoring
from layerlore.game.server.services import campaigns
from layerlore.game.server.views import sentences
from layerlore.game.server.views.common import play_language, points, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrOrPromise

    from layerlore.game.server.models import Round
    from layerlore.game.server.services.campaigns import Rules
    from layerlore.game.server.services.chips import Chips

FIELDS = 3
"""Empty fields for labels on a page without scripts."""
SEARCH_FROM = 21
KEYS = "1234567890"


def content(row: Round, *, sent: Mapping[str, str], chips: Chips | None, problem: StrOrPromise) -> dict[str, Any]:
    """The page as it is now, or, after a mistake, with what was sent and what to mend.

    Args:
        row: The round, open.
        sent: The form that was sent, or nothing.
        chips: What was read from it.
        problem: A sentence about the form as a whole.
    """
    the_rules = campaigns.rules(row.campaign)
    config = the_rules.config
    spoken = config.campaign.languages
    language = sent.get("label_language", "")
    meter = _meter(row, the_rules)
    return {
        "round": row,
        "step": row.step,
        "step_number": row.step + 1,
        "steps": row.steps,
        "percent": meter[row.step]["percent"],
        "meter": meter,
        "following": meter[row.step + 1] if row.step < row.steps - 1 else None,
        "points_right": meter[row.step]["points"],
        "points_wrong": signed(_worth(row, the_rules, row.step, correct=False)),
        "image_url": reverse("image", args=[row.token, row.step]),
        "width": row.picture.width,
        "height": row.picture.height,
        "classes": _classes(row, the_rules),
        "searchable": the_rules.offered >= SEARCH_FROM,
        **_slots(row, the_rules, chips, meter),
        "max_labels": config.labels.max_per_round,
        "kinds": config.labels.kinds,
        "require_one": config.labels.require_one,
        "label_languages": spoken if len(spoken) > 1 else (),
        "label_language": language if language in spoken else row.language,
        "problem": problem,
        "tries": row.tries,
        "tries_left": config.play.max_guesses - row.tries,
        "several_guesses": config.play.max_guesses > 1,
        "missed": the_rules.classes[row.guesses[-1][0]].name(play_language(row.campaign)) if row.guesses else "",
        "answer": sent.get("answer", ""),
        "nothing": sent.get("nothing", ""),
        "shortcuts": row.player.shortcuts,
    }


def _worth(row: Round, the_rules: Rules, step: int, *, correct: bool) -> float:
    return points(
        scoring.guess_points(the_rules.config, step=step, classes=the_rules.offered, tries=row.tries, correct=correct)
    )


def _meter(row: Round, the_rules: Rules) -> list[dict[str, Any]]:
    """Each step: how much of the photo it shows, and what a right guess is worth then."""
    return [
        {
            "number": number + 1,
            "percent": 100 * step["fraction"],
            "points": _worth(row, the_rules, number, correct=True),
            "when": "past" if number < row.step else "now" if number == row.step else "ahead",
        }
        for number, step in enumerate(row.map.steps)
    ]


def _classes(row: Round, the_rules: Rules) -> list[dict[str, Any]]:
    """The classes to choose from: in the round's own order, or by name where there are too many to look through."""
    language = play_language(row.campaign)
    guessed = {answer for answer, _ in row.guesses}
    found = [
        {"index": one.index, "name": one.name(language), "guessed": one.index in guessed}
        for one in the_rules.choices(row)
    ]
    if len(found) >= SEARCH_FROM:
        found.sort(key=lambda one: str(one["name"]).casefold())
    else:
        for key, one in zip(KEYS, found, strict=False):
            one["key"] = key
    return found


def _drafts(row: Round) -> list[dict[str, Any]]:
    """What was typed so far; after a guess it is kept as labels."""
    if not row.guesses:
        return list(row.drafts)
    typed = row.labels.order_by("step", "pk")
    return [{"raw": one.raw, "language": one.language, "step": one.step, "kind": one.kind} for one in typed]


def _slots(row: Round, the_rules: Rules, chips: Chips | None, meter: list[dict[str, Any]]) -> dict[str, Any]:
    """Fields for labels: those that are typed, an empty one, and more for a page without scripts; what was refused."""
    drafts = _drafts(row) if chips is None else chips.drafts
    told = {one.raw: sentences.REASONS[domain_labels.Reason(one.reason)] for one in (chips.refused if chips else ())}
    slots = [
        {
            **draft,
            "name": f"label_{number}",
            "number": number + 1,
            "percent": meter[draft["step"]]["percent"],
            "problem": told.get(draft["raw"], ""),
        }
        for number, draft in enumerate(drafts)
    ]
    most = the_rules.config.labels.max_per_round
    empty = range(len(slots), max(min(most, FIELDS), len(slots) + 1))
    return {
        "slots": slots,
        "empty": [{"name": f"label_{number}", "number": number + 1, "full": number >= most} for number in empty],
        "refused": [{"text": raw[:60], "sentence": sentence} for raw, sentence in told.items()],
    }
