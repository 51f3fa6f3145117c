"""``campaign.toml``: written with all defaults and what they mean where there is none, and read."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.files import write_whole
from layerlore.game.bundle.errors import BundleError
from layerlore.game.domain.config import KEYS, CampaignConfig, parse_config
from layerlore.game.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CAMPAIGN = "campaign"
CONFIG_FILE = "campaign.toml"
LANGUAGES = ["en", "it"]
"""Languages of the game's own pages."""
CATALOGUES = Path(__file__).parents[1] / "server" / "locale"


def language_notes(languages: Iterable[str]) -> list[str]:
    """What to know about languages of a campaign that the game's own pages do not have."""
    folders = [found.parents[1].name for found in CATALOGUES.glob("*/LC_MESSAGES/django.mo")]
    translated = {"en", *(name.replace("_", "-").lower() for name in folders)}
    return [
        f"{language}: the game's pages are not in this language, so players will read them in English; add a catalogue "
        f"(python tools/catalogue.py {language}), or leave the language out"
        for language in languages
        if language not in translated
    ]


def ensure_config(campaign: Path, study_name: str) -> CampaignConfig:
    """The configuration of a campaign, written with defaults where there is none.

    Args:
        campaign: Its folder, which is there.
        study_name: Names the campaign where nobody has named it.

    Raises:
        BundleError: The file cannot be used; the message says which key, and what to write.
    """
    path = campaign / CONFIG_FILE
    if not path.exists():
        write_whole(path, default_config(study_name).encode())
    return read_config(path)


def read_config(path: Path) -> CampaignConfig:
    """The configuration.

    Raises:
        BundleError: The file cannot be used.
    """
    return parse_text(_text(path), path)


def parse_text(text: str, path: Path) -> CampaignConfig:
    """The configuration from its text; ``path`` is for the messages.

    Raises:
        BundleError: It is no TOML, or a key is at fault.
    """
    try:
        return parse_config(parse_toml(text, path))
    except ConfigError as error:
        raise BundleError(f"{path}: {error}") from error


def read_toml(path: Path) -> dict[str, object]:
    """The tables of a TOML file.

    Raises:
        BundleError: It cannot be read, or is no TOML.
    """
    return parse_toml(_text(path), path)


def _text(path: Path) -> str:
    """A text file, as editors on any system save it.

    Raises:
        BundleError: It cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise BundleError(f"{path}: no UTF-8 text; save it as UTF-8") from error


def parse_toml(text: str, path: Path) -> dict[str, object]:
    """The tables of a TOML text.

    Raises:
        BundleError: It is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = (str(error).splitlines() or [""])[0]
        raise BundleError(f"{path}: no valid TOML ({reason}); correct it, or delete it to begin again") from error


def default_config(study_name: str) -> str:
    """The text of a configuration with all keys, each below what it means."""
    chosen: Mapping[str, object] = {"campaign.name": _slug(study_name), "campaign.languages": LANGUAGES}
    lines = [
        "# The campaign. It is frozen with the bundle: after a change run `layerlore campaign build --replace`.",
        "",
    ]
    section = ""
    for key in KEYS:
        table, _, name = key.name.partition(".")
        if table != section:
            lines += ["", f"[{table}]"] if section else [f"[{table}]"]
            section = table
        lines += [f"# {key.sentence}", f"{name} = {_toml(chosen.get(key.name, key.default))}"]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A default as TOML; JSON writes all kinds that there are in the same way, but for a full table."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }" if value else "{}"
    return json.dumps(value, ensure_ascii=False)


def _slug(name: str) -> str:
    """A name as ``campaign.name`` may be."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].strip("-") or "campaign"
