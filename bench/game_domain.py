"""The rules of Deep Reveal beside the figures of its specification: points, assignment, aggregation.

``points``: what a right guess is worth at each step, and what guessing without knowledge earns on average.
``assignment``: 1,000 maps, 60 players of whom some play very much (Zipf, exponent 1.4), 30 rounds open at any time,
12 % of the rounds abandoned; after 2,000 rounds begun the maps that nobody has labelled, after 3,500 the maps with at
least three labels and the finished rounds beyond three. ``least first`` is the domain's `choose`.
``aggregation``: 400 maps with 4 of 60 words each, 60 players who play whole rounds; honest ones have a sensitivity from
Beta(4, 3) and invent 0.34 words a map, parrots know the class and type 3 of the 14 words they know of it. F1 of the
labels that a rule accepts; ``two-coin`` accepts from a posterior of one half on. The specification does not give all
settings of its simulations, so the exponent, the invented words and the parrots' words are chosen to come near it.
``leaderboard``: 50 honest players of 30 rounds each and 20 bots of up to 100; best place of a bot in any seed, as the
domain pays labels, and as the specification does.

About three minutes on one thread.

    python bench/game_domain.py [--seeds 3]
"""

from __future__ import annotations

import argparse
import random
import statistics
import string
import time
from collections import Counter, deque
from contextlib import nullcontext
from typing import TYPE_CHECKING
from unittest.mock import patch

from common import RESULTS, write_csv
from layerlore.game.domain import scoring
from layerlore.game.domain.aggregation import agreed, two_coin
from layerlore.game.domain.assignment import Candidate, PlayerHistory, choose
from layerlore.game.domain.config import parse_config
from layerlore.game.domain.scoring import Ladder, guess_points, ledger, standings, step_values
from layerlore.game.domain.simulation import BEGIN, Game, Kind, Skill, as_answers, honest, make_world, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from layerlore.game.domain.aggregation import Answer
    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.domain.simulation import World

    Pick = Callable[[Sequence[int], Sequence[int], set[int], random.Random], int]

MAPS, PLAYERS, OPEN, ABANDONED, ZIPF = 1000, 60, 30, 0.12, 1.4
POINTS = {
    "table": (100, 80, 60, 40, 20, 10),
    "log": (100, 74, 55, 40, 26, 13),
    "linear": (96, 90, 82, 71, 56, 33),
}
ASSIGNMENT = {
    "random": (11.1, 61.6, 21.7),
    "random among < 3, lease": (7.5, 99.9, 2.3),
    "in order, no lease": (17.5, 41.3, 50.2),
    "in order, lease": (29.7, 88.7, 1.6),
    "least first, no lease": (1.6, 97.0, 3.7),
    "least first, lease": (0.0, 97.1, 2.4),
}
RULES = ("raw", "at least 2", "majority", "two-coin")
AGGREGATION = {
    (3, 0): (0.85, 0.77, 0.77, 0.86),
    (3, 20): (0.72, 0.64, 0.64, 0.79),
    (3, 40): (0.57, 0.48, 0.48, 0.70),
    (5, 0): (0.83, 0.94, 0.79, 0.87),
    (5, 20): (0.69, 0.87, 0.66, 0.87),
    (5, 40): (0.56, 0.70, 0.46, 0.81),
    (7, 0): (0.78, 0.98, 0.81, 0.93),
    (7, 20): (0.64, 0.92, 0.64, 0.93),
    (7, 40): (0.51, 0.78, 0.42, 0.87),
}
BOTS = (Kind.RANDOM, Kind.INSTANT, Kind.PARROT_BOT, Kind.REPLAY)
Row = dict[str, object]


def configuration(**sections: dict[str, object]) -> CampaignConfig:
    return parse_config({"campaign": {"name": "bench"}, **sections})


def row(table: str, setting: str, measure: str, ours: float, published: float | str = "") -> Row:
    print(table, setting, measure, ours, published, sep=" | ")
    return {"table": table, "setting": setting, "measure": measure, "ours": ours, "published": published}


def points_table() -> Iterator[Row]:
    for rule, published in POINTS.items():
        config = configuration(score={"rule": rule})
        values = step_values(rule, config.reveal.steps)
        for step, value in enumerate(published):
            yield row("points", rule, f"step {step}", round(values[step]), value)
        worst = 0.0
        for classes in (2, 10, 1000):
            for step in range(6):
                right, wrong = (
                    guess_points(config, step=step, classes=classes, tries=0, correct=correct)
                    for correct in (True, False)
                )
                worst = max(worst, abs(right + (classes - 1) * wrong) / classes)
        yield row("points", rule, "largest mean of guessing without knowledge", worst, 0)


