"""SIGKILL under load, as in bench/game_kill.py but shorter: no acknowledged answer is lost, none is half-written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.conf import settings

sys.path.append(str(Path(__file__).parents[3] / "bench"))

from gameload import campaign, killing


@pytest.mark.slow
@pytest.mark.skipif("postgres" in settings.DATABASES["default"]["ENGINE"], reason="starts its own servers, once")
def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    folder = campaign.write(tmp_path / "campaign", images=25, honeypots=10)
    found = list(killing.run(folder, "", kills=3, players=20))
    assert len(found) == 4
    assert [row["wrong"] for row in found] == [""] * 4
    assert found[-1]["errors"] == 0  # what was sent again was answered with the way to the result
    assert found[-1]["acknowledged"] > found[0]["acknowledged"] > 0
