"""Spelling repair: what it puts right, and what it leaves alone."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.concepts.spelling import WEIGHTS, slips, speller
from layerlore.concepts.vocabulary import SEEN, vocabulary

ENGLISH = speller("en")
ITALIAN = speller("it")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wisker", "whisker"),
        ("poeple", "people"),
        ("peices", "pieces"),
        ("giraffee", "giraffe"),
        ("shiney", "shiny"),
        ("dont", "don't"),
        ("thats", "that's"),
        ("furrrry", "furry"),
        ("whitefur", "white fur"),
        ("peanutbutter", "peanut butter"),
        ("dog 's ear", "dog's ear"),
        ("brwon-ish fur", "brown-ish fur"),
        ("girrafe", "giraffe"),
        ("tounge", "tongue"),
        ("gils", "gills"),
        ("orange stirpes", "orange stripes"),
    ],
)
def test_english(typed, meant):
    assert ENGLISH.repair_text(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("orechio", "orecchio"),
        ("l'orechio", "l'orecchio"),
        ("ochi", "occhi"),
        ("orecchhie", "orecchie"),
        ("pellicia", "pelliccia"),
        ("biianco", "bianco"),
    ],
)
def test_italian(typed, meant):
    assert ITALIAN.repair_text(typed) == meant


RIGHT = (
    "colour color grey gray tyre tire centre center aluminium aluminum moustache mustache jewellery jewelry pyjamas "
    "pajamas aeroplane airplane doughnut donut fibre fiber theatre theater t-shirt tv x-ray 4x4 hairless wing-like "
    "unpainted pinkish dog's o'clock"
)


@pytest.mark.parametrize("text", RIGHT.split())
def test_right_words_stay_british_and_american(text):
    assert ENGLISH.repair_text(text) == text


def test_known_words_stay():
    for spell in (ENGLISH, ITALIAN):
        words = sorted(spell.words.counts)[::50]
        assert [word for word in words if spell.repair_text(word) != word and "'" not in word] == []
        assert all(spell.repair_text(word) == word for word in SEEN[spell.words.language])


@given(st.text(string.ascii_lowercase + "àèìòù'- ", max_size=20), st.sampled_from([ENGLISH, ITALIAN]))
def test_what_was_repaired_is_right(text, spell):
    once = spell.repair_text(text)
    assert spell.repair_text(once) == once


@given(st.text("abehisy'", min_size=1, max_size=8), st.data())
def test_every_slip_has_a_weight(word, data):
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abehisy'"))
    edits = [word[:place] + word[place + 1 :], word[:place] + letter + word[place:]]
    edits.append(word[:place] + letter + word[place + 1 :])
    for typed in edits:
        if typed not in ("", word):
            assert set(slips(typed, word)) <= WEIGHTS.keys()


def test_a_language_without_a_dictionary():
    assert speller("xx") is None
    assert vocabulary("en-GB").language == "en"


def test_the_bar(typos):
    """At least 80 % of slips of one edit are put right and fewer than 0.5 % of right words spoilt, on the test half."""
    pairs = [pair for pair in typos.typo_pairs() if typos.half(pair[0]) == "test"]
    assert len(pairs) > 1000
    fixed = sum(ENGLISH.repair_text(typed) == meant for typed, meant, _ in pairs) / len(pairs)
    words = [pair for pair in pairs if pair[0] not in ENGLISH.words]
    of_no_words = sum(ENGLISH.repair_text(typed) == meant for typed, meant, _ in words) / len(words)
    assert fixed >= 0.80  # known words among them, which a person changed: behaviour, airplane
    assert of_no_words >= 0.85
    for name, some in typos.right_words().items():
        own = {word: n for word, n in some.items() if typos.half(word) == "test"}
        spoilt = {word for word in own if ENGLISH.repair_text(word) != word}
        assert sum(own[word] for word in spoilt) < 0.005 * sum(own.values()), name
        often = [word for word, n in own.items() if n > 1]
        assert len(spoilt.intersection(often)) < 0.005 * len(often), name