def pick_random(done: Sequence[int], leased: Sequence[int], had: set[int], rng: random.Random) -> int:  # noqa: ARG001
    fresh = [number for number in range(MAPS) if number not in had]
    return rng.choice(fresh) if fresh else -1


def pick_random_wanting(done: Sequence[int], leased: Sequence[int], had: set[int], rng: random.Random) -> int:
    fresh = [number for number in range(MAPS) if number not in had]
    wanting = [number for number in fresh if done[number] + leased[number] < 3]
    return rng.choice(wanting or fresh) if fresh else -1


def pick_in_order(done: Sequence[int], leased: Sequence[int], had: set[int], rng: random.Random) -> int:
    fresh = [number for number in range(MAPS) if number not in had]
    wanting = (number for number in fresh if done[number] + leased[number] < 3)
    return next(wanting, rng.choice(fresh) if fresh else -1)


def pick_by_domain(config: CampaignConfig) -> Pick:
    """The domain's `choose`; it keeps its candidates and changes only those that have changed."""
    known = [Candidate(str(number), str(number), "layer") for number in range(MAPS)]

    def pick(done: Sequence[int], leased: Sequence[int], had: set[int], rng: random.Random) -> int:
        for number, candidate in enumerate(known):
            if candidate.done != done[number] or candidate.leased != leased[number]:
                known[number] = Candidate(
                    candidate.map_id, candidate.image_id, "layer", done=done[number], leased=leased[number]
                )
        history = PlayerHistory("en", 10, frozenset(map(str, had)))
        choice = choose(known, history, rng, config, BEGIN)
        return -1 if choice is None else int(choice.map_id)

    return pick


def campaign(pick: Pick, *, leases: bool, seed: int) -> tuple[float, float, float]:
    """Percentages: unlabelled after 2,000 rounds begun; with three labels, and beyond three, after 3,500."""
    rng = random.Random(seed)
    weights = [1 / (rank + 1) ** ZIPF for rank in range(PLAYERS)]
    done, leased, none = [0] * MAPS, [0] * MAPS, [0] * MAPS
    had: list[set[int]] = [set() for _ in range(PLAYERS)]
    running: deque[int] = deque()
    begun, unlabelled = 0, 0.0
    while begun < 3500:
        (player,) = rng.choices(range(PLAYERS), weights)
        number = pick(done, leased if leases else none, had[player], rng)
        if number < 0:  # nothing left for this player
            weights[player] = 0.0
            continue
        begun += 1
        had[player].add(number)
        leased[number] += 1
        running.append(number)
        if len(running) > OPEN:
            over = running.popleft()
            leased[over] -= 1
            done[over] += rng.random() >= ABANDONED
        if begun == 2000:
            unlabelled = 100 * sum(count == 0 for count in done) / MAPS
    beyond = sum(max(0, count - 3) for count in done) / sum(done)
    return unlabelled, 100 * sum(count >= 3 for count in done) / MAPS, 100 * beyond


def assignment_table(seeds: int) -> Iterator[Row]:
    quiet = configuration(quality={"honeypot_rate": [[0, 0.0]], "control_rate": 0.0, "training_rounds": 0})
    policies: dict[str, tuple[Callable[[], Pick], bool]] = {
        "random": (lambda: pick_random, False),
        "random among < 3, lease": (lambda: pick_random_wanting, True),
        "in order, no lease": (lambda: pick_in_order, False),
        "in order, lease": (lambda: pick_in_order, True),
        "least first, no lease": (lambda: pick_by_domain(quiet), False),
        "least first, lease": (lambda: pick_by_domain(quiet), True),
    }
    measures = ("2,000 rounds: % unlabelled", "3,500 rounds: % of maps with 3", "3,500 rounds: % beyond 3")
    for name, (make, leases) in policies.items():
        runs = [campaign(make(), leases=leases, seed=seed) for seed in range(seeds)]
        for measure, values, published in zip(measures, zip(*runs, strict=True), ASSIGNMENT[name], strict=True):
            yield row("assignment", name, measure, round(statistics.fmean(values), 1), published)


