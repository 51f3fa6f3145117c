"""What people decide about concepts: ``concept_decisions.toml`` in a study's folder.

The file is a list that only grows: what is taken back stays, followed by what took it back. A decision names concepts
by language and dictionary form, with the forms that were in them, not by numbers that another run may change. It may be
written by hand.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from layerlore.concepts.assembling import Form, Label, form_counts
from layerlore.concepts.lemmas import key_of
from layerlore.errors import ConceptError, FileFormatError
from layerlore.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from layerlore.concepts.records import AnswerFate

DECISIONS_FILE = "concept_decisions.toml"
What = Literal["merge", "split", "rename", "undo"]
KINDS: tuple[What, ...] = get_args(What)
HEAD = """\
# What people decided about the concepts of this study; applied again by every run of layerlore concepts.
# Entries are added at the end, by layerlore curate or by hand; none is removed: an undo takes one back.
"""
_KEYS = frozenset({"number", "what", "concepts", "forms", "language", "into", "undoes", "who", "when"})
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "merge": ("concepts",),
    "split": ("forms", "into"),
    "rename": ("concepts", "into"),
    "undo": ("undoes",),
}


@dataclass(frozen=True, slots=True)
class Ref:
    """A concept as a decision names it.

    Attributes:
        language: Such as ``en``.
        lemma: Its dictionary form.
        forms: What was in it when it was decided; by them it is found where the dictionary form is gone.
    """

    language: str
    lemma: str
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry.

    Attributes:
        number: Its own, growing.
        what: One of `KINDS`.
        concepts: Of a merge: those that become one, the first gives its place; of a rename: the one.
        language: Of a split: of its forms.
        forms: Of a split: what becomes a concept of its own.
        into: Name to show; of a merge "" for the first one's.
        undoes: Of an undo: the number that is taken back.
        who: Who decided, or "".
        when: When, or "".
    """

    number: int
    what: What
    concepts: tuple[Ref, ...] = ()
    language: str = ""
    forms: tuple[str, ...] = ()
    into: str = ""
    undoes: int = 0
    who: str = ""
    when: str = ""

    def __str__(self) -> str:
        """In a few words."""
        names = " + ".join(one.lemma for one in self.concepts)
        told = {
            "merge": f"merge {names}{f' into {self.into}' if self.into else ''}",
            "split": f"split {', '.join(self.forms)} into {self.into}",
            "rename": f"rename {names} to {self.into}",
            "undo": f"undo {self.undoes}",
        }
        return f"{self.number} {told[self.what]}"


@dataclass(frozen=True)
class Applied:
    """What became of decisions.

    Attributes:
        applied: Numbers of those that hold.
        problems: One sentence for each that fits nothing any more.
    """

    applied: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


def place_of(name: str, language: str) -> tuple[str, str]:
    """Language and dictionary form of what a person calls a concept."""
    return language, key_of(" ".join(name.casefold().split()), language)


