"""``answers.parquet``: what people typed about the cluster maps of a study, one row for each label.

A round in which nothing was typed is one row whose ``text`` is null: that somebody looked and named nothing is
evidence too. The file comes from a campaign of the game; `answers_elsewhere` reads answers that were gathered otherwise
into the same columns.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from layerlore.errors import FileFormatError, OutputError
from layerlore.files import writing_whole
from layerlore.study.folder import SCHEMA
from layerlore.study.parquet import check_parquet, parquet_writer, read_parquet

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pandas as pd

    from layerlore.study.study import Study

ANSWERS_FILE = "answers.parquet"
KINDS = ("normal", "merged", "control", "honeypot", "blank")
"""What a map is there for; only the first two are maps of the study."""

OUTCOMES = ("won", "lost", "resigned")
SIMULATED = "simulated"
"""In place of a campaign's name: no people but a program gave the answers; to be said wherever they are shown."""

BATCH = 50_000
"""Rows of one part of the file."""

_WAY_OUT = "export the campaign again, or restore the file"


class AnswerRow(NamedTuple):
    """One label that was typed, or one round without any; the columns of the file, in their order.

    Attributes:
        campaign: Random name of the campaign; "" for answers from elsewhere.
        round: Which round, by a pseudonym.
        player: Whose, by a pseudonym that is the campaign's own.
        device: On which device, likewise; "" where it is not known. Players of one device are not independent.
        shadow: The player is left out of all that is counted together.
        voided: The round does not count.
        kind: What the map is there for, one of `KINDS`.
        stream: Why it was given out: normal, control, honeypot or training.
        image_id: The photo.
        target: Class that was explained, as the network's index.
        image_label: The photo's class as given, or None.
        layer: The layer; "" where the map is of none.
        layer_index: Its place among all layers that can be explained; -1 where the map is of none.
        cluster: The cluster; -1 for all of a layer as one, or where the map is of none.
        map_key: Random name of the map in the campaign; "" for answers from elsewhere.
        round_language: Language that the round was played in.
        language: Language of the label.
        text: As it was typed, or None if nothing was.
        label: Normal form of it, or None.
        merged: What the researchers read the label as, or None if as itself.
        label_kind: Kind that the player chose for it, or "".
        assisted: The player took a suggested spelling.
        step: Step at which it was typed, from 0; None where nothing was, or where it is not known.
        fraction: Share of the picture that was visible then, or None.
        steps: Steps that the map has, or None where it is not known.
        outcome: One of `OUTCOMES`, or None where it is not known.
        guess: Name of the class that was guessed last, or None.
        guess_index: Its index, or None.
        guess_step: Step at which it was guessed, or None.
        nothing: The player said that there is nothing to recognise.
        day: On which day the round ended, or None.
        seconds: How long it took, or None.
    """

    campaign: str
    round: str
    player: str
    device: str
    shadow: bool
    voided: bool
    kind: str
    stream: str
    image_id: str
    target: int
    image_label: str | None
    layer: str
    layer_index: int
    cluster: int
    map_key: str
    round_language: str
    language: str
    text: str | None
    label: str | None
    merged: str | None
    label_kind: str
    assisted: bool
    step: int | None
    fraction: float | None
    steps: int | None
    outcome: str | None
    guess: str | None
    guess_index: int | None
    guess_step: int | None
    nothing: bool
    day: dt.date | None
    seconds: float | None


_TYPES = {"bool": pa.bool_(), "int": pa.int32(), "float": pa.float64(), "str": pa.string(), "dt.date": pa.date32()}
COLUMNS = pa.schema(
    [
        (name, _TYPES[hint.__forward_arg__.removesuffix(" | None")])  # NamedTuple makes references of annotations
        for name, hint in AnswerRow.__annotations__.items()
    ]
)
"""The columns of the file, in their order."""


@dataclass(frozen=True)
class Answers:
    """What people typed.

    Attributes:
        table: One row for each label, with the columns `COLUMNS`.
        source: Where it comes from, for people.
        notes: What should be known of it, one line each.
    """

    table: pa.Table
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    @property
    def labels(self) -> int:
        """Rows with a label."""
        return int(self.table.num_rows - self.table["text"].null_count)

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return self._different("round")

    @property
    def players(self) -> int:
        """Number of players."""
        return self._different("player")

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    @property
    def simulated(self) -> bool:
        """Some of it was made by a program that stands in for people."""
        import pyarrow.compute as pc

        return SIMULATED in pc.unique(self.table["campaign"]).to_pylist()

    def _different(self, column: str) -> int:
        import pyarrow.compute as pc

        return int(pc.count_distinct(self.table[column]).as_py())


