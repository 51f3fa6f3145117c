"""The same tests of rounds, invariants, races and accounts with a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from postgres import binaries, server

HERE = Path(__file__).parent
TESTS = (
    "play",
    "invariants",
    "machine",
    "faults",
    "races",
    "accounts",
    "loading",
    "staff",
    "export",
    "questionnaire",
    "questionnaire_races",
    "questionnaire_export",
)


def test_everything_on_postgresql() -> None:
    place = binaries()
    if place is None:
        if os.environ.get("LAYERLORE_REQUIRE_POSTGRES"):
            pytest.fail("no PostgreSQL on this machine, and LAYERLORE_REQUIRE_POSTGRES asks for it")
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    files = [str(HERE / f"test_server_{name}.py") for name in TESTS]
    with server(place) as url:
        # Set by this process for itself; Django would read them too early, pytest take itself for one of its workers.
        ours = ("LAYERLORE_", "DJANGO_", "PYTEST_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment["LAYERLORE_TEST_DATABASE"] = url
        options = ["-q", "-x", "-p", "no:cacheprovider", "--no-cov", "-m", "not slow"]
        command = [sys.executable, "-m", "pytest", *options, *files]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