def active(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """Those that nothing takes back, in their order, without the undos."""
    gone = taken_back(decisions)
    return tuple(one for one in decisions if one.what != "undo" and one.number not in gone)


def taken_back(decisions: Sequence[Decision]) -> set[int]:
    """Numbers of all entries that are taken back; an undo may be, too."""
    gone: set[int] = set()
    for one in reversed(decisions):
        if one.what == "undo" and one.number not in gone:
            gone.add(one.undoes)
    return gone


def apply_decisions(
    labels: Mapping[Form, Label], fates: Sequence[AnswerFate], decisions: Sequence[Decision]
) -> tuple[dict[Form, Label], Applied]:
    """What forms belong to after people decided; the groups that were given are left as they are.

    Args:
        labels: What grouping made of each form.
        fates: Of all answers, for how often each form was given.
        decisions: All entries, in their order.
    """
    now = _Labels(dict(labels), form_counts(fates))
    applied: list[int] = []
    problems: list[str] = []
    for one in active(decisions):
        problem = now.decide(one)
        if problem:
            problems.append(f"decision {one}: {problem}; it changes nothing now, and stays in {DECISIONS_FILE}")
        else:
            applied.append(one.number)
    return now.labels, Applied(tuple(applied), tuple(problems))


@dataclass
class _Labels:
    """What forms belong to while decisions are applied, one after the other."""

    labels: dict[Form, Label]
    counts: Mapping[Form, int]
    _members: dict[tuple[str, str], set[Form]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the forms by concept."""
        for form, label in self.labels.items():
            self._members.setdefault((label.language, label.lemma), set()).add(form)

    def decide(self, one: Decision) -> str:
        """Apply a decision; returns why it fits nothing, or ""."""
        if one.what == "split":
            return self._split(one)
        found = [self._find(ref) for ref in one.concepts]
        missing = [f"{ref.lemma!r}" for ref, place in zip(one.concepts, found, strict=True) if place is None]
        if missing:
            return f"there is no concept {' and no '.join(missing)} any more"
        places = [place for place in found if place is not None]
        if one.what == "merge":
            self._merge(places, one.into)
        else:
            self._put(places[0], set(self._members[places[0]]), one.into)
        return ""

    def _merge(self, places: Sequence[tuple[str, str]], into: str) -> None:
        name = into or self._name(places[0])
        self._put(places[0], set().union(*(self._members[place] for place in places)), name)

    def _split(self, one: Decision) -> str:
        forms = {form for text in one.forms if (form := Form(one.language, text)) in self.labels}
        if not forms:
            return "nobody's answers have any of these forms any more"
        place = place_of(one.into, one.language)
        left = {(self.labels[form].language, self.labels[form].lemma) for form in forms} - {place}
        # A concept that is there already keeps its name; the forms join it.
        self._put(place, forms, self._name(place) if self._members.get(place) else one.into)
        for other in left:
            self._rename_without(other)
        return ""

    def _rename_without(self, place: tuple[str, str]) -> None:
        """A concept that was called by a form that is gone is called by the most frequent one that is left."""
        forms = self._members[place]
        if forms and self._name(place) not in {form.text for form in forms}:
            if any(self.labels[form].decided for form in forms):
                return
            name = min(forms, key=lambda form: (-self.counts.get(form, 0), form)).text
            for form in forms:
                self.labels[form] = Label(*place, name, decided=True)

    def _find(self, ref: Ref) -> tuple[str, str] | None:
        """The concept with the dictionary form, or else the one with most answers of the forms."""
        if self._members.get((ref.language, ref.lemma)):
            return ref.language, ref.lemma
        votes: dict[tuple[str, str], int] = {}
        for text in ref.forms:
            label = self.labels.get(Form(ref.language, text))
            if label:
                place = label.language, label.lemma
                votes[place] = votes.get(place, 0) + self.counts.get(Form(ref.language, text), 0)
        return min(votes, key=lambda place: (-votes[place], place)) if votes else None

    def _name(self, place: tuple[str, str]) -> str:
        return self.labels[next(iter(self._members[place]))].name

    def _put(self, place: tuple[str, str], forms: set[Form], name: str) -> None:
        """Put forms into a concept; what is in it already gets the name, and the mark that a person decided."""
        for form in forms:
            label = self.labels[form]
            self._members[label.language, label.lemma] -= {form}
        members = self._members[place] = self._members.get(place, set()) | forms
        for form in members:
            self.labels[form] = Label(*place, name, decided=True)


def read_decisions(folder: Path) -> tuple[Decision, ...]:
    """The decisions about a study's concepts; none where there is no file.

    Raises:
        FileFormatError: The file cannot be read; the message names the entry.
    """
    path = folder / DECISIONS_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileFormatError(f"{path}: not TOML ({error}); mend it, or move it away") from error
    entries = content.get("decision", [])
    if strange := [name for name in content if name != "decision"]:
        raise FileFormatError(f"{path}: unknown {strange[0]!r}; it has entries [[decision]] only")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FileFormatError(f"{path}: no list of entries [[decision]]; mend it")
    found: list[Decision] = []
    for place, entry in enumerate(entries, start=1):
        try:
            found.append(_decision(entry, found))
        except (TypeError, ValueError, LookupError) as error:
            reason = f"no {error}" if isinstance(error, LookupError) else error
            raise FileFormatError(f"{path}: entry {place}: {reason}; mend it, or move the file away") from error
    return tuple(found)


def _decision(entry: Mapping[str, Any], before: Sequence[Decision]) -> Decision:
    """One entry of the file.

    Raises:
        LookupError: Something is missing.
        TypeError: Something is of another type.
        ValueError: Something is wrong.
    """
    if strange := sorted(entry.keys() - _KEYS):
        raise ValueError(f"unknown {strange[0]!r}; known are {', '.join(sorted(_KEYS))}")
    what = entry["what"]
    if what not in KINDS:
        raise ValueError(f"what = {what!r} is none of {', '.join(KINDS)}")
    for name in _NEEDED[what]:
        if not entry[name]:
            raise ValueError(f"{name} is empty")
    last = before[-1].number if before else 0
    number = entry.get("number", last + 1)
    if type(number) is not int or number <= last:
        raise ValueError(f"number = {number!r} does not follow {last}")
    undoes = entry.get("undoes", 0)
    if what == "undo" and undoes not in {one.number for one in before}:
        raise ValueError(f"undoes = {undoes!r} is no entry before it")
    concepts = tuple(
        Ref(_text(one["language"]), _text(one["lemma"]), _texts(one.get("forms", [])))
        for one in entry.get("concepts", [])
    )
    wanted = {"merge": len(concepts) > 1, "rename": len(concepts) == 1}
    if not wanted.get(what, True):
        raise ValueError("a merge has two concepts or more, a rename has one")
    return Decision(
        number=number,
        what=what,
        concepts=concepts,
        language=_text(entry["language"]) if what == "split" else "",
        forms=_texts(entry.get("forms", [])),
        into=_text(entry.get("into", "")),
        undoes=undoes,
        who=_text(entry.get("who", "")),
        when=str(entry.get("when", "")),
    )


def _text(value: Any) -> str:  # noqa: ANN401 whatever somebody wrote
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:  # noqa: ANN401 whatever somebody wrote
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(_text(value) for value in values)


def add_decision(folder: Path, one: Decision) -> None:
    """Add an entry at the end of the file; what is in it, remarks too, stays as it is.

    Raises:
        ConceptError: Another entry has the number, or a later one: somebody decided in between.
        FileFormatError: The file cannot be read.
        OutputError: It cannot be written.
    """
    known = read_decisions(folder)
    if known and one.number <= known[-1].number:
        raise ConceptError(f"decision {one.number} is there already: somebody decided in between; look, and try again")
    path = folder / DECISIONS_FILE
    before = path.read_text(encoding="utf-8-sig") if path.exists() else HEAD
    write_whole(path, f"{before.rstrip()}\n\n{_entry(one)}".encode())


def _entry(one: Decision) -> str:
    """An entry as it is written, a line for each value; what is empty is left out."""
    values: dict[str, str] = {
        "number": str(one.number),
        "what": _quoted(one.what),
        "concepts": _lines(
            f"{{ language = {_quoted(ref.language)}, lemma = {_quoted(ref.lemma)}, forms = {_list(ref.forms)} }}"
            for ref in one.concepts
        ),
        "language": _quoted(one.language),
        "forms": _list(one.forms),
        "into": _quoted(one.into),
        "undoes": str(one.undoes or '""'),
        "who": _quoted(one.who),
        "when": _quoted(one.when),
    }
    lines = [f"{name} = {value}" for name, value in values.items() if value not in ('""', "[]")]
    return "\n".join(["[[decision]]", *lines]) + "\n"


def _lines(values: Iterable[str]) -> str:
    inner = [f"    {value},\n" for value in values]
    return f"[\n{''.join(inner)}]" if inner else "[]"


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(_quoted(value) for value in values)}]"


def _quoted(text: str) -> str:
    """A text as TOML writes it: as JSON does, which lets one more control character stand."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
