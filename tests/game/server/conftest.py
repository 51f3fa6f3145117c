"""A server with a tiny campaign: SQLite in a file with WAL, or PostgreSQL where LAYERLORE_TEST_DATABASE names it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("django", reason="the game's server is not installed: pip install 'layerlore[game]'")
pytest.importorskip("pytest_django", reason="pytest-django is not installed")

HOME = Path(tempfile.mkdtemp(prefix="layerlore-game-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
(HOME / "secret.key").write_text("not random, so that tests see the same in each run" * 2)
(HOME / "secret.key").chmod(0o600)
os.environ["LAYERLORE_CAMPAIGN"] = str(HOME)
os.environ["LAYERLORE_HTTPS"] = "1"
os.environ["LAYERLORE_HOSTS"] = "testserver"
os.environ["LAYERLORE_DATABASE"] = os.environ.get("LAYERLORE_TEST_DATABASE", "")
os.environ["LAYERLORE_LOG_LEVEL"] = "ERROR"
os.environ["DJANGO_SETTINGS_MODULE"] = "layerlore.game.server.settings"

import django  # noqa: E402
from django.conf import settings  # noqa: E402
from serving import Browser, begin, make_player, open_campaign  # noqa: E402
from small_bundle import write_bundle  # noqa: E402

from layerlore.game.server.tending import beat  # noqa: E402

if not settings.DATABASES["default"].get("TEST"):
    test = {} if os.environ["LAYERLORE_DATABASE"] else {"NAME": str(HOME / "game.sqlite3")}
    settings.DATABASES["default"]["TEST"] = test
django.setup()

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.server.models import Campaign, Player, Round


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Each process has a folder of its own, so its database keeps its name."""


@pytest.fixture(scope="session")
def bundle() -> Path:
    return write_bundle(HOME)


@pytest.fixture
def campaign(db: None, bundle: Path) -> Campaign:
    """The tiny campaign, open, as if a keeper were beside it."""
    beat(HOME)
    return open_campaign(bundle)


@pytest.fixture
def shared_campaign(transactional_db: None, bundle: Path) -> Campaign:
    """The same, seen by several threads."""
    return open_campaign(bundle)


@pytest.fixture
def change_config() -> Callable[..., None]:
    """Change sections of the stored configuration, as if the bundle had been built so."""

    def change(campaign: Campaign, **sections: dict[str, Any]) -> None:
        from layerlore.game.server.models import Campaign as Model
        from layerlore.game.server.services import campaigns

        row = Model.objects.get(pk=campaign.pk)
        for name, keys in sections.items():
            row.config[name] = {**row.config[name], **keys}
        row.save(update_fields=["config"])
        campaigns._rules.cache_clear()

    return change


@pytest.fixture
def new_player(campaign: Campaign) -> Callable[[], Player]:
    return lambda: make_player(campaign)


@pytest.fixture
def browser_client() -> Browser:
    return Browser()


@pytest.fixture
def playing(campaign: Campaign) -> tuple[Browser, Round]:
    """A guest in the browser, with a round."""
    client = Browser()
    return client, begin(client)
