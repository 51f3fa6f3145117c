"""How many queries the requests of a round may take, once what never changes is known; speed hangs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from serving import Browser, begin, truth

from layerlore.game.server.models import Round
from layerlore.game.server.services.prepared import Prepared

if TYPE_CHECKING:
    from layerlore.game.server.models import Campaign

MOST = {"page": 4, "picture": 2, "reveal": 4, "guess": 20, "result": 8, "start": 18}


def test_a_round_takes_few_queries(campaign: Campaign) -> None:
    for number in range(4):  # those after the first have others' labels to compare
        client = Browser()
        row = begin(client)
        path = f"/round/{row.token}"
        answer = {"step": "1", "tries": "0", "answer": truth(row), "label_0": "fur", "label_1": "ears"}
        requests = (
            ("page", "get", f"{path}/", {}),
            ("picture", "get", f"{path}/image/0/", {}),
            ("reveal", "post", f"{path}/reveal/", {"step": "0", "label_0": "fur"}),
            ("guess", "post", f"{path}/guess/", answer),
            ("result", "get", f"{path}/result/", {}),
            ("start", "post", "/play/", {}),
        )
        for kind, method, address, data in requests:
            with CaptureQueriesContext(connection) as queries:
                assert getattr(client, method)(address, data).status_code in (200, 303), kind
            real = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
            if number:
                assert len(real) <= MOST[kind], f"{kind}:\n" + "\n".join(sql[:150] for sql in real)


@pytest.mark.django_db
def test_a_prepared_query_gives_what_django_gives(playing: tuple[Browser, Round]) -> None:
    _, row = playing
    usual = Round.objects.select_related("map", "picture").filter(token=row.token, player=row.player_id)
    query = Prepared(
        lambda token, player: Round.objects.select_related("map", "picture").filter(token=token, player=player)[:1],
        token=str,
        player=int,
    )
    for _ in range(2):
        found = query.first(token=row.token, player=row.player_id)
        assert found is not None
        wanted = usual.get()
        assert {name: value for name, value in vars(found).items() if name != "_state"} == {
            name: value for name, value in vars(wanted).items() if name != "_state"
        }
        assert (found.map.steps, found.picture) == (wanted.map.steps, wanted.picture)
    assert query.first(token=row.token, player=row.player_id + 1) is None
    with pytest.raises(ValueError, match="not in the query"):
        Prepared(lambda **_: Round.objects.all(), token=str).all(token="x")  # noqa: S106
