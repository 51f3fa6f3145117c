"""A campaign's rows as records of an export. Django must be set up; nothing is written.

Rounds come in the order of their primary keys, some at a time with their events and labels, so that a campaign of a
million labels needs no more memory than a small one.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q

import layerlore
from layerlore.game.domain.states import EventKind
from layerlore.game.exchange.records import (
    FINISHED_STATES,
    AggregateRecord,
    CampaignFacts,
    EventRecord,
    GuessRecord,
    LabelRecord,
    MapRecord,
    PlayerRecord,
    RoundRecord,
)
from layerlore.game.server.models import ConsentText, Estimate, Event, Label, Map, Player, Round
from layerlore.game.server.services.keyed import keyed
from layerlore.game.server.services.merging import merges_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

    from layerlore.game.bundle.head import BundleHead
    from layerlore.game.bundle.link import Link
    from layerlore.game.server.models import Campaign

ROUNDS = 1000
"""Rounds that are read at a time."""

MAPS = 200
"""Maps whose labels are counted at a time."""

VOIDED = "voided"
_ROUND = (
    "pk",
    "token",
    "player__key",
    "device",
    "map__key",
    "stream",
    "why",
    "language",
    "state",
    "step",
    "steps",
    "guesses",
    "nothing",
    "void_reason",
    "counted",
    "started",
    "ended",
)
_EVENT = ("round_id", "pk", "kind", "at", "step", "value", "language", "correct")
_LABEL = ("round_id", "raw", "text", "language", "step", "kind", "assisted", "hidden")


class CampaignRows:
    """A campaign in the database, as records.

    Attributes:
        campaign: Its row.
        head: The bundle that it was opened with.
        link: The way back to the study, or None where it is missing, or once the maps were read.
        include: Rounds that are not left out, of `INCLUDES`.
    """

    def __init__(self, campaign: Campaign, head: BundleHead, link: Link | None, include: Collection[str] = ()) -> None:
        """Read nothing yet."""
        self.campaign, self.head, self.link = campaign, head, link
        self.include = tuple(sorted(set(include)))
        self.pseudonym = pseudonyms(campaign)

    def facts(self) -> CampaignFacts:
        """What holds for the whole export."""
        source = self.head.created_from
        newest = self._rounds().aggregate(at=Max("events__at"))["at"]
        last = Event.objects.filter(round__campaign=self.campaign).aggregate(last=Max("pk"))["last"] or 0
        texts = ConsentText.objects.filter(campaign=self.campaign).order_by("language", "version")
        return CampaignFacts(
            key=self.campaign.key,
            name=self.campaign.name,
            bundle_hash=self.campaign.bundle_hash,
            source={
                "study_hash": source.study_hash,
                "settings_hash": source.settings_hash,
                "network_name": source.network_name,
                "network_fingerprint": source.network_fingerprint,
            },
            config=self.campaign.config,
            classes=tuple({"index": one["index"], "names": one["names"]} for one in self.campaign.classes),
            consents=tuple({"language": one.language, "version": one.version, "text": one.text} for one in texts),
            include=self.include,
            newest=as_text(newest),
            estimated=last == self.campaign.estimated,
            app=str(layerlore.__version__),
        )

    def maps(self) -> list[MapRecord]:
        """All maps of the campaign, in the order of the bundle."""
        rows = Map.objects.filter(campaign=self.campaign).select_related("picture").order_by("pk")
        columns = "key kind layer layer_position cluster weight steps accepted state reason"
        fields = (*columns.split(), "picture__key", "picture__class_index")
        link, self.link = self.link, None  # it is large, and what is in it is in the maps now
        return [self._map(row, link) for row in rows.values(*fields).iterator(ROUNDS)]

    @staticmethod
    def _map(row: Mapping[str, Any], link: Link | None) -> MapRecord:
        linked = link.maps.get(row["key"]) if link else None
        photo = link.images.get(row["picture__key"]) if link else None
        return MapRecord(
            map_key=row["key"],
            image_key=row["picture__key"],
            class_index=row["picture__class_index"],
            kind=row["kind"],
            image_id=photo.image_id if photo else "",
            image_label=photo.label if photo else "",
            target=photo.target if photo else -1,
            layer=row["layer"],
            layer_index=linked.layer_index if linked else -1,
            layer_position=row["layer_position"],
            cluster=row["cluster"],
            weight=row["weight"],
            fractions=_fractions(tuple(step["fraction"] for step in row["steps"])),
            accepted={language: tuple(words) for language, words in row["accepted"].items()},
            state=row["state"],
            reason=row["reason"],
        )

    def players(self) -> list[PlayerRecord]:
        """Those who have a round in the export, by pseudonym."""
        counted = Count("rounds", filter=Q(rounds__state__in=FINISHED_STATES, rounds__void_reason=""))
        rows = Player.objects.filter(pk__in=self._rounds().values("player")).annotate(finished=counted)
        columns = (
            "key",
            "kind",
            "shadow",
            "held",
            "suspicion",
            "finished",
            *(f"estimate__{name}" for name in _ESTIMATE),
        )
        found = [
            PlayerRecord(self.pseudonym("player", key), *values)
            for key, *values in rows.values_list(*columns).order_by().iterator(ROUNDS)
        ]
        return sorted(found, key=lambda one: one.player)

    def rounds(self) -> Iterator[RoundRecord]:
        """Rounds with labels and events, some at a time."""
        merged = merges_of(self.campaign).canonical
        last = 0
        while rows := list(self._rounds().filter(pk__gt=last).order_by("pk").values_list(*_ROUND)[:ROUNDS]):
            last = rows[-1][0]
            numbers = [row[0] for row in rows]
            events = self._events(numbers)
            labels = _labels(numbers, merged)
            for row in rows:
                yield self._round(row, tuple(labels.get(row[0], ())), tuple(events.get(row[0], ())))

    def _rounds(self) -> QuerySet[Round]:
        """Rows of the rounds that are exported."""
        rows = Round.objects.filter(campaign=self.campaign)
        if VOIDED not in self.include:
            rows = rows.filter(void_reason="").exclude(state=VOIDED)
        if "training" not in self.include:
            rows = rows.exclude(stream="training")
        if "shadow" not in self.include:
            rows = rows.exclude(player__shadow=True)
        return rows

    def _round(
        self, row: tuple[Any, ...], labels: tuple[LabelRecord, ...], events: tuple[EventRecord, ...]
    ) -> RoundRecord:
        _, token, player, device, game_map, stream, why, language, state, step, steps, guesses, *rest = row
        nothing, void_reason, counted, started, ended = rest
        return RoundRecord(
            round=self.pseudonym("round", token),
            player=self.pseudonym("player", player),
            device=self.pseudonym("device", device),
            map_key=game_map,
            stream=stream,
            why=why,
            language=language,
            state=state,
            step=step,
            steps=steps,
            guesses=tuple(GuessRecord(int(answer), at) for answer, at in guesses),
            nothing=nothing,
            void_reason=void_reason,
            counted=counted,
            started=as_text(started) or "",
            ended=as_text(ended),
            labels=labels,
            events=events,
        )

    def _events(self, rounds: list[int]) -> dict[int, list[EventRecord]]:
        found: dict[int, list[EventRecord]] = defaultdict(list)
        for number, *row in Event.objects.filter(_among(rounds)).order_by("round_id", "pk").values_list(*_EVENT):
            place, kind, at, step, value, language, correct = row
            if kind == EventKind.STARTED.value:
                value = self.pseudonym("device", value)
            found[number].append(EventRecord(place, kind, as_text(at) or "", step, value, language, correct))
        return found

    def aggregate(self) -> Iterator[AggregateRecord]:
        """What all answers say about each label on each map, some maps at a time."""
        merged = merges_of(self.campaign).canonical
        maps = Map.objects.filter(campaign=self.campaign).order_by("pk").values_list("pk", "key")
        last = 0
        while some := dict(maps.filter(pk__gt=last)[:MAPS]):
            last = max(some)
            typers = _typers(list(some), merged)
            rows = Estimate.objects.filter(map__in=some)
            for row in sorted(rows, key=lambda one: (one.map_id, one.language, one.text)):
                independent = len(typers.get((row.map_id, row.language, row.text), ()))
                yield AggregateRecord(
                    map_key=some[row.map_id],
                    language=row.language,
                    label=row.text,
                    posterior=row.posterior,
                    typed=row.typed,
                    seen=row.seen,
                    independent=independent,
                    agreed=independent >= 2,
                    lift=row.lift,
                    steps=tuple(row.steps),
                )


_ESTIMATE = ("weight", "low", "high", "class_bits", "map_bits")


def pseudonyms(campaign: Campaign) -> Callable[[str, str], str]:
    """What names something in this campaign's exports: keyed with its secret, so that nobody can lead it back.

    Another campaign has other names for the same people and devices, also on the same server.
    """
    key = campaign.key

    def make(what: str, name: str) -> str:
        return keyed(f"export {what} {key}", name)[:32] if name else ""

    known = lru_cache(maxsize=20_000)(make)

    def pseudonym(what: str, name: str) -> str:
        return make(what, name) if what == "round" else known(what, name)  # each round is named once

    return pseudonym


def as_text(at: datetime | None) -> str | None:
    """A time as an export has it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None


