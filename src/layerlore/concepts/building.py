"""Answers in, concepts out: what was typed is read, grouped, named, and scored on its cluster maps."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from layerlore.concepts import embedding, grouping, vocabulary
from layerlore.concepts.assembling import Form
from layerlore.concepts.class_names import class_names
from layerlore.concepts.curating import with_decisions
from layerlore.concepts.decisions import read_decisions
from layerlore.concepts.lemmas import key_of
from layerlore.concepts.naming import Name, name_groups
from layerlore.concepts.reading import Read, ReadingSettings, Typed, forget, read_texts
from layerlore.concepts.records import AnswerFate, LeftOut, MapKey
from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encodes
    from layerlore.concepts.languages import Translator
    from layerlore.concepts.records import ConceptSet
    from layerlore.study.answers import Answers
    from layerlore.study.images import Progress
    from layerlore.study.study import Study

CHUNK = 1024
"""Texts that are embedded between two signs of progress."""
KINDS = {"control": LeftOut.CONTROL, "honeypot": LeftOut.HONEYPOT, "blank": LeftOut.BLANK}
PAPERS_ENCODER = "all-mpnet-base-v2"
ENGLISH = "all-"
"""So begin the names of sentence-transformers' encoders for English, the default one and the paper's too."""
MANY = 20_000
"""Answers from which on the memory is needed for their vectors."""


class Row(NamedTuple):
    """What is read of an answer; see `layerlore.study.answers.AnswerRow`."""

    image_id: str
    target: int
    layer: str
    cluster: int
    text: str | None
    merged: str | None
    language: str
    round_language: str
    outcome: str | None
    player: str
    step: int | None
    round: str
    kind: str
    stream: str
    shadow: bool
    voided: bool

    @property
    def asked(self) -> tuple[str, str, int]:
        """What its reading depends on: the text, or what researchers read it as, its language, and the class."""
        return self.merged or self.text or "", self.language, self.target


READ = list(Row._fields)


@dataclass(frozen=True)
class ConceptSettings:
    """How answers become concepts.

    Attributes:
        method: ``lemma-first``, or ``paper`` (Bianchi et al. 2024; method.md 3).
        encoder: A sentence-transformers model; None for the default one, which reads English.
        threshold: Least likeness within a group of ``lemma-first``; None for the one that was learnt.
        language: Of answers that do not say theirs.
        languages: Languages that answers may be in, too, whatever their players chose: those of the game's pages.
        translate: ``deepl`` or ``argos``, to read answers in other languages in this one; None: they are kept apart.
    """

    method: str = grouping.DEFAULT
    encoder: str | None = None
    threshold: float | None = None
    language: str = "en"
    languages: tuple[str, ...] = ("en", "it")
    translate: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be, before any work is done.

        Raises:
            SettingError: The method is unknown, or has no such setting; or a language cannot be one.
        """
        for one in (self.language, *self.languages):
            if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]+)?", one):
                raise SettingError(f"language {one!r}: give a code, such as en or it")
        if self.method not in grouping.METHODS:
            raise SettingError(f"unknown method {self.method!r}; there are {', '.join(grouping.METHODS)}")
        if self.threshold is not None and "threshold" not in grouping.SETTINGS[self.method]:
            raise SettingError(f"method {self.method!r} has no threshold; leave it out")


def build_concepts(
    study: Study,
    answers: Answers,
    settings: ConceptSettings | None = None,
    *,
    encoder: Encodes | None = None,
    translator: Translator | None = None,
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
) -> ConceptSet:
    """Make concepts of answers; what people decided in the study's folder is applied.

    The same answers, settings and decisions give the same concepts.

    Args:
        study: The study that the answers are about.
        answers: What people typed.
        settings: By default those that were chosen by measurement.
        encoder: Instead of the one that the settings name.
        translator: Likewise.
        progress: Told how many of how many different answers were embedded.
        notice: Told, in one line each, what a person should know.

    Raises:
        SettingError: A setting is out of its range, or there are too many different answers for the method.
        ModelError: The encoder or the translator cannot be had.
        FileFormatError: The decisions cannot be read.
    """
    settings = settings or ConceptSettings()
    notice = notice or (lambda _text: None)
    if settings.method == "paper" and not settings.encoder:
        notice(f"the paper embeds answers with {PAPERS_ENCODER}; name it as the encoder where you have it")
    _tell_unknown(settings, notice)
    decisions = read_decisions(study.folder)
    fates = read_fates(study, answers, settings, translator)
    counts = _counts(fates)
    named: dict[Form, Name] = {}
    facts: dict[str, Any] = {"apart": {}, "encoder": ""}
    if counts:
        by_language: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for form, count in sorted(counts.items()):
            by_language[form.language][form.text] = count
        model = Remembering(encoder or embedding.load_encoder(settings.encoder), len(counts), progress)
        facts["encoder"] = model.name
        for language, texts in by_language.items():
            if _can_read(model.name, language):
                named |= _grouped(texts, language, model, settings)
                if language != "en":
                    notice(
                        f"{model.name} is taken to read {language!r}, in which {len(texts):,} different answers are; "
                        f"if it reads English alone, leave it out, or have them translated"
                    )
            else:
                facts["apart"][language] = len(texts)
                named |= _kept_apart(texts, language)
                notice(
                    f"{len(texts):,} different answers in {language!r} are grouped by their dictionary forms alone: "
                    f"{model.name} reads English; name another encoder, or have them translated"
                )
    named |= _beside(fates, named, counts)
    fates = [_with_group(fate, named) for fate in fates]
    facts |= {**_facts(answers, fates), "layers": layer_places(study)}
    found = with_decisions(
        fates, decisions, settings={**asdict(settings), "languages": list(settings.languages)}, facts=facts
    )
    for text in found.facts["decisions_unfit"]:
        notice(text)
    return found


