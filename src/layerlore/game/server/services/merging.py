"""Labels that staff read as one: what was typed stays, and estimates and exports apply the merges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from layerlore.game.server.models import Audit, Label, LabelMerge
from layerlore.game.server.services.campaigns import estimates_due

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from layerlore.game.server.models import Account, Campaign


class MergeFault(StrEnum):
    """Why two labels cannot be merged."""

    SAME = "same"
    UNKNOWN = "unknown"
    MERGED = "merged"
    CIRCLE = "circle"


class MergeError(Exception):
    """Two labels that cannot be merged.

    Attributes:
        fault: Why.
    """

    def __init__(self, fault: MergeFault) -> None:
        """Keep the reason."""
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True)
class Merges:
    """What labels count as.

    Attributes:
        targets: Language and label to the label that it was merged into; that one may be merged on.
    """

    targets: Mapping[tuple[str, str], str]

    def canonical(self, language: str, text: str) -> str:
        """What a label counts as; itself, if it was not merged."""
        seen = {text}
        while (further := self.targets.get((language, text))) is not None and further not in seen:
            seen.add(further)
            text = further
        return text

    def apply(self, language: str, texts: Iterable[str]) -> frozenset[str]:
        """What several labels count as."""
        return frozenset(self.canonical(language, text) for text in texts)

    def members(self, language: str, text: str) -> frozenset[str]:
        """All labels that count as this one, itself too."""
        merged = {typed for of, typed in self.targets if of == language and self.canonical(of, typed) == text}
        return frozenset(merged | {text})


def merges_of(campaign: Campaign) -> Merges:
    """The merges that hold now."""
    rows = LabelMerge.objects.filter(campaign=campaign, undone=None)
    return Merges({(language, text): into for language, text, into in rows.values_list("language", "text", "into")})


def merge(campaign: Campaign, language: str, text: str, into: str, *, actor: Account) -> None:
    """Read a label as another one from now on.

    Args:
        campaign: In which.
        language: Of both labels.
        text: Normal form of a label that somebody typed.
        into: Normal form of what it counts as.
        actor: Who decides it.

    Raises:
        MergeError: They are the same, nobody typed the first, or it was merged before.
    """
    if text == into:
        raise MergeError(MergeFault.SAME)
    if not Label.objects.filter(round__campaign=campaign, language=language, text=text).exists():
        raise MergeError(MergeFault.UNKNOWN)
    try:
        with transaction.atomic():
            # Two merges at once could close a circle; one waits for the other here.
            estimates_due(campaign.pk)
            if merges_of(campaign).canonical(language, into) == text:
                raise MergeError(MergeFault.CIRCLE)
            LabelMerge.objects.create(campaign=campaign, language=language, text=text, into=into, actor=actor)
            Audit.objects.create(actor=actor, action="merge", subject=text, detail={"into": into, "language": language})
    except IntegrityError:
        raise MergeError(MergeFault.MERGED) from None


def undo(campaign: Campaign, number: int, *, actor: Account, now: datetime) -> bool:
    """Undo a merge; False if there is none such that holds."""
    with transaction.atomic():
        row = LabelMerge.objects.filter(campaign=campaign, pk=number, undone=None).first()
        if row is None or not LabelMerge.objects.filter(pk=number, undone=None).update(undone=now):
            return False
        estimates_due(campaign.pk)
        Audit.objects.create(
            actor=actor, action="merge-undone", subject=row.text, detail={"into": row.into, "language": row.language}
        )
    return True