def read_answers(path: str | Path, study: Study, *, strict: bool = False) -> Answers:
    """Read answers: ``answers.parquet`` of a campaign, or a CSV, JSON Lines or Parquet file from elsewhere.

    Args:
        path: The file.
        study: The study that they are about.
        strict: Refuse a file of which a row cannot be used; otherwise such rows are left out, and told in the notes.

    Raises:
        FileFormatError: The file cannot be used; the message says why.
    """
    from layerlore.study.answers_elsewhere import read_elsewhere

    path = Path(path)
    if path.suffix.lower() in (".parquet", ".pq") and _is_ours(path):
        return load_answers(path)
    return read_elsewhere(path, study, strict=strict)


def load_answers(path: Path) -> Answers:
    """Read ``answers.parquet``.

    Raises:
        FileFormatError: It is missing, damaged, of another kind, or from a newer LayerLore.
    """
    return Answers(read_parquet(path, COLUMNS, way_out=_WAY_OUT), str(path))


def _is_ours(path: Path) -> bool:
    """Whether a Parquet file says that LayerLore wrote it; what cannot be read at all is told by its reader."""
    import pyarrow.parquet as pq

    from layerlore.study.parquet import KEY

    try:
        return KEY in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        return True


def write_answers(path: Path, rows: Iterable[AnswerRow], *, campaign: str) -> int:
    """Write ``answers.parquet`` and tell how many rows it has; see :func:`answers_writer`."""
    with answers_writer(path, campaign=campaign) as file:
        file.add(rows)
    return file.count


@contextmanager
def answers_writer(path: Path, *, campaign: str) -> Iterator[AnswersFile]:
    """Write ``answers.parquet`` bit by bit; it takes its place when the block ends without an error.

    The same rows give the same bytes, however many are added at a time; only some are held.

    Args:
        path: The file. One that is there is replaced, if it holds answers of the same campaign.
        campaign: Random name of the campaign.

    Raises:
        FileFormatError: There is a file that is damaged, of another kind, or from a newer LayerLore; it stays.
        OutputError: There is a file with the answers of another campaign, or the file cannot be written.
    """
    check_replaceable(path, campaign)
    content = {"schema": SCHEMA, "holds": "answers", "campaign": campaign}
    with writing_whole(path) as file, parquet_writer(file, COLUMNS, content) as write:
        answers = AnswersFile(write)
        yield answers
        answers.flush()


class AnswersFile:
    """A file of answers that is being written.

    Attributes:
        count: Rows that were added.
    """

    def __init__(self, write: Callable[[pa.Table], None]) -> None:
        """Nothing is written yet."""
        self.count = 0
        self._write, self._batch = write, list[AnswerRow]()

    def add(self, rows: Iterable[AnswerRow]) -> None:
        """Add rows at the end."""
        for row in rows:
            self._batch.append(row)
            self.count += 1
            if len(self._batch) == BATCH:
                self.flush()

    def flush(self) -> None:
        """Write the rows that are held."""
        if self._batch:
            self._write(as_table(self._batch))
        self._batch = []


def check_replaceable(path: Path, campaign: str) -> None:
    """Refuse to replace what is not the same campaign's.

    Raises:
        FileFormatError: As for :func:`write_answers`.
        OutputError: Likewise.
    """
    if not path.exists() and not path.is_symlink():
        return
    way_out = "it is not replaced; move it away, and export again"
    content = check_parquet(path, COLUMNS, way_out=way_out)
    if content.get("holds") != "answers":
        raise FileFormatError(f"{path}: holds something else than answers; {way_out}")
    if content.get("campaign") != campaign:
        raise OutputError(f"{path}: holds the answers of another campaign; {way_out}")


def as_table(rows: Sequence[AnswerRow]) -> pa.Table:
    """Rows as a table with the columns `COLUMNS`."""
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, COLUMNS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=COLUMNS)