def layer_places(study: Study) -> dict[str, int]:
    """Explained layers with their places among all layers that can be explained, shallow to deep."""
    table = study.to_arrow(["layer", "layer_index"]).group_by(["layer", "layer_index"]).aggregate([])
    pairs = zip(table["layer"].to_pylist(), table["layer_index"].to_pylist(), strict=True)
    return dict(sorted(pairs, key=lambda pair: (pair[1], pair[0])))


def read_fates(
    study: Study, answers: Answers, settings: ConceptSettings, translator: Translator | None = None
) -> list[AnswerFate]:
    """Every answer with what it is read as, in the order of the answers; no groups yet."""
    table = answers.table.select(READ)
    rows = [Row(*values) for values in zip(*(_shared(column.to_pylist()) for column in table.columns), strict=True)]
    keys: dict[MapKey, MapKey] = {}
    reasons = [_left_out(row) for row in rows]
    read = _read(rows, class_names(study), settings, translator)
    fates = []
    for place, (row, reason) in enumerate(zip(rows, reasons, strict=True)):
        key = MapKey(row.image_id, row.target, row.layer, row.cluster)
        text, outcome, spoken = row.text or "", row.outcome or "", row.round_language or settings.language
        language, read_as, unread = read[row.asked] if text else Read(spoken, "")
        fates.append(
            AnswerFate(
                answer=place,
                key=keys.setdefault(key, key),
                text=text,
                language=language,
                read_as=read_as,
                concept_id="",
                reason=str(reason or ("" if text else LeftOut.NOTHING) or unread),
                player=row.player,
                step=row.step,
                guessed=None if not outcome else outcome == "won",
                round=row.round,
                round_language=spoken,
                outcome=outcome,
            )
        )
    return fates


def _tell_unknown(settings: ConceptSettings, notice: Callable[[str], None]) -> None:
    """Say which languages answers are not told to be in, though that was asked for."""
    known = vocabulary.LANGUAGES
    unknown = [one for one in settings.languages if one.partition("-")[0] not in known]
    if unknown and settings.method != "paper":  # which takes each answer to be in the language that it was given in
        notice(
            f"languages {', '.join(unknown)}: there is no dictionary of them, so that answers are told to be in them "
            f"by their letters alone; there are dictionaries of {', '.join(known)}"
        )


def _shared(values: Iterable[Any]) -> list[Any]:
    """The values of one column; of those that are equal one is kept in memory."""
    kept: dict[Any, Any] = {}
    return [kept.setdefault(value, value) for value in values]


def _left_out(row: Row) -> LeftOut | None:
    """Why a whole round does not count, whatever was typed in it."""
    if row.shadow:
        return LeftOut.SHADOW
    if row.voided:
        return LeftOut.VOID
    if row.stream == "training":
        return LeftOut.TRAINING
    return KINDS.get(row.kind)


def _read(
    rows: Sequence[Row], names: Mapping[int, tuple[str, ...]], settings: ConceptSettings, translator: Translator | None
) -> dict[tuple[str, str, int], Read]:
    """What each different answer is read as."""
    times = Counter(row.asked for row in rows if row.text)
    typed = [Typed(*asked, count) for asked, count in sorted(times.items())]
    # The paper repairs no spelling and takes each answer to be in the language that it was given in.
    own_way = settings.method != "paper"
    how = ReadingSettings(
        settings.language, settings.languages, spelling=own_way, detect=own_way, translate=settings.translate
    )
    read = read_texts(typed, class_names=names, settings=how, translator=translator)
    if len(rows) > MANY:
        forget()
    return dict(zip(sorted(times), read, strict=True))


