"""Answers that were gathered outside the game: CSV, JSON Lines or Parquet with the columns of docs/answers.md."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from layerlore.errors import FileFormatError
from layerlore.game.domain.labels import fold  # the game's rules import nothing of ours
from layerlore.study.answers import KINDS, OUTCOMES, AnswerRow, Answers, as_table
from layerlore.study.answers_study import Place, PlaceError, Places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from layerlore.study.study import Study

NAMES: Mapping[str, tuple[str, ...]] = {
    "image": ("image_id", "image", "path", "photo"),
    "layer": ("layer",),
    "cluster": ("cluster",),
    "text": ("text", "label", "answer"),
    "player": ("player",),
    "round": ("round",),
    "language": ("language",),
    "step": ("step",),
    "outcome": ("outcome",),
    "won": ("won",),
    "guess": ("guess",),
    "kind": ("kind",),
    "target": ("target",),
}
"""What is read, and the names that its column may have; of several the first counts."""

REQUIRED = ("image", "layer", "cluster", "text")
TOLD = 5
"""Rows that cannot be used of which each is told; the rest are counted."""

# Columns of `answers.parquet` and of an export's labels.csv that are not asked for here are left out without a word.
_OURS = frozenset(AnswerRow._fields) | {"merged", "weight", "class_name", "hidden"}
_YES = frozenset(("1", "true", "yes", "y", "x", "won", "t"))
_NO = frozenset(("0", "false", "no", "n", "", "lost", "f"))
_QUOTED = re.compile(r"'+[=+\-@\t\r]")
_SUFFIXES = "a file ending in .csv, .tsv, .jsonl or .parquet"


def read_elsewhere(path: Path, study: Study, *, strict: bool = False) -> Answers:
    """Read answers that were not made by a campaign of ours.

    Args:
        path: A CSV file (comma, semicolon or tab; UTF-8), a JSON Lines file, or a Parquet file.
        study: The study that they are about.
        strict: Refuse the file if a row cannot be used; otherwise such rows are left out, and told in the notes.

    Raises:
        FileFormatError: The file cannot be used; the message says why.
    """
    columns, rows = _content(path)
    known = _columns(path, columns)
    reading = _Reading(Places(study), with_player="player" in known, with_round="round" in known)
    kept = [row for number, values in _rows(rows, columns, known) if (row := reading.row(number, values))]
    kept = reading.without_empty(kept)
    problems = reading.problems
    if problems and (strict or not kept):
        more = f" (and {len(problems) - 1:,} more rows)" if len(problems) > 1 else ""
        raise FileFormatError(f"{path}: {problems[0]}{more}; mend the file")
    if not kept:
        raise FileFormatError(f"{path}: no answers in it; it needs a row for each label")
    notes = [*_notes_of_columns(columns, known), *reading.notes()]
    return Answers(as_table(kept), str(path), tuple(notes))


def _content(path: Path) -> tuple[list[str], Iterable[tuple[int, Sequence[Any]]]]:
    """Column names, and rows with their numbers as an editor or a spreadsheet shows them."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv", ".txt"):
            return _csv(path.read_text(encoding="utf-8-sig"))
        if suffix in (".jsonl", ".ndjson"):
            return _json_lines(path.read_text(encoding="utf-8-sig"))
        if suffix in (".parquet", ".pq"):
            return _parquet(path)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; give {_SUFFIXES}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: not UTF-8 text; save it as UTF-8 (in Excel: CSV UTF-8)") from error
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (csv.Error, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise FileFormatError(f"{path}: damaged ({reason}); save the list again") from error
    raise FileFormatError(f"{path}: not a list of answers; give {_SUFFIXES}")


def _csv(text: str) -> tuple[list[str], Iterable[tuple[int, Sequence[Any]]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows: list[tuple[int, Sequence[Any]]] = []
    columns: list[str] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if columns:
            rows.append((reader.line_num, row))
        else:
            columns = row
    return columns, rows


def _json_lines(text: str) -> tuple[list[str], Iterable[tuple[int, Sequence[Any]]]]:
    objects: list[tuple[int, dict[str, Any]]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"row {number}: {error}") from error
        if not isinstance(content, dict):
            raise ValueError(f"row {number} is no object")  # noqa: TRY004 all faults are told alike
        columns.update(dict.fromkeys(content))
        objects.append((number, content))
    return [*columns], ((number, [content.get(name) for name in columns]) for number, content in objects)


def _parquet(path: Path) -> tuple[list[str], Iterable[tuple[int, Sequence[Any]]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise ValueError((str(error).splitlines() or [""])[0]) from error
    columns = [column.to_pylist() for column in table.columns]
    return list(table.column_names), enumerate(zip(*columns, strict=True), start=1)


def _columns(path: Path, columns: Sequence[str]) -> dict[str, int]:
    """What is read to the place of its column.

    Raises:
        FileFormatError: A required one is missing.
    """
    places = {name.strip().lower(): place for place, name in reversed([*enumerate(columns)])}
    found: dict[str, int] = {}
    for meaning, names in NAMES.items():
        place = next((places[name] for name in names if name in places), None)
        if place is not None:
            found[meaning] = place
    if missing := [meaning for meaning in REQUIRED if meaning not in found]:
        wanted = " or ".join(NAMES[missing[0]])
        near = difflib.get_close_matches(missing[0], [*places], n=1)
        hint = f"; is it {near[0]!r}?" if near else ""
        some = ", ".join(columns) or "none"
        raise FileFormatError(f"{path}: no column {wanted} (its columns are {some}){hint or '; add it'}")
    return found


def _notes_of_columns(columns: Sequence[str], known: Mapping[str, int]) -> Iterator[str]:
    strange = [
        name.strip()
        for place, name in enumerate(columns)
        if place not in known.values() and name.strip() and name.strip().lower() not in _OURS
    ]
    if strange:
        every = [name for names in NAMES.values() for name in names]
        near = {name: difflib.get_close_matches(name.lower(), every, n=1, cutoff=0.75) for name in strange}
        told = [f"{name} (did you mean {near[name][0]}?)" if near[name] else name for name in strange[:8]]
        more = f" and {len(strange) - 8} more" if len(strange) > 8 else ""
        yield f"columns left out, as they are not known: {', '.join(told)}{more}"


def _rows(
    rows: Iterable[tuple[int, Sequence[Any]]], columns: Sequence[str], known: Mapping[str, int]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row's number and what was read in it, as text."""
    width = len(columns)
    for number, cells in rows:
        row = cells if len(cells) >= width else [*cells, *[""] * (width - len(cells))]
        yield number, {meaning: _text(row[place]) for meaning, place in known.items()}


def _text(cell: Any) -> str:  # noqa: ANN401 any cell
    """A cell as text; what a spreadsheet needs so as not to take it for a formula is removed."""
    if isinstance(cell, str):
        text: str = cell.strip(" \n\v\f")
        return text[1:] if text[:1] == "'" and _QUOTED.match(text) else text.strip()
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 not a number
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


@lru_cache(maxsize=1 << 16)
def _normal_form(text: str) -> str:
    return str(fold(text))


class _RowError(Exception):
    """Why a row cannot be used."""


@dataclass
class _Reading:
    """What was read so far.

    Attributes:
        places: Where answers can belong.
        with_player: There is a column for players.
        with_round: There is one for rounds.
        problems: Why rows were left out.
        seen: Labels that there are already.
        repeated: Rows that say what another one has said.
    """

    places: Places
    with_player: bool
    with_round: bool
    problems: list[str] = field(default_factory=list)
    seen: set[tuple[object, ...]] = field(default_factory=set)
    repeated: int = 0

    def row(self, number: int, values: Mapping[str, str]) -> AnswerRow | None:
        """An answer, or None for a row that is left out."""
        try:
            row = self._row(number, values)
        except (_RowError, PlaceError) as error:
            self.problems.append(f"row {number}: {error}")
            return None
        if self.with_player or self.with_round:
            key = (row.round, row.image_id, row.target, row.layer, row.cluster, row.kind, row.language, row.label)
            if key in self.seen:
                self.repeated += 1
                return None
            self.seen.add(key)
        return row

    def _row(self, number: int, values: Mapping[str, str]) -> AnswerRow:
        kind = values.get("kind", "").lower()
        if kind and kind not in KINDS:
            raise _RowError(f"kind {kind!r:.40} is none of {', '.join(KINDS)}")
        place = self.places.find(values["image"], values["layer"], values["cluster"], values.get("target", ""), kind)
        label = _normal_form(values["text"]) or None
        if values["text"] and label is None:
            raise _RowError(f"text {values['text']!r:.40} has no letter or digit")
        player, round_ = self._who(number, values, place)
        guess = values.get("guess") or None
        return AnswerRow(
            campaign="",
            round=round_,
            player=player,
            device="",
            shadow=False,
            voided=False,
            kind=place.kind,
            stream="",
            image_id=place.image_id,
            target=place.target,
            image_label=place.image_label,
            layer=place.layer,
            layer_index=place.layer_index,
            cluster=place.cluster,
            map_key="",
            round_language=values.get("language", ""),
            language=values.get("language", ""),
            text=values["text"] if label else None,
            label=label,
            merged=None,
            label_kind="",
            assisted=False,
            step=_step(values.get("step", "")) if label else None,
            fraction=None,
            steps=None,
            outcome=_outcome(values),
            guess=guess,
            guess_index=int(guess) if guess and guess.isascii() and guess.isdecimal() and len(guess) < 9 else None,
            guess_step=None,
            nothing=False,
            day=None,
            seconds=None,
        )

    def _who(self, number: int, values: Mapping[str, str], place: Place) -> tuple[str, str]:
        """Player and round. Where only one is given, it tells the other; where none, each row is of its own."""
        player, round_ = values.get("player", ""), values.get("round", "")
        if not player and not round_:
            return f"row {number}", f"row {number}"
        where = f"{place.image_id}/{place.target}/{place.layer}/{place.cluster}/{place.kind}"
        return player or f"round {round_}", round_ or f"{player}/{where}"

    def without_empty(self, rows: Sequence[AnswerRow]) -> list[AnswerRow]:
        """Without rows that say that nothing was typed in a round in which something was."""
        typed = {row.round for row in rows if row.label is not None}
        return [row for row in rows if row.label is not None or row.round not in typed]

    def notes(self) -> Iterator[str]:
        """What should be known."""
        if self.problems:
            yield from self.problems[:TOLD]
            kinds = Counter(problem.split(": ", 1)[1].split(" ", 1)[0] for problem in self.problems)
            parts = ", ".join(f"{count:,} by their {kind}" for kind, count in kinds.most_common())
            yield f"rows left out: {len(self.problems):,} ({parts})"
        if self.repeated:
            yield f"rows left out, as they repeat another one: {self.repeated:,}"
        if not self.with_player:
            each = "round" if self.with_round else "row"
            yield f"no column player: each {each} is taken for another person's"


def _step(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise _RowError(f"step {text!r:.40} is no whole number from 0")
    return int(text)


def _outcome(values: Mapping[str, str]) -> str | None:
    """How the round ended, from the column outcome or won."""
    outcome, won = values.get("outcome", "").lower(), values.get("won", "").lower()
    if outcome:
        if outcome not in OUTCOMES:
            raise _RowError(f"outcome {outcome!r:.40} is none of {', '.join(OUTCOMES)}")
        return outcome
    if won not in _YES | _NO:
        raise _RowError(f"won {won!r:.40} is neither 1 nor 0")
    return None if not won else ("won" if won in _YES else "lost")
