"""Concepts in a study's folder: what is written is what is read, and what is damaged is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.concepts.records import AnswerFate, Concept, ConceptSet, MapConcept, MapKey
from layerlore.concepts.storage import CONCEPTS_FILE, FATES_FILE, has_concepts, load_concepts, save_concepts
from layerlore.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

EARS = Concept("00000000000000aa", "floppy ears", "floppy ear", "en", (("floppy ears", 2), ("floppy ear", 1)))
FUR = Concept("00000000000000bb", "fur", "fur", "en", (("fur", 1),), decided=True)
MAP = MapKey("0123456789abcdef", 162, "bn2", 0)
OTHER = MAP._replace(cluster=1)


def a_set() -> ConceptSet:
    ears = MapConcept(MAP, 48, EARS.concept_id, EARS.name, 1.8, 2, 2, 1.0, True, 3, 0.9, 2.5, (0, 2))
    alone = MapConcept(OTHER, 48, EARS.concept_id, EARS.name, 0.25, 1, 1, 0.0, False, answers=(3,))
    fur = MapConcept(MAP, 48, FUR.concept_id, FUR.name, 1.8, 1, 1, 0.0, None, answers=(1,))
    fates = tuple(
        AnswerFate(row, MAP, text, "en", text.lower(), concept, reason, "p1", row, guessed)
        for row, (text, concept, reason, guessed) in enumerate(
            [
                ("Floppy ears", EARS.concept_id, "", True),
                ("fur", FUR.concept_id, "", None),
                ("beagle", "", "class", False),
            ]
        )
    )
    concepts = {one.concept_id: one for one in (EARS, FUR)}
    return ConceptSet(concepts, {MAP: (ears, fur), OTHER: (alone,)}, fates, settings={"seed": 0}, facts={"answers": 3})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    assert not has_concepts(tmp_path)
    save_concepts(tmp_path, a_set())
    assert has_concepts(tmp_path)
    assert load_concepts(tmp_path) == a_set()
    before = (tmp_path / CONCEPTS_FILE).read_bytes()
    save_concepts(tmp_path, load_concepts(tmp_path))
    assert (tmp_path / CONCEPTS_FILE).read_bytes() == before


def test_best_and_top_labels_and_the_way_back() -> None:
    found = a_set()
    assert [one.name for one in found.best(MAP)] == ["floppy ears", "fur"]
    assert len(found.top(MAP)) == 2  # they share the highest score
    assert found.best(MapKey("none", 0, "bn2", 0)) == found.top(MapKey("none", 0, "bn2", 0)) == ()
    assert [one.key for one in found.maps_of(EARS.concept_id)] == [MAP, OTHER]
    assert EARS.answers == 3
    assert not found.machine


@settings(max_examples=30, deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7), name=st.sampled_from([CONCEPTS_FILE, FATES_FILE]))
def test_a_flipped_bit_is_told_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int, name: str
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    save_concepts(folder, a_set())
    content = bytearray((folder / name).read_bytes())
    content[position % len(content)] ^= 1 << bit
    (folder / name).write_bytes(content)
    told = ""
    try:
        found = load_concepts(folder)
    except FileFormatError as error:
        told = str(error)
    assert "layerlore concepts" in told if told else found == a_set()


def test_files_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    save_concepts(tmp_path, a_set())
    fates = (tmp_path / FATES_FILE).read_bytes()
    found = a_set()
    save_concepts(tmp_path, ConceptSet(found.concepts, found.maps, found.fates, settings={"seed": 1}))
    (tmp_path / FATES_FILE).write_bytes(fates)
    with pytest.raises(FileFormatError, match="of other concepts"):
        load_concepts(tmp_path)
    (tmp_path / FATES_FILE).unlink()
    with pytest.raises(FileFormatError, match="no such file"):
        load_concepts(tmp_path)
