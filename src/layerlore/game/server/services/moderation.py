"""What staff look at and decide: maps, labels and players. Each decision is one statement, and is in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from layerlore.game.domain.lifecycle import MapReason, MapState
from layerlore.game.domain.suspicion import Suspicion
from layerlore.game.server.models import Audit, Estimate, Label, Map, Player, Round, Session
from layerlore.game.server.services import erasure, ledger
from layerlore.game.server.services.assignment import FINISHED_STATES
from layerlore.game.server.services.campaigns import estimates_due
from layerlore.game.server.services.merging import merges_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from layerlore.game.server.models import Account, Campaign

# Where something is not known differs between databases unless it is said.
LABEL_ORDERS: dict[str, tuple[Any, ...]] = {
    "posterior": ("-posterior", "-typed", "pk"),
    "lift": (F("lift").desc(nulls_last=True), "-typed", "pk"),
    "typed": ("-typed", "-posterior", "pk"),
    "text": ("text", "pk"),
}
PLAYER_ORDERS: dict[str, tuple[Any, ...]] = {
    "pk": ("pk",),
    "rounds": (F("estimate__answers").desc(nulls_last=True), "pk"),
    "weight": (F("estimate__weight").asc(nulls_last=True), "pk"),
    "seen": ("-seen", "pk"),
}


def maps(campaign: Campaign, *, state: str, layer: str = "") -> QuerySet[Map]:
    """Maps in a state, by layer."""
    rows = Map.objects.filter(campaign=campaign, state=state).select_related("picture")
    if layer:
        rows = rows.filter(layer=layer)
    return rows.order_by("layer_position", "-resigned", "pk")


def maps_by_state(campaign: Campaign) -> dict[str, int]:
    """How many maps are in each state."""
    counts = dict(Map.objects.filter(campaign=campaign).values_list("state").annotate(times=Count("pk")))
    return {state.value: counts.get(state.value, 0) for state in MapState}


def switch_map(campaign: Campaign, key: str, *, on: bool, actor: Account) -> bool:
    """Switch a map off, or give it out again; False if there is no such map in the other state."""
    off = (MapState.DISABLED.value, MapReason.SWITCHED_OFF.value)
    active = (MapState.ACTIVE.value, MapReason.WANTED.value)
    rows = Map.objects.filter(campaign=campaign, key=key)
    rows = rows.filter(state__in=(MapState.DISABLED.value, MapState.HARD.value)) if on else rows.exclude(state=off[0])
    state, reason = active if on else off
    with transaction.atomic():
        done = rows.update(state=state, reason=reason)
        if done:
            Audit.objects.create(actor=actor, action="map-on" if on else "map-off", subject=key)
    return bool(done)


def labels(
    campaign: Campaign,
    *,
    layer: str = "",
    class_index: int | None = None,
    language: str = "",
    text: str = "",
    order: str = "posterior",
) -> QuerySet[Estimate]:
    """Labels with posterior and lift."""
    rows = Estimate.objects.filter(map__campaign=campaign).select_related("map", "map__picture")
    if layer:
        rows = rows.filter(map__layer=layer)
    if class_index is not None:
        rows = rows.filter(map__picture__class_index=class_index)
    if language:
        rows = rows.filter(language=language)
    if text:
        rows = rows.filter(text__startswith=text)
    return rows.order_by(*LABEL_ORDERS[order])


def hidden_among(campaign: Campaign, rows: Collection[Estimate]) -> set[tuple[int, str, str]]:
    """Which of these labels are hidden from players: map, language, text."""
    merges = merges_of(campaign)
    found = Label.objects.filter(hidden=True, map__in={row.map_id for row in rows})
    return {
        (game_map, language, merges.canonical(language, text))
        for game_map, language, text in found.values_list("map_id", "language", "text").distinct()
    }


def hide_label(campaign: Campaign, number: int, *, hide: bool, actor: Account) -> bool:
    """Hide a label of a map from players, or show it again; it goes on to count. False if there is no such label."""
    row = Estimate.objects.filter(map__campaign=campaign, pk=number).select_related("map").first()
    if row is None:
        return False
    typed = Label.objects.filter(
        map=row.map_id, language=row.language, text__in=merges_of(campaign).members(row.language, row.text)
    )
    with transaction.atomic():
        if typed.exclude(hidden=hide, flagged=False).update(hidden=hide, flagged=False):
            _decided(actor, row.map.key, row.language, hide=hide)
    return True


def queue(campaign: Campaign) -> QuerySet[Label]:
    """Labels on a list of rude words that nobody has looked at."""
    waiting = Label.objects.filter(flagged=True, round__campaign=campaign)
    return waiting.select_related("map", "map__picture").order_by("pk")


def decide(number: int, *, hide: bool, actor: Account) -> bool:
    """Show a label that waits to others, or hide it; False if it does not wait."""
    with transaction.atomic():
        row = Label.objects.filter(pk=number, flagged=True).select_related("map").first()
        if row is None or not Label.objects.filter(pk=number, flagged=True).update(flagged=False, hidden=hide):
            return False
        _decided(actor, row.map.key, row.language, hide=hide)
    return True


def _decided(actor: Account, key: str, language: str, *, hide: bool) -> None:
    # Without the text: whoever typed it may have it erased one day, and nothing is erased from the log.
    action = "label-hidden" if hide else "label-shown"
    Audit.objects.create(actor=actor, action=action, subject=key, detail={"language": language})


FLAGS = (Suspicion.BURST.value, Suspicion.SPEED.value)


def flagged() -> QuerySet[Player]:
    """Players who wait for staff to look at them."""
    return Player.objects.filter(kind__in=("guest", "registered"), suspicion__in=FLAGS)


def players(*, left_out: bool = False, only_flagged: bool = False, order: str = "pk") -> QuerySet[Player]:
    """Players by the random name, with what is estimated about their answers."""
    mine = Round.objects.filter(player=OuterRef("pk"), state__in=FINISHED_STATES).order_by()
    # Counted for the players of the page only, where a join would count for all.
    finished = Coalesce(Subquery(mine.values("player").annotate(times=Count("pk")).values("times")), 0)
    rows = Player.objects.filter(kind__in=("guest", "registered")).select_related("estimate")
    if left_out:
        rows = rows.filter(shadow=True)
    if only_flagged:
        rows = rows.filter(suspicion__in=FLAGS)
    return rows.annotate(finished=finished).order_by(*PLAYER_ORDERS[order])


def leave_out(campaign: Campaign, player: Player, *, on: bool, actor: Account) -> None:
    """Leave a player out of what is computed, or take them in again; they see no difference."""
    with transaction.atomic():
        if Player.objects.filter(pk=player.pk, shadow=not on).update(shadow=on):
            Audit.objects.create(actor=actor, action="shadow-on" if on else "shadow-off", subject=player.key)
            ledger.due(campaign.pk)
            estimates_due(campaign.pk)


def end_sessions(player: Player, *, actor: Account) -> int:
    """Log a player out everywhere; how many sessions ended."""
    with transaction.atomic():
        ended, _ = Session.objects.filter(account=player.account_id or -1).delete()
        Audit.objects.create(actor=actor, action="logout", subject=player.key)
    return ended


def erase_player(player: Player, *, keep_labels: bool, actor: Account, now: datetime) -> None:
    """Erase somebody who asked for it; the log says that it was done, not to whom."""
    with transaction.atomic():
        erasure.erase(player, keep_labels=keep_labels, now=now)
        Audit.objects.create(actor=actor, action="erased")
