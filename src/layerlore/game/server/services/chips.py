"""What a player typed in a form: chips, each with the step at which it was first sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.game.domain.labels import Label, Reason, check_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.game.domain.labels import Refused
    from layerlore.game.server.models import Round
    from layerlore.game.server.services.campaigns import Rules

FIELD = "label_{}"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Chips:
    """Chips of a form.

    Attributes:
        labels: Those that are labels.
        refused: The others, but for repetitions.
        drafts: All, as they are kept with the round.
    """

    labels: tuple[Label, ...]
    refused: tuple[Refused, ...]
    drafts: list[dict[str, object]]


def read_chips(data: Mapping[str, str], row: Round, the_rules: Rules) -> Chips:
    """Chips from the fields ``label_0``, ``label_0_kind``, ``label_0_assisted``, ``label_1`` and so on.

    The page cannot say at which step a chip was typed: one that was sent with an earlier step keeps that step, any
    other one belongs to the step that is shown now (I5).
    """
    config = the_rules.config
    language = data.get("label_language", "")
    language = language if language in config.campaign.languages else row.language
    before = {(draft["raw"], draft["language"]): draft["step"] for draft in row.drafts}
    chips = []
    for number in range(config.labels.max_per_round):
        name = FIELD.format(number)
        # Invisible, and neither a page nor PostgreSQL takes all of them.
        raw = _CONTROL.sub(" ", data.get(name, ""))
        if not raw.strip():
            continue
        kept = data.get(f"{name}_language", "")
        spoken = kept if kept in config.campaign.languages else language
        kind = data.get(f"{name}_kind", "")
        step = before.get((raw, spoken), row.step)
        chips.append(Label("", spoken, step, raw, kind, assisted=data.get(f"{name}_assisted") == "1"))
    labels, refused = check_labels(chips, config, the_rules.taboo)
    drafts = [
        {
            "raw": chip.raw[:400],
            "language": chip.language,
            "step": chip.step,
            "kind": chip.kind,
            "assisted": chip.assisted,
        }
        for chip in chips
    ]
    return Chips(labels, tuple(one for one in refused if one.reason is not Reason.DUPLICATE), drafts)
