"""Names of classes: ImageNet's from timm, or the user's; and finding a class by what a person typed."""

from __future__ import annotations

import difflib
import json
import operator
import re
import textwrap
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from layerlore.errors import ModelError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORDNET_ID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class ClassNames:
    """The classes of a network in the order of its outputs.

    Attributes:
        names: Readable and short, one per class, such as ``tabby``.
        wnids: WordNet ids such as ``n02123045``, or None if unknown.
        synonyms: Further names by which each class can be asked for.
    """

    names: tuple[str, ...]
    wnids: tuple[str, ...] | None = None
    synonyms: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.names)

    def find(self, target: int | str) -> int:
        """Return the index of a class.

        A class's own short name goes before the synonyms of others, so every name in ``names`` that only one
        class has finds that class.

        Args:
            target: Index, index as text, WordNet id or name; case does not matter.

        Raises:
            TargetError: No class has this name (near ones are listed), or several have it (they are listed).
        """
        if not isinstance(target, str):
            return self._by_index(target)
        text = _fold(target)
        for table in self._tables:
            found = table.get(text)
            if found is not None:
                return self._only(target, found)
        if re.fullmatch(r"-?\d+", text):
            return self._by_index(int(text))
        raise TargetError(f"no class is called {target!r}; {self._near(text)}")

    def _by_index(self, target: SupportsIndex) -> int:
        """Check an index; NumPy's and torch's integers count."""
        try:
            index = operator.index(target)
        except TypeError as error:
            kind = type(target).__name__
            raise TargetError(f"a class is asked for by index or name, not by {kind}") from error
        if 0 <= index < len(self.names):
            return index
        raise TargetError(f"class {index} does not exist; the network has classes 0 to {len(self.names) - 1}")

    @cached_property
    def _tables(self) -> tuple[dict[str, list[int]], ...]:
        """Folded name -> classes: WordNet ids, own names, all synonyms; asked in this order."""
        synonyms = self.synonyms or tuple(() for _ in self.names)
        return (
            _table((wnid,) for wnid in self.wnids or ()),
            _table((name,) for name in self.names),
            _table((*_parts(name), *more) for name, more in zip(self.names, synonyms, strict=True)),
        )

    def _only(self, target: str, found: list[int]) -> int:
        """The one class found; several are told, never guessed."""
        if len(found) == 1:
            return found[0]
        listed = "; ".join(self._listed(index) for index in found[:8])
        raise TargetError(f"{target!r} fits {len(found)} classes; ask by index: {listed}")

    def _listed(self, index: int) -> str:
        """A class with its index, name and WordNet id."""
        wnid = f" [{self.wnids[index]}]" if self.wnids else ""
        return f"{index} {self.names[index]}{wnid}"

    def _near(self, text: str) -> str:
        """A hint at names that hold the word typed, or are spelt almost like it."""
        known = self._tables[-1]
        words = text.split()
        holding = [name for name in known if words and set(words) <= set(re.split(r"[\s-]", name))]
        spelt = [] if holding else difflib.get_close_matches(text, known, n=5, cutoff=0.7)
        near = list(dict.fromkeys(index for name in (*holding, *spelt) for index in known[name]))
        if near:
            return f"near are {'; '.join(self._listed(index) for index in near[:6])}"
        return f"ask by index (0 to {len(self.names) - 1}) or name, such as {self.names[0]!r}"


def imagenet_names(subset: str = "imagenet-1k") -> ClassNames:
    """Return ImageNet's names as timm ships them.

    A class's short name is its first WordNet lemma; where several classes share it, the beginning of its definition
    follows in brackets.

    Args:
        subset: A subset that ``timm.data.ImageNetInfo`` knows, such as ``imagenet-1k`` or ``imagenet-22k``.
    """
    from timm.data.imagenet_info import ImageNetInfo

    info: Any = ImageNetInfo(subset)
    return names_of_wordnet_ids(tuple(info.label_names()))


@lru_cache(maxsize=8)
def names_of_wordnet_ids(wnids: tuple[str, ...]) -> ClassNames:
    """Return readable names for WordNet ids that timm knows.

    Raises:
        ModelError: An id is unknown.
    """
    info = _wordnet()
    try:
        lemmas = [tuple(_parts(info.label_name_to_description(wnid))) for wnid in wnids]
        details = [info.label_name_to_description(wnid, detailed=True) for wnid in wnids]
    except KeyError as error:
        raise ModelError(f"unknown WordNet id {error}; give readable class names instead") from error
    shared: dict[str, int] = {}
    for words in lemmas:
        shared[_fold(words[0])] = shared.get(_fold(words[0]), 0) + 1
    names = tuple(
        words[0] if shared[_fold(words[0])] == 1 else f"{words[0]} ({_clipped(detail)})"
        for words, detail in zip(lemmas, details, strict=True)
    )
    synonyms = tuple((*words, ", ".join(words)) for words in lemmas)
    return ClassNames(names, wnids, synonyms)


