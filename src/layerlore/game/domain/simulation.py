"""Players of known skill who play whole rounds by the rules: for tests, benchmarks, and plans of a campaign.

A simulated map has words that are really there. An honest player types some of them, and now and then one that is
not; a parrot recognises the class and types what it knows of it; a bot does not look.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING

from layerlore.game.domain import states
from layerlore.game.domain.aggregation import Answer
from layerlore.game.domain.assignment import Candidate, PlayerHistory, Stream, choose
from layerlore.game.domain.labels import Label, check_labels
from layerlore.game.domain.lifecycle import MapCounts, judge_map
from layerlore.game.domain.scoring import MapFacts
from layerlore.game.domain.taboo import Taboo

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.domain.states import Event, Round

LANGUAGE = "en"
CLASSES = ("tench", "springer", "cassette", "chainsaw", "church", "horn", "truck", "pump", "golfball", "parachute")
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass(frozen=True)
class SimMap:
    """A map of the simulated world.

    Attributes:
        map_id: Its name.
        image_id: Its image.
        layer: Its layer.
        true_class: Its class.
        words: What is really there.
        stream: What it is there for.
    """

    map_id: str
    image_id: str
    layer: str
    true_class: str
    words: frozenset[str]
    stream: Stream = Stream.NORMAL


@dataclass(frozen=True)
class World:
    """What there is to see.

    Attributes:
        vocabulary: All words that anybody may type.
        class_words: For each class the words that people who know it would name.
        maps: All maps, by name.
    """

    vocabulary: tuple[str, ...]
    class_words: Mapping[str, tuple[str, ...]]
    maps: Mapping[str, SimMap]

    def facts(self) -> dict[str, MapFacts]:
        """What scoring must know of the maps."""
        return {
            name: MapFacts(item.true_class, len(self.class_words), item.stream is Stream.CONTROL)
            for name, item in self.maps.items()
        }

    def classes(self) -> dict[str, str]:
        """Class of each map."""
        return {name: item.true_class for name, item in self.maps.items()}


def words(count: int) -> tuple[str, ...]:
    """So many different words that are no taboo words."""
    syllables = ["".join(pair) for pair in product("bdfklmnrstvz", "aeiou")]
    return tuple(f"{first}{second}mo" for first, second in product(syllables, syllables[::7]))[:count]


def make_world(
    rng: random.Random,
    *,
    images: int,
    maps_per_image: int = 1,
    vocabulary: int = 60,
    present: int = 4,
    of_class: int = 0,
    known_of_class: int = 12,
    controls: int = 0,
) -> World:
    """A world at random.

    Args:
        rng: Generator.
        images: Images; their classes take turns.
        maps_per_image: Maps of each image, each of another layer.
        vocabulary: Words there are.
        present: Words on a map.
        of_class: How many of those belong to what people know of its class.
        known_of_class: Words that people know of a class.
        controls: Control maps, on images of their own, with nothing on them.
    """
    every = words(vocabulary)
    class_words = {name: tuple(rng.sample(every, known_of_class)) for name in CLASSES}
    maps = {}
    for number in range(images + controls):
        control = number >= images
        true_class = CLASSES[number % len(CLASSES)]
        for layer in range(1 if control else maps_per_image):
            typical = rng.sample(class_words[true_class], of_class)
            others = rng.sample([word for word in every if word not in typical], present - of_class)
            stream = Stream.CONTROL if control else Stream.NORMAL
            there = frozenset() if control else frozenset(typical + others)
            name = f"m{number}-{layer}"
            maps[name] = SimMap(name, f"i{number}", f"layer{layer}", true_class, there, stream)
    return World(every, class_words, maps)


class Kind(StrEnum):
    """How a player plays."""

    HONEST = "honest"
    PARROT = "parrot"
    RANDOM = "random"
    INSTANT = "instant"
    PARROT_BOT = "parrot-bot"
    REPLAY = "replay"


LOOKS = frozenset({Kind.HONEST, Kind.PARROT})


@dataclass(frozen=True)
class Skill:
    """How well a simulated player plays.

    Attributes:
        kind: HONEST looks; PARROT recognises the class and types what it knows of it; RANDOM guesses any class at any
            step and types any words; INSTANT guesses any class at once; PARROT_BOT does too, and types what belongs to
            it; REPLAY sends the same answer on every map, and each request three times.
        sees: Probability of typing a word that is there.
        invents: Mean number of words that are not there.
        recognises: Probability of recognising the class, at each step.
        types: Words that one who does not look types.
        abandons: Probability of leaving a round.
    """

    kind: Kind = Kind.HONEST
    sees: float = 0.58
    invents: float = 0.34
    recognises: float = 0.25
    types: int = 3
    abandons: float = 0.0


def honest(rng: random.Random) -> Skill:
    """Somebody who looks, with the sensitivity that aggregation expects of people: Beta(4, 3)."""
    return Skill(sees=rng.betavariate(4, 3), recognises=rng.uniform(0.1, 0.4))


def forgetful(rng: random.Random) -> Skill:
    """Somebody who looks, types little, and hardly ever what is not there."""
    return Skill(sees=rng.betavariate(2, 6), invents=0.1, recognises=rng.uniform(0.1, 0.4))


def _guessed_class(skill: Skill, item: SimMap, world: World, rng: random.Random, *, recognised: bool) -> str:
    if recognised:
        return item.true_class
    if skill.kind is Kind.REPLAY:
        return next(iter(world.class_words))
    return rng.choice(list(world.class_words))


def typed_words(skill: Skill, item: SimMap, answer: str, world: World, rng: random.Random) -> list[str]:
    """Words that a player types on a map.

    Args:
        skill: The player's.
        item: The map.
        answer: Class that the player takes it for, or "".
        world: What there is.
        rng: Generator.
    """
    if skill.kind is Kind.INSTANT:
        return []
    if skill.kind is Kind.HONEST:
        seen = [word for word in sorted(item.words) if rng.random() < skill.sees]
        invented = sum(rng.random() < skill.invents / 2 for _ in range(2))
        return seen + rng.sample(world.vocabulary, invented)
    if skill.kind is Kind.REPLAY:
        return list(world.vocabulary[: skill.types])
    known = world.class_words.get(answer, ()) if skill.kind is not Kind.RANDOM else world.vocabulary
    return rng.sample(known, min(skill.types, len(known)))


def play_round(
    opened: Round, skill: Skill, item: SimMap, world: World, config: CampaignConfig, taboo: Taboo, rng: random.Random
) -> tuple[Round, list[Event]]:
    """Play an open round to its end.

    Returns:
        The final round and what happened after its start.
    """
    current, now = opened, opened.started
    events: list[Event] = []
    stops = 0 if skill.kind in (Kind.INSTANT, Kind.PARROT_BOT, Kind.REPLAY) else opened.steps - 1
    if skill.kind is Kind.RANDOM:
        stops = rng.randrange(opened.steps)
    if rng.random() < skill.abandons:
        ended = states.expire(current, now=now, left=True)
        return ended.round, list(ended.events)
    recognised = False
    while True:
        now += timedelta(seconds=5)
        recognised = skill.kind in LOOKS and rng.random() < skill.recognises
        if recognised or current.step >= stops:
            break
        shown = states.reveal(current, step=current.step, now=now)
        current = shown.round
        events += shown.events
    gives_up = skill.kind in LOOKS and not recognised
    answer = "" if gives_up else _guessed_class(skill, item, world, rng, recognised=recognised)
    typed = _typed(skill, typed_words(skill, item, answer, world, rng), current.step, config, taboo, rng)
    for _ in range(3 if skill.kind is Kind.REPLAY else 1):
        if gives_up:
            ended = states.resign(current, typed=typed, config=config, now=now)
        else:
            request = {"step": opened.step if skill.kind is Kind.REPLAY else current.step, "tries": 0}
            ended = states.guess(
                current, **request, answer=answer, truth=item.true_class, typed=typed, config=config, now=now
            )
        current = ended.round
        events += ended.events
    return current, events


def _typed(
    skill: Skill, raw: Sequence[str], step: int, config: CampaignConfig, taboo: Taboo, rng: random.Random
) -> states.Typed:
    """What a player sends: who looks types along the steps, a bot at the first one, where labels pay most."""
    chips = [Label("", LANGUAGE, rng.randint(0, step) if skill.kind in LOOKS else 0, raw=word.title()) for word in raw]
    labels, _ = check_labels(chips, config, taboo)
    return states.Typed(labels, nothing=not labels)


@dataclass
class Game:
    """A campaign in memory: gives out maps, runs rounds and keeps the log, as a server does.

    Attributes:
        world: What there is to see.
        config: The campaign's.
        rng: Generator of everything random.
        events: The log.
        rounds: All rounds, in the order in which they began.
    """

    world: World
    config: CampaignConfig
    rng: random.Random
    events: list[Event] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with all maps active and nobody's history."""
        self.taboo = Taboo({LANGUAGE: self.world.class_words})
        self.candidates = {
            name: Candidate(name, item.image_id, item.layer, item.stream) for name, item in self.world.maps.items()
        }
        self.counts: dict[str, MapCounts] = defaultdict(MapCounts)
        self.maps_of: dict[str, set[str]] = defaultdict(set)
        self.images_of: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
        self.finished: Counter[str] = Counter()

    def begin(self, player: str, now: datetime = BEGIN) -> Round | None:
        """Open a round for a player and lease its map, or None if there is no map for them."""
        history = PlayerHistory(
            LANGUAGE, self.finished[player], frozenset(self.maps_of[player]), self.images_of[player]
        )
        choice = choose(self.candidates.values(), history, self.rng, self.config, now)
        if choice is None:
            return None
        new = states.new_round(
            round_id=f"r{len(self.rounds)}",
            player=player,
            map_id=choice.map_id,
            steps=len(self.config.reveal.steps),
            config=self.config,
            now=now,
            device=player,
        )
        started = states.start(None, new=new, now=now)
        candidate = self.candidates[choice.map_id]
        self.candidates[choice.map_id] = replace(candidate, leased=candidate.leased + 1)
        self.maps_of[player].add(choice.map_id)
        self.images_of[player][candidate.image_id].append(now)
        self.rounds.append(started.round)
        self.events += started.events
        return started.round

    def finish(self, opened: Round, skill: Skill) -> Round:
        """Play an open round to its end and book it."""
        item = self.world.maps[opened.map_id]
        ended, events = play_round(opened, skill, item, self.world, self.config, self.taboo, self.rng)
        self.events += events
        self.rounds[int(opened.round_id[1:])] = ended
        counts, candidate = self.counts[item.map_id], self.candidates[item.map_id]
        if ended.counts:
            self.finished[ended.player] += 1
            counts = MapCounts(
                counts.done + 1,
                counts.won + (ended.state is states.RoundState.WON),
                counts.resigned + (ended.state is states.RoundState.RESIGNED),
            )
        self.counts[item.map_id] = counts
        state = candidate.state
        if item.stream is Stream.NORMAL:
            state = judge_map(counts, None, self.config).state
        self.candidates[item.map_id] = replace(candidate, done=counts.done, leased=candidate.leased - 1, state=state)
        return ended

    def play(self, player: str, skill: Skill, now: datetime = BEGIN) -> Round | None:
        """A whole round, or None if there is no map for the player."""
        opened = self.begin(player, now)
        return None if opened is None else self.finish(opened, skill)


def as_answers(rounds: Sequence[Round]) -> list[Answer]:
    """What aggregation takes from rounds: those that count, a round without labels too."""
    return [
        Answer(item.map_id, item.player, frozenset(label.text for label in item.labels), LANGUAGE, item.device)
        for item in rounds
        if item.counts
    ]


def survey(
    world: World, skills: Mapping[str, Skill], players_per_map: int, config: CampaignConfig, rng: random.Random
) -> list[Round]:
    """Every map played by so many different players, drawn at random: for comparing ways of aggregating."""
    taboo = Taboo({LANGUAGE: world.class_words})
    names = sorted(skills)
    rounds: list[Round] = []
    for item in world.maps.values():
        for player in rng.sample(names, players_per_map):
            new = states.new_round(
                round_id=f"r{len(rounds)}",
                player=player,
                map_id=item.map_id,
                steps=len(config.reveal.steps),
                config=config,
                now=BEGIN,
                device=player,
            )
            rounds.append(play_round(new, skills[player], item, world, config, taboo, rng)[0])
    return rounds
