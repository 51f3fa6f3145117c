"""Dictionary forms, what an answer is about, and names of groups beside a slow re-implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stopwordsiso import stopwords

from layerlore.concepts.lemmas import head_of, key_of, lemma, words_of
from layerlore.concepts.naming import PAPERS_STOP_WORDS, name_groups, spoken_lemma, stop_words

TEXTS = ("floppy ears", "ears", "ear", "the dog's ear", "blue sky", "sky", "clouds in the sky", "left", "!!")
COUNTS = (3, 9, 2, 1, 2, 6, 1, 4, 1)
GROUPS = (0, 0, 0, 0, 1, 1, 1, 2, 3)


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("ears", "ear"),
        ("teeth", "tooth"),
        ("leaves", "leaf"),
        ("skies", "sky"),
        ("glasses", "glasses"),
        ("grass", "grass"),
        ("saw", "saw"),
        ("left", "left"),
        ("women", "woman"),
        ("qzxv", "qzxv"),
    ],
)
def test_dictionary_forms_are_those_of_things(word: str, form: str) -> None:
    assert lemma(word) == form


def test_a_language_without_a_dictionary_keeps_its_words() -> None:
    assert lemma("耳", "zh") == "耳"
    assert key_of("犬の耳", "ja") == "犬の耳"
    assert lemma("gatti", "it") == "gatto"


def test_words_are_folded_and_lose_their_possessive() -> None:
    assert words_of("The Dog's  EARS, 2 of them!") == ["the", "dog", "ears", "2", "of", "them"]
    assert words_of("the dog’s ear") == ["the", "dog", "ear"]  # noqa: RUF001
    assert words_of("?!") == []


@pytest.mark.parametrize(
    ("text", "key", "head"),
    [
        ("the dog's floppy ears", "dog floppy ear", "ear"),
        ("ears of the dog", "ear dog", "ear"),
        ("top of the head", "top head", "head"),
        ("pair of ears", "pair ear", "ear"),
        ("red colour", "red", "red"),
        ("on the grass", "grass", "grass"),
        ("left side", "left", "left"),
        ("side", "side", "side"),
        ("of", "of", "of"),
        ("!!", "!!", "!!"),
    ],
)
def test_what_an_answer_is_about(text: str, key: str, head: str) -> None:
    assert (key_of(text), head_of(text)) == (key, head)


def test_the_default_name_is_the_medoid_as_most_people_typed_it(encoder: Any) -> None:
    named = name_groups(TEXTS, COUNTS, GROUPS, encoder)
    vectors = encoder.encode(TEXTS)
    for group in set(GROUPS):
        places = [place for place, one in enumerate(GROUPS) if one == group]
        sums = {p: sum(COUNTS[q] * float(vectors[p] @ vectors[q]) for q in places) for p in places}
        form = key_of(TEXTS[max(places, key=lambda p: round(sums[p], 5))])
        shown = max((p for p in places if key_of(TEXTS[p]) == form), key=lambda p: COUNTS[p])
        assert (named[group].shown, named[group].lemma) == (TEXTS[shown], form)
    assert (named[0].shown, named[0].lemma) == ("ears", "ear")


def test_the_papers_name_is_its_most_telling_word(encoder: Any) -> None:
    named = name_groups(TEXTS, COUNTS, GROUPS, encoder, method="paper")
    vectors = encoder.encode(TEXTS)
    for group in (0, 1):
        places = [place for place, one in enumerate(GROUPS) if one == group]
        words = sorted({word for place in places for word in words_of(TEXTS[place])} - stop_words("en"))
        of_word = dict(zip(words, encoder.encode(words), strict=True))
        best = max(words, key=lambda word: sum(COUNTS[p] * float(of_word[word] @ vectors[p]) for p in places))
        assert named[group].lemma == spoken_lemma(best)
    assert named[2].shown == "left"  # a stop word, but all there is
    assert named[3].shown == "!!"


def test_groups_with_one_lemma_get_one_name(encoder: Any) -> None:
    for method in ("lemma-first", "paper"):
        named = name_groups(["ear", "ears", "sky"], [5, 2, 1], [0, 1, 2], encoder, method=method)
        assert named[0] == named[1]
        assert named[0].shown == "ear"
        assert named[2].lemma == "sky"
    assert name_groups([], [], [], encoder) == {}


def test_names_do_not_depend_on_the_order_of_answers(encoder: Any) -> None:
    order = np.random.default_rng(1).permutation(len(TEXTS)).tolist()
    for method in ("lemma-first", "paper"):
        mixed = [[part[i] for i in order] for part in (TEXTS, COUNTS, GROUPS)]
        assert name_groups(TEXTS, COUNTS, GROUPS, encoder, method=method) == name_groups(*mixed, encoder, method=method)


def test_the_papers_names_are_lemmatised_by_part_of_speech() -> None:
    pytest.importorskip("lemminflect", reason="the extra labels is not installed")
    forms = {"ears": "ear", "leaves": "leaf", "building": "building", "painted": "paint", "darker": "dark"}
    assert {word: spoken_lemma(word) for word in forms} == forms
    assert spoken_lemma("qzxv") == "qzxv"
    assert spoken_lemma("gatti", "it") == "gatto"


def test_stop_words_are_those_of_grammar_and_the_papers() -> None:
    found = stop_words("en")
    assert found >= PAPERS_STOP_WORDS
    assert {"the", "of", "its", "both", "under"} <= found
    assert not {"face", "ball", "sky", "two", "line", "ring", "fire"} & found
    assert len(found) < 200
    assert stop_words("it") == frozenset(stopwords("it"))
    assert stop_words("xx") == frozenset()
