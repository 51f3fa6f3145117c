"""Players: they look, think, show more, type two labels, guess right or wrong or resign, and look at the result."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gameload.wire import TURN, GoneError, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Generator

    Play = Generator[object, Reply | None, None]

CLASS_BYTE = 49
"""Where the first pixel of a picture stands: signature, header, and the beginning of data that are not compressed."""

HONEST, WRONG = 0.7, 0.2  # the rest resigns
WORDS = (  # noqa: SIM905 words to be read
    "ear fur nose wheel wing tail eye grass sky window roof door metal wood stripe spot round red green blue yellow "
    "white black shiny rough smooth leaf water hand face arm rope cloth handle button tube brass petal stone cross"
).split()
_PICTURE = re.compile(rb'src="(/round/[^"]+)"')
_CSRF = b'csrfmiddlewaretoken" value="'


@dataclass
class Answer:
    """An answer that was sent, and whether the server has acknowledged it."""

    token: str
    kind: str
    fields: dict[str, str]
    labels: list[str]
    acknowledged: bool = False


@dataclass
class Diary:
    """What a crowd has sent, and what went wrong."""

    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def player(number: int, diary: Diary, *, think: float = 0.0, seed: int = 0, patient: bool = False) -> Play:
    """Somebody who plays without end.

    Args:
        number: Which player.
        diary: Where answers and errors are written.
        think: Mean pause before each action in seconds; single ones vary by half of it.
        seed: Of what they do.
        patient: A server that is gone comes again: they wait for it and go on, as people do.
    """
    one = _Player(random.Random(f"{seed} {number}"), diary, think, patient=patient)
    yield from one.pause()
    page = yield from one.ask("consent", "/consent/")
    there = yield from one.ask("join", "/start/", one.form(page, agree="1", age="1"))
    while True:
        if there.status != 303 or not there.location.startswith("/round/"):
            diary.errors.append(f"start: {there.status} {there.location}")
            return
        page = yield from one.round(there.location)
        yield TURN
        there = yield from one.ask("start", "/play/", one.form(page))


class _Player:
    """What a player does, step by step."""

    def __init__(self, rng: random.Random, diary: Diary, think: float, *, patient: bool) -> None:
        self.rng = rng
        self.diary = diary
        self.think = think
        self.patient = patient
        self.token = ""

    def pause(self) -> Play:
        if self.think:
            yield self.think * self.rng.uniform(0.5, 1.5)

    def ask(self, kind: str, path: str, fields: dict[str, str] | None = None) -> Generator[object, Reply | None, Reply]:
        """A request and its answer; sent again where the server went away."""
        while True:
            try:
                reply = yield Request(kind, path, fields)
            except GoneError:
                if not self.patient:
                    self.diary.errors.append(f"{kind}: no answer")
                yield 0.2
                continue
            assert reply
            if reply.status not in (200, 303):
                self.diary.errors.append(f"{kind}: {reply.status}")
            return reply

    def form(self, page: Reply, **fields: str) -> dict[str, str]:
        """Fields of a form, with the page's token."""
        start = page.body.find(_CSRF) + len(_CSRF)
        return {"csrfmiddlewaretoken": page.body[start : start + 64].decode(), **fields}

    def look(self, kind: str, path: str) -> Generator[object, Reply | None, tuple[Reply, bytes]]:
        """A page with its pictures, of which the last is returned too."""
        page = yield from self.ask(kind, path)
        shown = b""
        for found in dict.fromkeys(_PICTURE.findall(page.body)):
            picture = yield from self.ask("picture", found.decode())
            shown = picture.body
        return page, shown

    def round(self, path: str) -> Generator[object, Reply | None, Reply]:
        """A round from its first page to its result, which is returned."""
        token = path.split("/")[2]
        page, shown = yield from self.look("page", path)
        yield from self.pause()
        labels = self.rng.sample(WORDS, 2)
        if len(shown) > CLASS_BYTE:
            own = WORDS[3 * shown[CLASS_BYTE] : 3 * shown[CLASS_BYTE] + 12]
            labels = self.rng.sample(own, 2)
        typed = {"label_0": labels[0]}
        reveals = self.rng.randint(1, 2)
        for step in range(reveals):
            fields = self.form(page, step=str(step), tries="0", **typed)
            there = yield from self.ask("reveal", f"/round/{token}/reveal/", fields)
            page, shown = yield from self.look("page", there.location or path)
            yield from self.pause()
        typed["label_1"] = labels[1]
        fields = self.form(page, step=str(reveals), tries="0", **typed)
        what = self.rng.random()
        kind = "guess" if what < HONEST + WRONG else "resign"
        if kind == "guess":
            right = shown[CLASS_BYTE] if len(shown) > CLASS_BYTE else 0
            fields["answer"] = str(right if what < HONEST else (right + 1) % 10)
        answer = Answer(token, kind, fields, sorted(labels))
        self.diary.answers.append(answer)
        there = yield from self.ask(kind, f"/round/{token}/{kind}/", fields)
        answer.acknowledged = there.status == 303 and there.location.endswith("/result/")
        if not answer.acknowledged:
            self.diary.errors.append(f"{kind}: {there.status} {there.location}")
        page, _ = yield from self.look("result", f"/round/{token}/result/")
        yield from self.pause()
        return page
