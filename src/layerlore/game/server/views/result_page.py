"""What the page of a finished round shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from layerlore.game.bundle.manifest import MapKind
from layerlore.game.server.services import campaigns, results
from layerlore.game.server.views.common import play_language, points, signed

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

    from layerlore.game.server.models import Round

PHASES: tuple[tuple[float, StrOrPromise, StrOrPromise], ...] = (
    (1 / 3, _("an early layer"), _("Early layers react to edges, colours and textures.")),
    (2 / 3, _("a middle layer"), _("Middle layers react to patterns and parts of things.")),
    (1.0, _("a late layer"), _("Late layers react to large parts and whole things.")),
)
"""Where a part of the layers ends, what a layer of it is called, and what such layers typically react to."""


def content(row: Round, now: datetime) -> dict[str, Any]:
    """The result of a round that is over."""
    the_rules = campaigns.rules(row.campaign)
    language = play_language(row.campaign)
    outcome = results.result_of(row, the_rules, language, now)
    phase, typical = next(
        (phase, typical) for end, phase, typical in PHASES if row.map.layer_depth <= end or end == 1.0
    )
    fractions = [100 * step["fraction"] for step in row.map.steps]
    paid = {text: signed(points(more)) for text, more in outcome.paid}
    return {
        "round": row,
        "result": outcome,
        "points": signed(points(outcome.points)),
        "other_classes": the_rules.offered - max(row.tries, 1),
        "labels": [
            {"text": one.text, "language": one.language, "percent": fractions[one.step], "paid": paid.get(one.text)}
            for one in outcome.labels
        ],
        "own": {one.text for one in outcome.labels},
        "image_url": reverse("image", args=[row.token, row.step]),
        "full_url": reverse("full", args=[row.token]) if outcome.show_full else None,
        "step_number": row.step + 1,
        "steps": row.steps,
        "percent": fractions[row.step],
        "width": row.picture.width,
        "height": row.picture.height,
        "layer": row.map.layer,
        "phase": phase,
        "typical": typical,
        "weight": row.map.weight,
        "accepted": row.map.accepted.get(language, []) if outcome.training else [],
        "blank": row.map.kind == MapKind.BLANK.value,
        "today": results.today(row, now),
        "cap": the_rules.config.score.daily_round_cap,
        "can_sign_up": row.player.account_id is None and the_rules.config.people.signup != "closed",
    }
