"""What an export holds, as plain records: they know neither a database nor a file.

Times are texts of ISO 8601 in UTC, as they stand in the files, so that nothing is lost on the way.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 the reader asks for the types of fields
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1
"""Version of all files of an export; a reader refuses later ones."""

FINISHED_STATES = ("won", "lost", "resigned")
INCLUDES = ("voided", "training", "shadow")
"""Rounds that are left out unless they are asked for."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One line of the log; points follow from the log alone.

    Attributes:
        number: Place among all events of the campaign; grows, with gaps.
        kind: What happened.
        at: When.
        step: Step of the round then; for a label the step at which it was typed.
        value: Pseudonym of the device (started), the guessed class's index (guessed), the label's normal form
            (labelled), the reason (voided), else "".
        language: The label's, else "".
        correct: Whether the guess was right, else None.
    """

    number: int
    kind: str
    at: str
    step: int
    value: str
    language: str
    correct: bool | None


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """Something that was typed.

    Attributes:
        text: As it was typed.
        label: Normal form.
        merged: What researchers read it as, or None if as itself.
        language: Its language.
        step: Step at which it was typed, from 0.
        kind: Kind that the player chose, or "".
        assisted: The player took a suggested spelling.
        hidden: A researcher decided not to show it to others.
    """

    text: str
    label: str
    merged: str | None
    language: str
    step: int
    kind: str
    assisted: bool
    hidden: bool


@dataclass(frozen=True, slots=True)
class GuessRecord:
    """A committed guess.

    Attributes:
        class_index: The class.
        step: Step of the round then.
    """

    class_index: int
    step: int


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One player on one map.

    Attributes:
        round: Pseudonym.
        player: Pseudonym of the player.
        device: Pseudonym of the device, or "".
        map_key: Random name of the map.
        stream: Why the map was given out: normal, control, honeypot or training.
        why: What the policy wanted with it.
        language: Language it was played in.
        state: open, won, lost, resigned, expired or voided.
        step: Last step that was shown, from 0.
        steps: Steps that the map has.
        guesses: In their order.
        nothing: The player said that there is nothing to recognise.
        void_reason: Why it does not count, or "".
        counted: It is within the player's rounds of a day that count for points; None before an answer.
        started: When.
        ended: When, or None while it is open.
        labels: In the order in which they were stored.
        events: The log of the round.
    """

    round: str
    player: str
    device: str
    map_key: str
    stream: str
    why: str
    language: str
    state: str
    step: int
    steps: int
    guesses: tuple[GuessRecord, ...]
    nothing: bool
    void_reason: str
    counted: bool | None
    started: str
    ended: str | None
    labels: tuple[LabelRecord, ...]
    events: tuple[EventRecord, ...]


@dataclass(frozen=True, slots=True)
class MapRecord:
    """A map that was played with, and the map of the study that it is.

    Attributes:
        map_key: Its random name; also in the manifest of the bundle.
        image_key: Random name of its photo in the bundle.
        class_index: The photo's class.
        kind: normal, merged, control, honeypot or blank.
        image_id: The photo in the study, or "" where the way back to the study is not there.
        image_label: Its class as given, or "".
        target: Class that was explained; -1 where the way back is not there.
        layer: Its layer, or "" where it is of none.
        layer_index: Place of the layer among all layers that can be explained, or -1.
        layer_position: Place among the explained layers, or -1.
        cluster: Its cluster; -1 for all of a layer as one, or where it is of none.
        weight: Percent of the layer's weight.
        fractions: Share of the picture that each step shows.
        accepted: For a honeypot: language to the words that are right.
        state: active, satisfied, hard or disabled.
        reason: Why.
    """

    map_key: str
    image_key: str
    class_index: int
    kind: str
    image_id: str
    image_label: str
    target: int
    layer: str
    layer_index: int
    layer_position: int
    cluster: int
    weight: float
    fractions: tuple[float, ...]
    accepted: Mapping[str, tuple[str, ...]]
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlayerRecord:
    """Somebody who played, without a name; never a verdict on a person.

    Attributes:
        player: Pseudonym, of this campaign only.
        kind: guest, registered, merged or erased.
        shadow: Left out of all that is counted together.
        held: Neither earns by labels nor confirms any, until staff decide.
        suspicion: Why staff should look: burst, speed, cleared, or "".
        rounds: Finished rounds that count.
        weight: How far the answers can be relied on, from below 0 to 1, or None before the first estimate.
        low: Lower end of its 95 % interval.
        high: Upper end.
        class_bits: How far the labels follow the photo's class, in bits a label.
        map_bits: How far they follow the map.
    """

    player: str
    kind: str
    shadow: bool
    held: bool
    suspicion: str
    rounds: int
    weight: float | None
    low: float | None
    high: float | None
    class_bits: float | None
    map_bits: float | None


@dataclass(frozen=True, slots=True)
class AggregateRecord:
    """What all answers together say about a label on a map.

    Attributes:
        map_key: The map.
        language: Language of the label.
        label: Normal form, or what researchers read it as.
        posterior: Probability that it is there.
        typed: Players who typed it.
        seen: Players who had the map in that language.
        independent: Players who typed it, those of one device counted once.
        agreed: At least two independent players typed it.
        lift: How much more often it is typed here than on control maps of the same class, or None.
        steps: How often it was typed at each step.
    """

    map_key: str
    language: str
    label: str
    posterior: float
    typed: int
    seen: int
    independent: int
    agreed: bool
    lift: float | None
    steps: tuple[int, ...]


@dataclass(frozen=True)
class CampaignFacts:
    """What holds for a whole export.

    Attributes:
        key: Random name of the campaign.
        name: Its name.
        bundle_hash: SHA-256 of the bundle that was played.
        source: The study that the bundle was made of: its hashes, and the network's name and fingerprint.
        config: The campaign's configuration, with all keys.
        classes: Names and index of each class.
        consents: The consent texts that players agreed to, each with language and version (SHA-256).
        include: Which of `INCLUDES` are in it.
        newest: Time of the newest event, or None.
        estimated: The estimates know all answers.
        app: Version of LayerLore.
    """

    key: str
    name: str
    bundle_hash: str
    source: Mapping[str, str]
    config: Mapping[str, Any]
    classes: tuple[Mapping[str, Any], ...]
    consents: tuple[Mapping[str, str], ...]
    include: tuple[str, ...]
    newest: str | None
    estimated: bool
    app: str
    _names: dict[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the names of the classes, in the campaign's main language."""
        names = {int(one["index"]): str(next(iter(one["names"].values()))) for one in self.classes}
        object.__setattr__(self, "_names", names)

    def class_name(self, index: int) -> str:
        """Name of a class."""
        return self._names.get(index, str(index))

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the campaign, the main one first."""
        return tuple(self.config["campaign"]["languages"])


@dataclass(frozen=True)
class CampaignExport:
    """All of an export in memory.

    Attributes:
        facts: What holds for all of it.
        maps: Maps of the campaign.
        rounds: In the order in which they began.
        players: By pseudonym.
        aggregate: By map, language and label.
    """

    facts: CampaignFacts
    maps: tuple[MapRecord, ...]
    rounds: tuple[RoundRecord, ...]
    players: tuple[PlayerRecord, ...]
    aggregate: tuple[AggregateRecord, ...]


def day_of(at: str | None) -> str:
    """The day of a time, or ""."""
    return at[:10] if at else ""
