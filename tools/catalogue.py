"""Keep the game's translations complete: find every text in templates and code, update the catalogues, compile them.

    python tools/catalogue.py            # texts that are new come into each django.po, those that are gone leave it
    python tools/catalogue.py it         # the same; begins a catalogue for a language that has none
    python tools/catalogue.py --check    # changes nothing; exit code 1 and a list of what is missing

Afterwards translate what is empty in ``locale/LANGUAGE/LC_MESSAGES/django.po`` and run it again: the compiled
``django.mo`` lies beside it and is committed too, so that nobody needs GNU gettext to run the game.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "src" / "layerlore" / "game" / "server"
LOCALE = SERVER / "locale"
CALLS = {
    "_": 1,
    "gettext": 1,
    "gettext_lazy": 1,
    "ngettext": 2,
    "ngettext_lazy": 2,
    "pgettext": -1,
    "pgettext_lazy": -1,
}
"""Functions of gettext: how many texts they take; -1 stands for a context and a text."""
CALL = re.compile(r"\b(_|n?gettext|pgettext|npgettext)\(")
TEXT = re.compile(r"""\s*u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*,?""", re.DOTALL)
PLURALS = "nplurals=2; plural=(n != 1);"
"""What a new catalogue begins with; languages with other forms of the plural change the line in their django.po."""

Key = tuple[str | None, str]


@dataclass
class Found:
    """A text to translate.

    Attributes:
        plural: Its plural, or None.
        places: Files that have it.
    """

    plural: str | None = None
    places: set[str] = field(default_factory=set)


def texts() -> dict[Key, Found]:
    """Every text of the server: by context and singular."""
    found: dict[Key, Found] = {}
    for path in sorted(SERVER.rglob("*")):
        if path.suffix == ".py" and "migrations" not in path.parts:
            calls = _python(path)
        elif path.suffix in (".html", ".txt", ".md") and "templates" in path.parts:
            calls = _template(path)
        else:
            continue
        place = path.relative_to(SERVER).as_posix()
        for context, text, plural in calls:
            one = found.setdefault((context, text), Found())
            one.plural = one.plural or plural
            one.places.add(place)
    return found


def _python(path: Path) -> Iterator[tuple[str | None, str, str | None]]:
    """Calls of gettext in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in CALLS:
            continue
        values = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        wanted = CALLS[node.func.id]
        if len(values) != abs(wanted) + (wanted < 0):
            raise SystemExit(f"{path}:{node.lineno}: gettext needs plain texts; put values in by placeholders")
        yield (values[0], values[1], None) if wanted < 0 else (None, values[0], values[1] if wanted == 2 else None)


def _template(path: Path) -> Iterator[tuple[str | None, str, str | None]]:
    """Calls of gettext in a template, as Django itself reads them."""
    from django.conf import settings
    from django.utils.translation.template import templatize

    if not settings.configured:
        settings.configure()
    source = templatize(path.read_text(encoding="utf-8"))
    for call in CALL.finditer(source):
        values, end = [], call.end()
        while match := TEXT.match(source, end):
            values.append(ast.literal_eval(match[1]))
            end = match.end()
        context = values.pop(0) if "p" in call[1] else None
        yield context, values[0], values[1] if call[1].startswith("n") else None


def update(language: str, found: dict[Key, Found]) -> polib.POFile:
    """The catalogue with today's texts; translations of texts that stay are kept."""
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    known = {(entry.msgctxt, entry.msgid): entry for entry in old if not entry.obsolete}
    new = polib.POFile(wrapwidth=110)
    new.metadata = {
        "Project-Id-Version": "LayerLore",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": old.metadata.get("Plural-Forms") or PLURALS,
    }
    for (context, text), one in sorted(found.items(), key=lambda item: (min(item[1].places), item[0][1])):
        before = known.get((context, text))
        entry = polib.POEntry(msgctxt=context, msgid=text, occurrences=[(place, "") for place in sorted(one.places)])
        if one.plural is not None:
            forms = int(re.search(r"nplurals=(\d+)", new.metadata["Plural-Forms"])[1])  # type: ignore[index]
            entry.msgid_plural = one.plural
            same = before is not None and before.msgid_plural == one.plural
            entry.msgstr_plural = before.msgstr_plural if same and before else dict.fromkeys(range(forms), "")
        elif before is not None:
            entry.msgstr = before.msgstr
        if before is not None:
            entry.tcomment = before.tcomment
        if "%(" in text:
            entry.flags = ["python-format"]
        new.append(entry)
    return new


def compiled(catalogue: polib.POFile) -> bytes:
    """The catalogue as the server reads it."""
    return catalogue.to_binary()


def faults(catalogue: polib.POFile) -> list[str]:
    """What is wrong with a catalogue: texts without a translation, fuzzy ones, and placeholders that differ."""
    wrong = []
    for entry in catalogue:
        given = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if not all(given):
            wrong.append(f"not translated: {entry.msgid}")
        elif entry.fuzzy:
            wrong.append(f"fuzzy: {entry.msgid}")
        else:
            wrong += [f"other placeholders: {entry.msgid}" for text in given if not _fits(entry, text)]
    return wrong


def _fits(entry: polib.POEntry, text: str) -> bool:
    """Whether a translation has the placeholders of the text; a plural form may do without the number."""
    wanted = _placeholders(entry.msgid) | _placeholders(entry.msgid_plural or "")
    given = _placeholders(text)
    return given == wanted or (bool(entry.msgid_plural) and given <= wanted)


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[a-z]|%%|</?\w+>", text))


def main() -> int:
    """Update or check all catalogues; 1 if something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", help="languages; all that have a catalogue if none is given")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something is missing")
    given = parser.parse_args()
    found, bad = texts(), 0
    for language in given.languages or sorted(path.name for path in LOCALE.glob("*") if path.is_dir()):
        place = LOCALE / language / "LC_MESSAGES"
        new = update(language, found)
        wrong = faults(new)
        content = str(new) + "\n"
        if given.check:
            for name, now in (("django.po", content.encode()), ("django.mo", compiled(new))):
                if not (place / name).exists() or (place / name).read_bytes() != now:
                    wrong.append(f"{name} is not up to date")
        else:
            place.mkdir(parents=True, exist_ok=True)
            (place / "django.po").write_text(content, encoding="utf-8")
            (place / "django.mo").write_bytes(compiled(new))
        for line in wrong:
            print(f"{language}: {line}")
        print(f"{language}: {len(new)} texts, {len(wrong)} to mend")
        bad += len(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