@lru_cache(maxsize=1)
def _wordnet() -> Any:  # noqa: ANN401 timm has no types
    """The table of WordNet ids, lemmas and definitions in timm."""
    from timm.data.imagenet_info import ImageNetInfo

    return ImageNetInfo("imagenet-22k")


def read_class_names(given: Sequence[str] | Path | str | ClassNames) -> ClassNames:
    """Return class names from a list, a file, or the word ``imagenet``.

    A text file has one name per line, optionally after a WordNet id. A JSON file holds a list of names, or an
    object from index to name or to ``[WordNet id, name]``. A list of nothing but WordNet ids becomes readable names.

    Raises:
        ModelError: The file cannot be read, or holds no names.
    """
    if isinstance(given, ClassNames):
        return given
    if isinstance(given, str) and given.lower() in {"imagenet", "imagenet-1k"}:
        return imagenet_names()
    if isinstance(given, str | Path):
        return _from_entries(_read_file(Path(given)), str(given))
    return _from_entries(list(given), "class_names")


def numbered_names(count: int) -> ClassNames:
    """Return "class 0", "class 1", ... where nothing better is known."""
    return ClassNames(tuple(f"class {index}" for index in range(count)))


def check_count(names: ClassNames, count: int, network: str) -> None:
    """Refuse names that are not one per class.

    Raises:
        ModelError: Their number is not the network's number of classes.
    """
    if len(names) != count:
        raise ModelError(
            f"{len(names)} class names were given, but {network} has {count} classes; give one name per class"
        )


def _from_entries(entries: list[Any], source: str) -> ClassNames:
    """Names from texts, or from pairs of WordNet id and name."""
    pairs = [_entry(entry, source) for entry in entries]
    if not pairs:
        raise ModelError(f"{source}: no class names in it; give one name per class")
    if all(wnid and not name for wnid, name in pairs):
        return names_of_wordnet_ids(tuple(wnid for wnid, _ in pairs))
    names = tuple(name or wnid for wnid, name in pairs)
    wnids = tuple(wnid for wnid, _ in pairs)
    return ClassNames(names, wnids if all(wnids) else None)


def _entry(entry: Any, source: str) -> tuple[str, str]:  # noqa: ANN401 from JSON
    """(WordNet id or "", name or "") of one entry."""
    if isinstance(entry, list | tuple) and len(entry) == 2 and all(isinstance(part, str) for part in entry):
        return (entry[0], entry[1].strip()) if _WORDNET_ID.fullmatch(entry[0]) else ("", entry[1].strip())
    if not isinstance(entry, str) or not entry.strip():
        raise ModelError(f"{source}: {entry!r} is no class name; give one text per class")
    first, _, rest = entry.strip().partition(" ")
    if _WORDNET_ID.fullmatch(first):
        return first, rest.strip()
    return "", entry.strip()


def _read_file(path: Path) -> list[Any]:
    """Entries of a text or JSON file of class names."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: class names must be UTF-8 text; save the file as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelError(f"{path}: class names cannot be read ({reason}); check the path") from error
    if path.suffix.lower() != ".json":
        return [line.replace("\t", " ") for line in text.splitlines() if line.strip()]
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError(f"{path}: not valid JSON (line {error.lineno}); give a list of names") from error
    if isinstance(content, dict):
        if {str(index) for index in range(len(content))} != set(content):
            raise ModelError(f"{path}: its keys must be the class indices 0 to {len(content) - 1}, each once")
        return [content[str(index)] for index in range(len(content))]
    if not isinstance(content, list):
        raise ModelError(f"{path}: class names must be a JSON list, or an object from index to name")
    return content


def _clipped(detail: str) -> str:
    """The beginning of the definition in ``lemmas: definition``."""
    return textwrap.shorten(detail.partition(": ")[2].partition(";")[0], 48, placeholder=" …")


def _table(names: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """Folded name -> indices of the classes that have it."""
    table: dict[str, list[int]] = {}
    for index, words in enumerate(names):
        for word in {_fold(word) for word in words}:
            table.setdefault(word, []).append(index)
    return table


def _parts(name: str) -> tuple[str, ...]:
    """The comma-separated parts of a name."""
    return tuple(part.strip() for part in name.split(",") if part.strip()) or (name,)


def _fold(name: str) -> str:
    """A name as it is compared: case, underscores and runs of blanks do not matter."""
    return " ".join(name.replace("_", " ").casefold().split())
