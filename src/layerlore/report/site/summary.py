"""What the overview of a study says: numbers, classes, and what the network takes for what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from layerlore.study.records import ImageRecord

MATRIX_CLASSES = 30
"""With more classes than this the confusions are a list only."""


@dataclass(frozen=True)
class Confusion:
    """Photos of one class that were taken for another.

    Attributes:
        truth: Readable name of their class.
        answer: Readable name of what the network says.
        count: How many.
        of: Explained photos of the class.
        address: Grid of these photos.
    """

    truth: str
    answer: str
    count: int
    of: int
    address: str


@dataclass(frozen=True)
class ClassRow:
    """The photos of one class; without classes, those of one answer.

    Attributes:
        title: Readable name.
        label: The class as given, or "" where that is the same.
        address: Grid of its photos.
        index: The network's class, or None where it knows none of that name.
        photos: All of them.
        explained: Those with an answer.
        right: Right answers; None where the network does not know the class.
        confidence: Mean probability of the answers, in [0, 1]; None without answers.
        mistake: Its most frequent confusion.
    """

    title: str
    label: str
    address: str
    index: int | None
    photos: int
    explained: int
    right: int | None
    confidence: float | None
    mistake: Confusion | None

    @property
    def accuracy(self) -> float | None:
        """Share of right answers in [0, 1], or None where there is nothing to judge."""
        return None if self.right is None or not self.explained else self.right / self.explained


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix: photos of a row's class with a column's answer."""

    count: int
    share: float
    address: str
    right: bool


@dataclass(frozen=True)
class Matrix:
    """Rows are the photos' classes, columns the answers; the last column is all other answers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[ClassRow, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Summary:
    """A study in numbers.

    Attributes:
        photos: All usable photos.
        explained: Photos with an explanation.
        failed: Photos that could not be explained.
        labelled: Photos with a class of their own.
        judged: Explained photos whose class the network knows.
        right: Right answers among these.
        top5: Photos among these whose class is one of the five likeliest.
        confidence: Mean probability of the answers; None without answers.
        classes: Photos by class, in the order of their names.
        answers: Photos by answer, most frequent first; for photos without classes.
        confusions: What is taken for what, most frequent first.
        matrix: All of it as a table, where there are two classes or more and not too many.
    """

    photos: int
    explained: int
    failed: tuple[ImageRecord, ...]
    labelled: int
    judged: int
    right: int
    top5: int
    confidence: float | None
    classes: tuple[ClassRow, ...]
    answers: tuple[ClassRow, ...]
    confusions: tuple[Confusion, ...]
    matrix: Matrix | None

    @property
    def waiting(self) -> int:
        """Photos that no run has come to yet."""
        return self.photos - self.explained - len(self.failed)


def class_address(label: str | None, query: str = "") -> str:
    """Address of the grid of a class in ``index.html``, without the "#"; of all photos where there is no class."""
    path = "photos" if label is None else f"class/{quote(label, safe='')}"
    return f"{path}?{query}" if query else path


def names_of_classes(images: Iterable[ImageRecord], known: Sequence[str] = ()) -> dict[int, str]:
    """Readable names of the network's classes, as far as they are known from the answers or from a list."""
    names = dict(enumerate(known))
    for image in images:
        names.update((answer.index, answer.name) for answer in image.top5)
    return names


def summarise(images: Sequence[ImageRecord], names: Mapping[int, str]) -> Summary:
    """Count a study's photos.

    Args:
        images: The photos.
        names: Readable names of the network's classes.
    """
    explained = [image for image in images if image.predicted is not None]
    judged = [image for image in explained if image.correct is not None]
    classes = _classes(images, names)
    confusions = sorted(_confusions(judged, names), key=lambda c: (-c.count, c.truth, c.answer))
    return Summary(
        photos=len(images),
        explained=len(explained),
        failed=tuple(image for image in images if image.predicted is None and image.problem),
        labelled=sum(image.label is not None for image in images),
        judged=len(judged),
        right=sum(bool(image.correct) for image in judged),
        top5=sum(image.class_index in {answer.index for answer in image.top5} for image in judged),
        confidence=_confidence(explained),
        classes=classes,
        answers=_answers(explained, names),
        confusions=tuple(confusions),
        matrix=_matrix(classes, judged, names),
    )