def crowd(rng: random.Random, spam: int) -> dict[str, Skill]:
    """60 players, of whom a share only parrots."""
    parrots = spam * PLAYERS // 100
    parrot = Skill(Kind.PARROT, recognises=1.0)
    return {f"p{number:02}": parrot if number < parrots else honest(rng) for number in range(PLAYERS)}


def f1(found: set[tuple[str, str]], world: World) -> float:
    true = {(item.map_id, word) for item in world.maps.values() for word in item.words}
    return 2 * len(found & true) / (len(found) + len(true))


def judge(answers: list[Answer], world: World) -> tuple[list[float], float, float, int]:
    """F1 of each rule; Brier score of the posteriors; seconds and votes of the fit."""
    begun = time.perf_counter()
    verdicts = two_coin(answers).verdicts
    seconds = time.perf_counter() - begun
    accepted = (
        {(each.map_id, each.label) for each in verdicts},
        {(map_id, label) for map_id, _, label in agreed(answers)},
        {(each.map_id, each.label) for each in verdicts if each.typed > each.seen / 2},
        {(each.map_id, each.label) for each in verdicts if each.posterior >= 0.5},
    )
    brier = statistics.fmean((each.posterior - (each.label in world.maps[each.map_id].words)) ** 2 for each in verdicts)
    return [f1(found, world) for found in accepted], brier, seconds, sum(each.seen for each in verdicts)


def aggregation_table(seeds: int) -> Iterator[Row]:
    config = configuration()
    for (players, spam), published in AGGREGATION.items():
        runs = []
        for seed in range(seeds):
            rng = random.Random(f"{players} {spam} {seed}")
            world = make_world(rng, images=400, known_of_class=14)
            runs.append(judge(as_answers(survey(world, crowd(rng, spam), players, config, rng)), world))
        setting = f"{players} players, {spam} % spam"
        for place, rule in enumerate(RULES):
            mean = statistics.fmean(run[0][place] for run in runs)
            yield row("aggregation", setting, f"F1, {rule}", round(mean, 2), published[place])
        yield row("aggregation", setting, "Brier score, two-coin", round(statistics.fmean(run[1] for run in runs), 3))
        if (players, spam) == (7, 40):
            yield row("aggregation", setting, "votes", round(statistics.fmean(run[3] for run in runs)), 34000)
            yield row("aggregation", setting, "seconds, two-coin", round(min(run[2] for run in runs), 2), 0.25)


def leaderboard(seed: int, *, trusting: bool) -> tuple[int, dict[str, float]]:
    """Best place of a bot among 50 honest players, and the mean points of a round of each kind of player."""
    rng = random.Random(seed)
    config = configuration(quality={"k_max": 30})
    game = Game(make_world(rng, images=120, maps_per_image=3, of_class=2, controls=30), config, rng)
    skills = {f"honest{number:02}": honest(rng) for number in range(50)}
    for kind in BOTS:
        skills |= {f"{kind}{number}": Skill(kind, types=8) for number in range(5)}
    turns = [name for name in skills for _ in range(30 if name.startswith("honest") else 100)]
    rng.shuffle(turns)
    for name in turns:
        game.play(name, skills[name])
    with patch.object(scoring, "trust", return_value=1.0) if trusting else nullcontext():
        entries = ledger(game.events, config, game.world.facts())
    places = [name for name, _ in standings(entries, Ladder.ALL_TIME, BEGIN)]
    rounds = Counter(item.player.rstrip(string.digits) for item in game.rounds)
    points: Counter[str] = Counter()
    for entry in entries:
        points[entry.player.rstrip(string.digits)] += entry.points
    best = next(place for place, name in enumerate(places, 1) if not name.startswith("honest"))
    return best, {kind: points[kind] / 1000 / count for kind, count in sorted(rounds.items())}


def leaderboard_table(seeds: int) -> Iterator[Row]:
    for trusting in (False, True):
        setting = "every confirmed label paid" if trusting else "labels paid by trust"
        runs = [leaderboard(seed, trusting=trusting) for seed in range(seeds)]
        yield row("leaderboard", setting, "best place of a bot", min(run[0] for run in runs), "> 10")
        for kind in runs[0][1]:
            mean = statistics.fmean(run[1][kind] for run in runs)
            yield row("leaderboard", setting, f"points a round, {kind}", round(mean, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    table = [*points_table(), *assignment_table(seeds), *aggregation_table(seeds), *leaderboard_table(seeds)]
    write_csv(RESULTS / "game_domain.csv", table)


if __name__ == "__main__":
    main()
