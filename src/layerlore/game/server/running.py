"""Runs the server: database brought up to date, campaign loaded, gunicorn's workers, and the keeper beside them."""

from __future__ import annotations

import gc
import os
import socket
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from layerlore.errors import SettingError, StudyError
from layerlore.game.server import environment
from layerlore.game.server.tending import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEEP_ALIVE = 75
GRACE = 10
MANIFEST = "bundle/manifest.json"


@dataclass(frozen=True)
class Server:
    """What ``layerlore play`` was told.

    Attributes:
        folder: The study's, or the campaign's.
        host: Address to listen on.
        port: Port; 0 for any.
        names: Further names of the host.
        database: URL, or "" for SQLite.
        workers: Processes.
        threads: Threads of each.
        https: Players come by https.
        proxies: Trusted proxies in front.
        mail: How mail is sent.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    database: str = ""
    workers: int = 2
    threads: int = 8
    https: bool = False
    proxies: int = 0
    mail: str = "console"


def campaign_folder(folder: Path) -> Path:
    """The folder with the bundle: the one given, or ``campaign`` in it.

    Raises:
        StudyError: There is no campaign.
    """
    for place in (folder / "campaign", folder):
        if (place / MANIFEST).is_file():
            return place.resolve()
    raise StudyError(f"{folder}: no campaign is here; build one with layerlore campaign build {folder}")


def address(server: Server) -> str:
    """The address that players type, and that links in mails have."""
    if server.names:
        port = "" if server.https else f":{server.port}"
        return f"http{'s' * server.https}://{server.names[0]}{port}/"
    everywhere = server.host in ("0.0.0.0", "127.0.0.1", "::", "::1")  # noqa: S104
    return f"http://{'localhost' if everywhere else server.host}:{server.port}/"


def configure(server: Server, folder: Path) -> None:
    """Set the environment that `settings` reads, and load Django.

    Raises:
        SettingError: A setting is wrong.
    """
    names = [*server.names, *([server.host] if server.host not in ("0.0.0.0", "::") else _own_addresses())]  # noqa: S104
    values = {
        "CAMPAIGN": str(folder),
        "DATABASE": server.database,
        "HOSTS": ",".join(dict.fromkeys(names)),
        "HTTPS": str(int(server.https)),
        "ADDRESS": address(server),
        "PROXIES": str(server.proxies),
        "MAIL": server.mail,
    }
    os.environ.update({environment.PREFIX + name: value for name, value in values.items()})
    os.environ["DJANGO_SETTINGS_MODULE"] = "layerlore.game.server.settings"
    import django

    django.setup()


def _own_addresses() -> list[str]:
    """Addresses under which this machine is reached, where the server listens on all."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return [socket.gethostname()]
    return [socket.gethostname(), *(str(entry[4][0]) for entry in found)]


def is_reachable(server: Server) -> bool:
    """Whether others than this machine's own users can come."""
    try:
        local = ip_address(server.host).is_loopback
    except ValueError:
        local = server.host == "localhost"
    return bool(server.names) or not local


def prepare(folder: Path) -> list[Path]:
    """Bring the database up to date, load the campaign and open it if it is new.

    Returns:
        Consent texts that nobody has made their own.

    Raises:
        SettingError: The database cannot be used.
    """
    from django.conf import settings
    from django.core.management import call_command
    from django.db import DatabaseError, connection

    from layerlore.game.domain.lifecycle import CampaignState
    from layerlore.game.server.services import campaigns, consents, loading

    try:
        refuse_newer()
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingError(f"database: {reason}; check --database, or the folder {folder}") from error
    campaign = loading.load(folder)
    if campaign.state == CampaignState.DRAFT.value:
        campaigns.move(campaign, CampaignState.OPEN)
    os.environ[environment.PREFIX + "CAMPAIGN_KEY"] = campaign.key  # for the keeper
    settings.CAMPAIGN_KEY = campaign.key  # for the workers, which are forks of this process
    unchanged = consents.unchanged(folder, campaigns.rules(campaign).config)
    connection.close()  # the workers open their own
    return unchanged


