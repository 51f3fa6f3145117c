"""A real game as a stranger gets one: photos, study, campaign, and the process ``layerlore play``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import skimage.data
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHOTOS = {"Egyptian cat": "chelsea", "espresso": "coffee", "missile": "rocket"}
ITALIAN = {"Egyptian cat": "gatto egiziano", "espresso": "caffè", "missile": "missile"}
EACH = 2
STAFF = "boss"
CONFIG = """
[campaign]
name = "three-things"
languages = ["en", "it"]
[questionnaire]
enabled = true
methods = ["layerlore", "gradcam"]
after_rounds = 1
photos = 1
pool = 1
comment = true
"""


def layerlore(*words: object) -> None:
    """Run a command in this process: torch is loaded already."""
    from layerlore.cli import app

    app([str(word) for word in words], standalone_mode=False)


def make_campaign(root: Path) -> Path:
    """A study of scikit-image's photos, read by the default network with its real weights, and its campaign."""
    for label, name in PHOTOS.items():
        (root / "photos" / label).mkdir(parents=True)
        whole = Image.fromarray(getattr(skimage.data, name)())
        whole.thumbnail((384, 384))
        for crop in range(EACH):
            part = whole.crop((10 * crop, 6 * crop, whole.width - 4 * crop, whole.height))
            part.save(root / "photos" / label / f"{name}-{crop}.png")
    study = root / "study"
    layerlore("study", "create", study, "--images", root / "photos")
    layerlore("study", "run", study, "--workers", 1)
    (study / "campaign").mkdir()
    (study / "campaign" / "campaign.toml").write_text(CONFIG, encoding="utf-8")
    names = "\n".join(f'"{english}" = "{italian}"' for english, italian in ITALIAN.items())
    (study / "campaign" / "classes.it.toml").write_text(f"[names]\n{names}\n", encoding="utf-8")
    layerlore("campaign", "build", study, "--per-layer", 1, "--side", 256, "--seed", 1, "--workers", 1)
    return study


@dataclass(frozen=True)
class Live:
    """A running game.

    Attributes:
        address: Where it answers, ending with a slash.
        folder: Of the campaign, with the database and the mails.
        staff_link: Works once: a password for the staff account.
        server: The process.
    """

    address: str
    folder: Path
    staff_link: str
    server: subprocess.Popen[str]

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database, read beside the server."""
        with closing(sqlite3.connect(f"file:{self.folder / 'game.sqlite3'}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def tell(self, query: str, *values: object) -> None:
        """Change the database behind the server's back, where a state would take half an hour to reach."""
        with closing(sqlite3.connect(self.folder / "game.sqlite3", timeout=20)) as database, database:
            assert database.execute(query, values).rowcount > 0, query

    def truth(self, token: str) -> int:
        """The true class of a round's photo."""
        query = "SELECT p.class_index FROM game_round r JOIN game_picture p ON p.id = r.picture_id WHERE r.token = ?"
        return int(self.ask(query, token)[0][0])

    def untruth(self, token: str) -> int:
        """A class that is offered and is not the true one."""
        classes = json.loads(self.ask("SELECT classes FROM game_campaign")[0][0])
        return next(int(one["index"]) for one in classes if one["index"] != self.truth(token))

    def mail_link(self, to: str) -> str:
        """The path of the link in the newest mail to an address; the keeper sends it within seconds."""
        for _ in range(100):
            for file in sorted((self.folder / "mail").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True):
                text = file.read_text(encoding="utf-8")
                found = re.search(r"/accounts/password-reset/\S+", text)
                if f"To: {to}" in text and found:
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no mail to {to} within 10 seconds")


@contextmanager
def playing(study: Path) -> Iterator[Live]:
    """The game of a study, served until the end. A proxy's header gives each visitor a network of its own."""
    command = [sys.executable, "-m", "layerlore", "play", str(study), "--port", "0", "--mail", "file"]
    command += ["--proxies", "1", "--admin", STAFF]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LAYERLORE_", "DJANGO_"))}
    said = study / "said.txt"
    with said.open("w") as errors:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=clean)
    try:
        assert server.stdout
        address = server.stdout.readline().strip().replace("//localhost", "//127.0.0.1")
        link = re.search(r"/accounts/password-reset/\S+", said.read_text())
        assert address.startswith("http://127.0.0.1:"), said.read_text()
        assert link, said.read_text()
        yield Live(address, study / "campaign", link[0], server)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0, said.read_text()
        wrong = [line for line in said.read_text().splitlines() if '"ERROR"' in line or "Traceback" in line]
        assert wrong == []


def six_digits(secret: str, *, later: int = 0) -> str:
    """What an authenticator shows (RFC 6238), now or some half minutes later."""
    counter = int(time.time()) // 30 + later
    key = base64.b32decode(secret.replace(" ", ""))
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"
