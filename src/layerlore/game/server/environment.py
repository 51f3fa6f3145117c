"""What the server is told from outside: environment variables, turned into Django's values.

``layerlore play`` sets the variables; whoever runs the server otherwise (gunicorn by hand, a management command) sets
them alike. Only the standard library is used here, for settings are read before Django is.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX = "LAYERLORE_"
DATABASE_FILE = "game.sqlite3"
SECRET_FILE = "secret.key"  # noqa: S105 - a file's name
MAIL_FOLDER = "mail"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
BUSY_SECONDS = 20
SQLITE_START = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"


def read(name: str, default: str = "") -> str:
    """The variable ``LAYERLORE_<name>``."""
    return os.environ.get(PREFIX + name, default)


def flag(name: str) -> bool:
    """Whether the variable says yes.

    Raises:
        SettingError: It says neither yes nor no.
    """
    value = read(name).strip().lower()
    if value not in ("", "0", "1", "no", "yes", "false", "true"):
        raise SettingError(f"{PREFIX}{name}: {value!r} is neither 1 nor 0; write one of the two")
    return value in ("1", "yes", "true")


def database(url: str, folder: Path | None) -> dict[str, Any]:
    """Django's settings of a database.

    Args:
        url: ``postgres://user:password@host:port/name``, ``sqlite:///path``, or "" for SQLite in the campaign's folder.
        folder: The campaign's; without one SQLite is in memory.

    Raises:
        SettingError: It is the URL of something else.
    """
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        usual = str(folder / DATABASE_FILE) if folder else ":memory:"
        return {
            "ENGINE": "layerlore.game.server.sqlite",
            "NAME": unquote(parts.path[1:]) if url else usual,
            "CONN_MAX_AGE": None,  # to open and close a file costs more than most requests
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": BUSY_SECONDS, "init_command": SQLITE_START},
        }
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise SettingError(
            f"database {parts.scheme or url!r}: not known; write postgres://USER:PASSWORD@HOST:PORT/NAME"
        )
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or options.pop("host", "")),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A statement is planned once for each connection, not each time; that is a third of the work of a round.
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": 3, **options},
    }


def mail(kind: str, folder: Path) -> Mapping[str, Any]:
    """Django's settings of mail.

    Args:
        kind: ``console``, ``file`` (the folder mail beside the campaign), or ``smtp://user:password@host:port`` with
            ``smtps://`` for TLS from the start and ``smtp+tls://`` for STARTTLS; ``?from=`` names the sender.
        folder: The campaign's.

    Raises:
        SettingError: It is none of them.
    """
    backend = "django.core.mail.backends."
    parts = urlsplit(kind or "console")
    sender = parse_qs(parts.query).get("from", ["layerlore@localhost"])[-1]
    if kind in ("", "console"):
        return {"DELIVERY": {"BACKEND": backend + "console.EmailBackend"}, "DEFAULT_FROM_EMAIL": sender}
    if kind == "file":
        path = str(folder / MAIL_FOLDER)
        return {
            "DELIVERY": {"BACKEND": backend + "filebased.EmailBackend"},
            "EMAIL_FILE_PATH": path,
            "DEFAULT_FROM_EMAIL": sender,
        }
    if parts.scheme not in ("smtp", "smtps", "smtp+tls") or not parts.hostname:
        raise SettingError(
            f"mail {parts.scheme or kind!r}: not known; write console, file, or smtp://USER:PASSWORD@HOST"
        )
    usual = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
    return {
        "DELIVERY": {"BACKEND": backend + "smtp.EmailBackend"},
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or usual[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_TIMEOUT": 10,
        "DEFAULT_FROM_EMAIL": sender,
    }


def secret_key(folder: Path) -> str:
    """The campaign's secret, made on first use and readable by its owner only.

    Raises:
        SettingError: The file cannot be read or made, is too short, or others may read it.
    """
    path = folder / SECRET_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_secret(path)
    except OSError as error:
        raise SettingError(f"{path}: cannot be made, {error.strerror}; make the folder writable") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64))
    return _read_secret(path)


def _read_secret(path: Path) -> str:
    """Content of the file, once it is known to be a secret.

    Raises:
        SettingError: It is none.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise SettingError(f"{path}: others may read it; run chmod 600 on it")
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: cannot be read; remove it, and everybody has to log in again") from error
    if len(secret) < 50:
        raise SettingError(f"{path}: is too short; remove it, and everybody has to log in again")
    return secret