_UNGROUPED = frozenset({LeftOut.SHADOW, LeftOut.VOID, LeftOut.TRAINING, LeftOut.HONEYPOT})


def _counts(fates: Iterable[AnswerFate]) -> Counter[Form]:
    """Forms that are grouped, with how many answers that count have them."""
    return Counter(Form(fate.language, fate.read_as) for fate in fates if fate.read_as and not fate.reason)


def _beside(fates: Iterable[AnswerFate], named: Mapping[Form, Name], counts: Mapping[Form, int]) -> dict[Form, Name]:
    """Names of forms that are on control and blank maps alone: of the group that has their dictionary form, if any.

    They tell how often a word is typed whatever is shown, and must not change what is a group.
    """
    known: dict[Form, Name] = {}
    for form in sorted(named, key=lambda form: (-counts[form], form)):
        known.setdefault(Form(form.language, key_of(form.text, form.language)), named[form])
    for form, name in named.items():
        known.setdefault(Form(form.language, name.lemma), name)
    alone = {Form(fate.language, fate.read_as) for fate in fates if fate.read_as and fate.reason not in _UNGROUPED}
    found = {}
    for form in sorted(alone - named.keys()):
        key = key_of(form.text, form.language)
        found[form] = known.setdefault(Form(form.language, key), Name(form.text, key))
    return found


def _can_read(encoder: str, language: str) -> bool:
    """Whether an encoder reads a language; one that a person named is taken to, if it is none of those for English."""
    return language == "en" or not PurePath(encoder).name.startswith(ENGLISH)


def _grouped(texts: Mapping[str, int], language: str, encoder: Encodes, settings: ConceptSettings) -> dict[Form, Name]:
    """The name of the group of each text."""
    own = {} if settings.threshold is None else {"threshold": settings.threshold}
    some, counts = list(texts), list(texts.values())
    groups = grouping.group_texts(some, counts, encoder, language=language, method=settings.method, settings=own)
    names = name_groups(some, counts, groups.tolist(), encoder, language=language, method=settings.method)
    return {Form(language, text): names[int(group)] for text, group in zip(some, groups, strict=True)}


def _kept_apart(texts: Mapping[str, int], language: str) -> dict[Form, Name]:
    """Texts that no model reads: those with the same dictionary forms are one."""
    shown: dict[str, str] = {}
    for text in sorted(texts, key=lambda text: (-texts[text], text)):
        shown.setdefault(key_of(text, language), text)
    return {Form(language, text): Name(shown[key_of(text, language)], key_of(text, language)) for text in texts}


def _with_group(fate: AnswerFate, named: Mapping[Form, Name]) -> AnswerFate:
    if not fate.read_as or fate.reason in _UNGROUPED:
        return fate
    name = named[Form(fate.language, fate.read_as)]
    return replace(fate, grouped=name.lemma, grouped_name=name.shown)


def _facts(answers: Answers, fates: Sequence[AnswerFate]) -> dict[str, Any]:
    """What to know of the answers."""
    typed = [fate for fate in fates if fate.text]
    counted = [fate for fate in typed if not fate.reason]
    return {
        "simulated": answers.simulated,
        "rows": len(fates),
        "answers": len(typed),
        "rounds": answers.rounds,
        "players": answers.players,
        "distinct": len({(fate.language, fate.read_as) for fate in counted}),
        "left_out": dict(sorted(Counter(fate.reason for fate in typed if fate.reason).items())),
        "languages": dict(sorted(Counter(fate.language for fate in counted).items())),
        "groups": len({(fate.language, fate.grouped) for fate in counted}),
    }


class Remembering:
    """An encoder that embeds each text once, though grouping and naming both ask for it.

    Attributes:
        name: The encoder's.
    """

    def __init__(self, encoder: Encodes, total: int, progress: Progress | None) -> None:
        """Nothing is embedded yet."""
        self.name = encoder.name
        self._encoder, self._total, self._progress = encoder, total, progress
        self._done, self._rows = 0, dict[str, int]()
        self._vectors: list[NDArray[np.float32]] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(n, d)`` unit vectors, one for each text."""
        missing = sorted(set(texts) - self._rows.keys(), key=lambda text: (len(text), text))
        for start in range(0, len(missing), CHUNK):
            some = missing[start : start + CHUNK]
            self._vectors.extend(self._encoder.encode(some))
            self._rows |= {text: len(self._rows) + place for place, text in enumerate(some)}
            if self._progress and self._done < self._total:
                # Words that texts are about come on top of the texts.
                self._done = min(len(self._rows), self._total)
                self._progress(self._done, self._total)
        if not len(texts):
            return self._encoder.encode([])
        return np.stack([self._vectors[self._rows[text]] for text in texts])