def _confidence(explained: Sequence[ImageRecord]) -> float | None:
    sure = [image.top5[0].probability for image in explained if image.top5]
    return sum(sure) / len(sure) if sure else None


def title_of(label: str, index: int | None, names: Mapping[int, str]) -> str:
    """A class in readable words: the network's own where it knows the class."""
    return label if index is None else names.get(index, label)


def _by_label(images: Iterable[ImageRecord]) -> dict[str, list[ImageRecord]]:
    groups: dict[str, list[ImageRecord]] = {}
    for image in images:
        if image.label is not None:
            groups.setdefault(image.label, []).append(image)
    return groups


def _confusions(judged: Sequence[ImageRecord], names: Mapping[int, str]) -> Iterable[Confusion]:
    for label, group in _by_label(judged).items():
        wrong = Counter(image.predicted for image in group if not image.correct and image.predicted is not None)
        truth = title_of(label, group[0].class_index, names)
        for index, count in wrong.items():
            address = class_address(label, f"predicted={index}")
            yield Confusion(truth, names.get(index, str(index)), count, len(group), address)


def _classes(images: Sequence[ImageRecord], names: Mapping[int, str]) -> tuple[ClassRow, ...]:
    rows = []
    for label, group in _by_label(images).items():
        explained = [image for image in group if image.predicted is not None]
        index = group[0].class_index
        title = title_of(label, index, names)
        mistakes = (
            sorted(_confusions(explained, names), key=lambda c: (-c.count, c.answer)) if index is not None else []
        )
        rows.append(
            ClassRow(
                title=title,
                label="" if title.casefold() == label.casefold() else label,
                address=class_address(label),
                index=index,
                photos=len(group),
                explained=len(explained),
                right=None if index is None else sum(bool(image.correct) for image in explained),
                confidence=_confidence(explained),
                mistake=next(iter(mistakes), None),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.title.casefold(), row.label)))


def _answers(explained: Sequence[ImageRecord], names: Mapping[int, str]) -> tuple[ClassRow, ...]:
    groups: dict[int, list[ImageRecord]] = {}
    for image in explained:
        if image.predicted is not None:
            groups.setdefault(image.predicted, []).append(image)
    rows = [
        ClassRow(
            title=names.get(index, str(index)),
            label="",
            address=class_address(None, f"predicted={index}"),
            index=index,
            photos=len(group),
            explained=len(group),
            right=None,
            confidence=_confidence(group),
            mistake=None,
        )
        for index, group in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.photos, row.title)))


def _matrix(classes: Sequence[ClassRow], judged: Sequence[ImageRecord], names: Mapping[int, str]) -> Matrix | None:
    shown = [row for row in classes if row.index is not None and row.explained]
    if not 2 <= len(shown) <= MATRIX_CLASSES:
        return None
    columns = list(dict.fromkeys(row.index for row in shown if row.index is not None))
    groups = {class_address(label): group for label, group in _by_label(judged).items()}
    rows = []
    for row in shown:
        counts = Counter(image.predicted for image in groups[row.address])
        inside = [(str(index), counts[index], index == row.index) for index in columns]
        cells = [*inside, ("other", row.explained - sum(count for _, count, _ in inside), False)]
        made = (
            Cell(count, count / row.explained, f"{row.address}?predicted={where}", right)
            for where, count, right in cells
        )
        rows.append((row, tuple(made)))
    return Matrix(tuple(names.get(index, str(index)) for index in columns), tuple(rows))
