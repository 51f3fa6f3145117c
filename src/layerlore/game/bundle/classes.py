"""The classes that players choose from, and their names in each language.

English names come from the network. Other names, and the words that prove a honeypot, come from a file for each
language, ``classes.<language>.toml`` beside ``campaign.toml``; it is written, all commented out, where there is none.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.files import write_whole
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import GameClass
from layerlore.game.bundle.settings import read_toml
from layerlore.game.domain.checks import texts
from layerlore.game.domain.labels import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ENGLISH = "en"
TABLES = ("names", "honeypots")


@dataclass(frozen=True)
class ClassNames:
    """A class as the study knows it.

    Attributes:
        index: As in `GameClass`.
        name: Readable; no two classes of a campaign have the same.
        synonyms: Other names for it.
    """

    index: int
    name: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wording:
    """What the files of names say.

    Attributes:
        classes: With names in every language.
        accepted: Class index to language to the words that prove a honeypot.
        notes: What a researcher should know, one line each.
    """

    classes: tuple[GameClass, ...]
    accepted: Mapping[int, Mapping[str, tuple[str, ...]]]
    notes: tuple[str, ...]


def name_classes(
    known: Sequence[ClassNames], near: Mapping[int, Sequence[int]], languages: Sequence[str], campaign: Path
) -> Wording:
    """Name the classes in every language.

    Args:
        known: The classes.
        near: Class index to the others, the most confused first.
        languages: The campaign's.
        campaign: Folder with the files of names; missing ones are written.

    Raises:
        BundleError: A file cannot be used, names an unknown class, or names two classes alike.
    """
    spoken = {language: _read(campaign / f"classes.{language}.toml", known, language) for language in languages}
    notes = []
    for language, (names, _) in spoken.items():
        missing = [one.name for one in known if not names.get(one.index)]
        if missing and language != ENGLISH:
            what = "all classes have" if len(missing) == len(known) else f"{len(missing)} of {len(known)} classes have"
            notes.append(f"{language}: {what} English names; give others in {campaign / f'classes.{language}.toml'}")
    classes = []
    for one in known:
        own = (one.name, *one.synonyms)
        given = {language: names.get(one.index, ()) for language, (names, _) in spoken.items()}
        # English names stay forbidden where they are not shown: players know English too.
        taboo = {
            language: tuple(dict.fromkeys([*words, *(own if language == ENGLISH or not words else ())]))
            for language, words in given.items()
        }
        shown = {language: (words or own)[0] for language, words in given.items()}
        classes.append(GameClass(one.index, shown, taboo, tuple(near[one.index])))
    for language in languages:
        counts = Counter(fold(one.names[language]) for one in classes)
        twice = [one for one in classes if counts[fold(one.names[language])] > 1]
        if twice:
            raise BundleError(
                f"{campaign / f'classes.{language}.toml'}: {len(twice)} classes are called "
                f"{twice[0].names[language]!r}; players could not tell them apart, so give each its own name"
            )
    accepted = {
        one.index: {language: words[one.index] for language, (_, words) in spoken.items() if one.index in words}
        for one in known
    }
    if not any(accepted.values()):
        notes.append("honeypots are judged by the guess alone; give words for them in the files of class names")
    return Wording(tuple(classes), accepted, tuple(notes))


def _read(
    path: Path, known: Sequence[ClassNames], language: str
) -> tuple[dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]:
    """Class index to names, and to words for honeypots, from one file."""
    if not path.exists():
        write_whole(path, _template(known, language).encode())
    content = read_toml(path)
    indices = {one.name: one.index for one in known}
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    for table in content:
        if table not in TABLES:
            raise BundleError(f"{path}: {table}: there is no such table; use [names] and [honeypots]")
    for table in TABLES:
        entries = content.get(table, {})
        if not isinstance(entries, dict):
            raise BundleError(f"{path}: {table}: this is a table; write [{table}] and the classes below")
        found[table] = {}
        for name, words in entries.items():
            if name not in indices:
                raise BundleError(f"{path}: {table}: no class {name!r} in the campaign; {_hint(name, indices)}")
            try:
                found[table][indices[name]] = texts([words] if isinstance(words, str) else words)
            except ValueError as error:
                raise BundleError(f"{path}: {table}.{name}: {error}") from error
    return found["names"], found["honeypots"]


def _hint(name: str, indices: Mapping[str, int]) -> str:
    near = difflib.get_close_matches(name, indices, n=3) or list(indices)[:5]
    return f"write one of {', '.join(repr(one) for one in near)}"


def _template(known: Sequence[ClassNames], language: str) -> str:
    """A file of names with every class, commented out."""
    keys = [json.dumps(one.name, ensure_ascii=False) for one in known]
    return "\n".join(
        [
            f"# Class names in the language {language!r}. After a change run `layerlore campaign build --replace`.",
            "",
            "# Names of each class: the first is shown, players may type none of them. Without names here the",
            "# network's English ones are used. Plurals are found by themselves in English and Italian.",
            "[names]",
            *(f"# {key} = []" for key in keys),
            "",
            "# Words of which a player who looks would type at least one when shown what the last layer looks at in",
            "# such a photo.",
            "[honeypots]",
            *(f"# {key} = []" for key in keys),
            "",
        ]
    )
