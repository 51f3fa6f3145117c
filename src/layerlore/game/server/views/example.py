"""The worked example: a round on the sample cat. docs/images/make_example.py makes its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from layerlore.game.domain.scoring import step_values

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SIDE = 320
FRACTIONS = (0.02, 0.045, 0.08, 0.13, 0.20, 0.30)
PLAYED: tuple[tuple[StrOrPromise, StrOrPromise], ...] = (
    (_("yellow"), _("Something yellow with a dark edge. Say what you see before you ask for more.")),
    (_("eye"), _("It looks like an eye. One more look.")),
    (_("orange fur"), _("An eye in short orange fur. Of all the classes only one has that: guess it.")),
)
"""What somebody might type at each step, and think."""


def worked_example(rule: str) -> dict[str, Any]:
    """The example's steps with what a right guess is worth by the campaign's rule, and which of them were played."""
    steps = [
        {
            "number": number + 1,
            "picture": f"game/example/step-{number}.webp",
            "percent": 100 * fraction,
            "points": value,
        }
        for number, (fraction, value) in enumerate(zip(FRACTIONS, step_values(rule, FRACTIONS), strict=True))
    ]
    played = [
        {**step, "label": label, "thought": thought} for step, (label, thought) in zip(steps, PLAYED, strict=False)
    ]
    return {"side": SIDE, "steps": steps, "played": played, "last": played[-1]}
