"""What each request of Deep Reveal costs the server, without a network: processor time and queries, one thread.

Players of the load generator play against the WSGI application in this process, on SQLite in a file. As the time is
processor time, other work on the machine matters little.

    python bench/game_requests.py [--rounds 200] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import io
import os
import pstats
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import gameload  # noqa: F401 puts the tests' helpers on the path
from common import RESULTS, write_csv
from gameload import campaign
from gameload.players import Diary, player
from gameload.wire import TURN, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

PLAYERS = 40


class Caller:
    """Calls the application as a server would."""

    def __init__(self, application: Callable[..., Any], profile: cProfile.Profile | None) -> None:
        """Around the application."""
        from django.db import connection

        self.application = application
        self.profile = profile
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.queries: dict[str, Counter[int]] = defaultdict(Counter)
        self.count = 0
        connection.execute_wrappers.append(self._counted)

    def _counted(self, execute: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 Django's wrapper
        self.count += 1
        return execute(*arguments)

    def call(self, request: Request, cookies: dict[str, str]) -> Reply:
        """One request."""
        body = urlencode(request.fields or {}).encode()
        told: list[Any] = []
        environ = {
            "REQUEST_METHOD": "GET" if request.fields is None else "POST",
            "PATH_INFO": request.path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": cookies["address"],
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items() if name != "address"),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        self.count, begun = 0, time.process_time()
        if self.profile:
            self.profile.enable()
        response = self.application(environ, lambda status, headers: told.extend((status, headers)))
        content = b"".join(response)
        if hasattr(response, "close"):
            response.close()
        if self.profile:
            self.profile.disable()
        self.seconds[request.kind].append(time.process_time() - begun)
        self.queries[request.kind][self.count] += 1
        headers = told[1]
        for name, value in headers:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                cookies[key] = rest.partition(";")[0]
        return Reply(int(told[0][:3]), dict(headers).get("Location", ""), content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--no-csv", action="store_true", help="only print")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="layerlore-requests-") as place:
        folder = campaign.write(Path(place) / "campaign", images=told.images)
        from layerlore.game.server.running import Server, configure, prepare

        os.environ["LAYERLORE_LOG_LEVEL"] = "WARNING"
        configure(Server(folder), folder)
        prepare(folder)
        from django.conf import settings

        settings.CAMPAIGN_KEY = ""
        from layerlore.game.server.wsgi import application

        profile = cProfile.Profile() if told.profile else None
        diary, caller = Diary(), Caller(application, profile)
        _play(caller, diary, told.rounds)
    assert not diary.errors, diary.errors[:3]
    rows = [
        {
            "kind": kind,
            "requests": len(times),
            "a round": round(len(times) / told.rounds, 2),
            "ms": round(1000 * sum(times) / len(times), 2),
            "ms a round": round(1000 * sum(times) / told.rounds, 2),
            "queries": "/".join(map(str, sorted(caller.queries[kind]))),
        }
        for kind, times in sorted(caller.seconds.items())
    ]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print("ms a round:", round(sum(row["ms a round"] for row in rows if row["kind"] not in ("consent", "join")), 2))
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        pstats.Stats(profile).sort_stats("cumtime").print_stats(90)
    if not told.no_csv:
        write_csv(RESULTS / "game_requests.csv", rows)


def _play(caller: Caller, diary: Diary, rounds: int) -> None:
    """Players in turn, each a request at a time."""
    crowd = [(player(number, diary), {"address": f"127.1.0.{number + 1}"}) for number in range(PLAYERS)]
    answers: list[Reply | None] = [None] * PLAYERS
    done = 0
    while done < rounds:
        for number, (one, cookies) in enumerate(crowd):
            wish = one.send(answers[number])
            answers[number] = caller.call(wish, cookies) if isinstance(wish, Request) else None
            done += wish is TURN


if __name__ == "__main__":
    main()
