"""Opens a campaign's database from the command line: nothing is served, migrated or made; what is wrong is one line."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.errors import LayerLoreError, SettingError, StudyError
from layerlore.game.bundle.head import load_head
from layerlore.game.server import environment, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.game.bundle.head import BundleHead
    from layerlore.game.server.models import Campaign


MIGRATIONS = "django_migrations"
"""The table that a database has once a server has been started on it."""


@dataclass(frozen=True)
class Opened:
    """A campaign whose database can be read.

    Attributes:
        folder: The campaign's.
        head: What its bundle is.
        campaign: Its row.
    """

    folder: Path
    head: BundleHead
    campaign: Campaign


@contextmanager
def opened(folder: Path, database: str = "") -> Iterator[Opened]:
    """A campaign whose database can be read, also while players play.

    Args:
        folder: The study's, or the campaign's.
        database: URL as for ``layerlore play``; "" for LAYERLORE_DATABASE, or SQLite in the campaign's folder.

    Raises:
        LayerLoreError: There is no campaign, nobody has played it yet, or its database cannot be used.
    """
    place = running.campaign_folder(folder)
    head = load_head(place)
    url = database or environment.read("DATABASE")
    _check_files(place, folder, environment.database(url, place))
    _set_up(place, url, head.campaign_id)
    from django.db import DatabaseError

    try:
        yield Opened(place, head, find_campaign(head, folder))
    except DatabaseError as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingError(f"database: {reason}; check --database, or try again") from error


def _check_files(place: Path, folder: Path, settings: dict[str, object]) -> None:
    """Refuse where Django would make a file that is not there yet.

    Raises:
        StudyError: It would.
    """
    if "sqlite" in str(settings["ENGINE"]) and not Path(str(settings["NAME"])).is_file():
        raise StudyError(f"{settings['NAME']}: nobody has played yet; open the game with layerlore play {folder}")
    secret = place / environment.SECRET_FILE
    if not secret.is_file():
        raise StudyError(f"{secret}: is missing, and pseudonyms are made with it; restore it from the server's folder")


def _set_up(place: Path, url: str, key: str) -> None:
    """Load Django for this campaign.

    Raises:
        LayerLoreError: It is loaded for another one; or a setting is wrong.
    """
    from django.conf import settings

    if settings.configured:
        known = settings.DATABASES["default"]
        if place != settings.CAMPAIGN_FOLDER or known["NAME"] != environment.database(url, place)["NAME"]:
            raise LayerLoreError(f"{place}: another campaign is open in this process; use a process of its own")
        return
    os.environ[environment.PREFIX + "CAMPAIGN_KEY"] = key
    os.environ.setdefault(environment.PREFIX + "LOG_LEVEL", "WARNING")
    running.configure(running.Server(folder=place, database=url), place)


def find_campaign(head: BundleHead, folder: Path) -> Campaign:
    """The row of a bundle's campaign.

    Raises:
        SettingError: The database was changed by another version, or holds another bundle.
        StudyError: It holds no such campaign.
    """
    from django.db import connection

    from layerlore.game.server.models import Campaign

    if MIGRATIONS not in connection.introspection.table_names():
        raise StudyError(f"{folder}: nobody has played yet; open the game with layerlore play {folder}")
    running.refuse_newer()
    running.refuse_older()
    rows = list(Campaign.objects.order_by("pk"))
    found = next((row for row in rows if row.key == head.campaign_id), None)
    if found is None:
        names = ", ".join(row.name for row in rows[:4])
        others = f"it holds {names}" if rows else "it holds none"
        raise StudyError(f"database: not of this campaign, {others}; open the game with layerlore play {folder}")
    if found.bundle_hash != head.sha256:
        raise SettingError(f"{folder}: the bundle is not the one that was played; restore the folder campaign/bundle")
    return found