def refuse_newer() -> None:
    """Leave a database alone that a newer LayerLore has changed.

    Raises:
        SettingError: It has migrations that this version does not know.
    """
    applied, known = _migrations()
    if unknown := sorted(applied - known):
        raise SettingError(f"database: a newer LayerLore has changed it ({unknown[0]}); update LayerLore")


def refuse_older() -> None:
    """Do not read a database as if it were of this version.

    Raises:
        SettingError: It lacks migrations that this version has.
    """
    applied, known = _migrations()
    if missing := sorted(known - applied):
        raise SettingError(
            f"database: an older LayerLore made it ({missing[0]} is missing); start layerlore play once, which brings "
            "it up to date"
        )


def _migrations() -> tuple[set[str], set[str]]:
    """Names of the game's migrations: those of the database, and those that this version has."""
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    every = (loader.applied_migrations, loader.disk_migrations or ())
    applied, known = ({name for app, name in some if app == "game"} for some in every)
    return applied, known


def serve(server: Server, *, admin: str | None, say: Callable[[str], None], show: Callable[[str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        server: What to serve.
        admin: Name of a staff account to make or reset, or None.
        say: Prints what is going on.
        show: Prints what the user asked for: the address.

    Raises:
        LayerLoreError: Something is wrong with what was given.
    """
    folder = campaign_folder(server.folder)
    os.umask(0o077)  # the database and mails are nobody else's on this machine
    listener = _listen(server)
    server = replace(server, port=listener.getsockname()[1])
    configure(server, folder)
    unchanged = prepare(folder)
    if unchanged and is_reachable(server):
        say(
            f"warning: {', '.join(map(str, unchanged))}: not changed yet; add who runs the study, how to reach them, "
            "and the licence under which labels are published"
        )
    if admin:
        from layerlore.game.server.services.staff import one_time_link

        say(f"For {admin}, once and within 30 minutes: {address(server).rstrip('/')}{one_time_link(admin)}")
    keeper = Keeper(folder)
    try:
        _gunicorn(server, listener, ready=lambda: show(address(server)), tend=keeper.tend)
    finally:
        keeper.end(GRACE)


def _listen(server: Server) -> socket.socket:
    """A socket that is bound already, so that a port in use is told in one line.

    Raises:
        SettingError: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((server.host, server.port))
    except OSError as error:
        listener.close()
        raise SettingError(
            f"{server.host}:{server.port}: cannot be listened on, {error.strerror}; choose another --port"
        ) from error
    return listener


def _settle() -> None:
    """What a worker has loaded stays; to look through it again and again for garbage would take its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _gunicorn(server: Server, listener: socket.socket, *, ready: Callable[[], None], tend: Callable[[], None]) -> None:
    """Run the workers until told to end.

    Args:
        server: What to serve.
        listener: The socket.
        ready: Called once requests are taken and signals are heeded.
        tend: Called about once a second. Not in a thread: workers are forks, and a fork keeps a thread's locks.
    """
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter

    listener.listen(2048)
    os.set_inheritable(listener.fileno(), True)
    options: dict[str, Any] = {
        "bind": [f"fd://{listener.fileno()}"],
        "workers": server.workers,
        "threads": server.threads,
        "worker_class": "layerlore.game.server.patient.PatientWorker",
        "keepalive": KEEP_ALIVE,
        "graceful_timeout": GRACE,
        "timeout": 60,
        "limit_request_line": 2048,
        "limit_request_fields": 60,
        "limit_request_field_size": 8190,
        "forwarded_allow_ips": "",
        "loglevel": "warning",
        "preload_app": False,
        "when_ready": lambda _: ready(),
        "post_worker_init": lambda _: _settle(),
    }

    class Tending(Arbiter):  # type: ignore[misc]  # gunicorn has no types
        def manage_workers(self) -> None:
            super().manage_workers()
            tend()

    class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> object:
            from layerlore.game.server.wsgi import application

            return application

    Tending(Application()).run()
