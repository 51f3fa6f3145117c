"""Deep Reveal with 50,000 maps, a million labels and 10,000 players, on SQLite: what one request waits for.

The rows are made by SQL: each player has had 50 maps of 50 photos and typed two labels on each, 10 rounds a map, the
log with them. On nine of ten maps all labels are decided, so that few are still given out. Measured, with the file's
pages in the system's cache: to choose the next map for a player, to start a round, to answer it (on a usual map, and
on one that is shown again and again), the leaderboard without its cache, and from starting the server to its first
answer, with the campaign loaded before.

    python bench/game_pick.py [--maps 50000] [--players 10000] [--times 300]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from small_bundle import picture, write_bundle

import gameload  # noqa: F401 puts the tests' helpers on the path
from common import RESULTS, write_csv
from gameload import serving
from gameload.campaign import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 50
AT = "2026-01-05 12:00:00"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=50_000)
    parser.add_argument("--players", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--no-csv", action="store_true", help="only print")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="layerlore-pick-") as place:
        folder = Path(place) / "campaign"
        # A photo has three maps and a control map.
        write_bundle(
            folder, images=told.maps // 4, honeypots=200, known=NAMES, draw=_one_picture, quality={"k_max": 30}
        )
        starts = [_start(folder) for _ in range(3)]
        from layerlore.game.server.running import Server, configure

        configure(Server(folder), folder)
        _fill(told.maps, told.players)
        rows = [{"what": "first start, with the bundle loaded and checked", "times": 1, "p50 ms": starts[0]}]
        rows += [{"what": "later start", "times": 2, "p50 ms": min(starts[1:])}]
        rows += _measure(told.times)
        rows.append({"what": "start with a million labels", "times": 1, "p50 ms": _start(folder)})
        rows.append({"what": "MB of the database", "p50 ms": (folder / "game.sqlite3").stat().st_size // 10**6})
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if not told.no_csv:
        write_csv(RESULTS / "game_pick.csv", [{"maps": told.maps, "players": told.players, **row} for row in rows])


def _one_picture(number: int, _class_index: int) -> bytes:
    """Few different ones, so that 300,000 files take no room."""
    return picture(number // 20_000)


def _start(folder: Path) -> float:
    server = serving.start(folder)
    serving.stop(server)
    return round(1000 * server.seconds)


def _fill(maps: int, players: int) -> None:
    """Rows as if everybody had played ``ROUNDS`` rounds."""
    from django.db import connection

    from layerlore.game.server.models import Account, Campaign, ConsentText, Map, Player

    campaign = Campaign.objects.get()
    first = Map.objects.order_by("pk").values_list("pk", flat=True)[0]
    text = ConsentText.objects.filter(language="en").values_list("pk", flat=True)[0]
    names = [f"p{number}" for number in range(players)]
    Account.objects.bulk_create(Account(username=name, skeleton=name, password="x") for name in names)  # noqa: S106
    accounts = Account.objects.values_list("pk", "username")
    Player.objects.bulk_create(
        Player(account_id=pk, nickname=name, kind="registered", seed=pk) for pk, name in accounts
    )
    some = f"WITH RECURSIVE k(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM k WHERE j + 1 < {ROUNDS}) "
    steps = [
        f"INSERT INTO game_consent (player_id, text_id, at) SELECT id, {text}, '{AT}' FROM game_player",
        # Numbers far apart, so that the 50 maps of a player are of 50 photos.
        f"""{some} INSERT INTO game_round (token, campaign_id, map_id, picture_id, player_id, stream, why, device,
        language, steps, step, tries, guesses, drafts, state, "nothing", request, void_reason, counted, counted_on,
        started, expires, ended)
        SELECT printf('%032x', p.id * {ROUNDS} + j), m.campaign_id, m.id, m.picture_id, p.id, 'normal', 'least', '',
        'en', 6, 1, 1, '[[0, 1]]', '[]', 'won', 0, '', '', 1, '2026-01-05', '{AT}', '{AT}', '{AT}'
        FROM game_player p, k JOIN game_map m
        ON m.id = {first} + (p.id * 7919 + j * 1013) % {maps}""",
        """INSERT INTO game_label (round_id, map_id, text, raw, language, step, kind, assisted, flagged, hidden)
        SELECT id, map_id, 'word ' || char(97 + (id + w) % 26, 97 + id / 26 % 26), 'x', 'en', w, '', 0, 0, 0
        FROM game_round, (SELECT 0 AS w UNION ALL SELECT 1)""",
        f"""INSERT INTO game_event (round_id, kind, at, step, value, language, correct)
        SELECT r.id, e.kind, '{AT}', 1, '', '', NULL FROM game_round r,
        (SELECT 'started' AS kind UNION ALL SELECT 'revealed' UNION ALL SELECT 'labelled' UNION ALL
        SELECT 'guessed' UNION ALL SELECT 'won') e""",
        f"""INSERT INTO game_standing (campaign_id, player_id, ladder, value)
        SELECT {campaign.pk}, id, 'all-time', id * 7919 % 100000 FROM game_player""",
        """UPDATE game_map SET done = (SELECT count(*) FROM game_round r WHERE r.map_id = game_map.id)""",
        "UPDATE game_map SET entropy = 0 WHERE id % 10 > 0",
    ]
    with connection.cursor() as cursor:
        for step in steps:
            cursor.execute(step)


def _measure(times: int) -> list[dict[str, Any]]:
    from django.core.cache import cache
    from django.utils import timezone

    from layerlore.game.domain.scoring import Ladder
    from layerlore.game.server.models import Label, Map, Player
    from layerlore.game.server.services import assignment, campaigns, leaderboard, rounds

    campaign = campaigns.current()
    config = campaigns.rules(campaign).config
    now = timezone.now()
    people = list(Player.objects.order_by("pk")[: 20 * times : 20])
    random.Random(0).shuffle(people)
    assert len(people) == times
    assert Label.objects.count() >= 900_000 or times < 300, Label.objects.count()

    def pick(player: Player) -> None:
        assert assignment.pick(campaign, player, config, language="en", now=now)

    def start(player: Player) -> None:
        assert rounds.start(campaign, player, language="en", device="", now=timezone.now())

    def answer(player: Player) -> None:
        row = rounds.open_round(player, campaign)
        assert row
        rounds.guess(
            player, row.token, step=0, tries=0, answer="0", typed=_typed("word aa", "word ba"), now=timezone.now()
        )

    def often(player: Player) -> None:
        """On a map that everybody gets: a known one."""
        player_round = rounds.start(campaign, player, language="en", device="", now=timezone.now())
        assert player_round
        if not player.rounds.filter(map=popular).exists():
            player.rounds.filter(pk=player_round.round.pk).update(map=popular, picture=popular.picture)
            Map.objects.filter(pk=popular.pk).update(leased=1)
        answer(player)

    popular = Map.objects.filter(kind="honeypot").order_by("pk")[0]
    rows = [_timed("choose a map", people, pick), _timed("start a round", people, start)]
    rows.append(_timed("answer", people, answer))
    rows.append(_timed("start, and answer on a map of many rounds", people, often))
    rows.append(
        _timed("leaderboard", [0] * 20, lambda _: (cache.clear(), leaderboard.top(campaign, Ladder.ALL_TIME, now)))
    )
    rows.append(
        _timed(
            "own place on it",
            people,
            lambda player: (cache.clear(), leaderboard.own(campaign, Ladder.ALL_TIME, player, now)),
        )
    )
    return rows


def _typed(*texts: str) -> Any:  # noqa: ANN401 Django must be ready for the import
    from layerlore.game.domain.labels import Label
    from layerlore.game.domain.states import Typed

    return Typed(tuple(Label(text, "en", 0, text) for text in texts))


def _timed(what: str, each: list[Any], do: Callable[[Any], object]) -> dict[str, Any]:
    times = []
    for one in each:
        begun = time.perf_counter()
        do(one)
        times.append(1000 * (time.perf_counter() - begun))
    times.sort()
    return {
        "what": what,
        "times": len(times),
        "p50 ms": round(times[len(times) // 2], 2),
        "p95 ms": round(times[int(0.95 * len(times))], 2),
        "max ms": round(times[-1], 2),
    }


if __name__ == "__main__":
    main()