@lru_cache(maxsize=4096)
def _fractions(shares: tuple[float, ...]) -> tuple[float, ...]:
    """The same tuple for maps with the same steps: there are many maps."""
    return tuple(float(share) for share in shares)


def _among(rounds: list[int]) -> Q:
    """Rows that belong to these rounds; the numbers grow, so that the index is read in one piece."""
    return Q(round__gte=rounds[0], round__lte=rounds[-1], round__in=rounds)


def _labels(rounds: list[int], merged: Callable[[str, str], str]) -> dict[int, list[LabelRecord]]:
    found: dict[int, list[LabelRecord]] = defaultdict(list)
    for number, raw, text, language, *rest in (
        Label.objects.filter(_among(rounds)).order_by("round_id", "pk").values_list(*_LABEL)
    ):
        as_read = merged(language, text)
        found[number].append(LabelRecord(raw, text, as_read if as_read != text else None, language, *rest))
    return found


def _typers(maps: list[int], merged: Callable[[str, str], str]) -> dict[tuple[int, str, str], set[str]]:
    """Who typed a label on a map independently: players of one device are one (game.md 2.6)."""
    rows = Label.objects.filter(
        map__in=maps, round__state__in=FINISHED_STATES, round__void_reason="", round__player__shadow=False
    )
    found: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    columns = ("map_id", "language", "text", "round__device", "round__player_id")
    for game_map, language, text, device, player in rows.values_list(*columns).order_by().iterator(ROUNDS):
        found[game_map, language, merged(language, text)].add(f"device {device}" if device else f"player {player}")
    return found
