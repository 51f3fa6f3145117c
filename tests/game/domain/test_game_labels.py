"""Labels: normal form, reasons, taboo words."""

from __future__ import annotations

import unicodedata

import pytest
from game_rules import rules
from hypothesis import example, given, settings
from hypothesis import strategies as st

from layerlore.game.domain.labels import SENTENCES, Label, Reason, check_labels, normalise
from layerlore.game.domain.taboo import Taboo

NAMES = {
    "en": ["English springer, English springer spaniel", "garbage truck", "church", "horse", "fox", "fireman"],
    "it": ["cane", "camion della spazzatura", "chiesa", "orologio"],
}
TABOO = Taboo(NAMES)
NO_TABOO = Taboo({})


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  Floppy \t EARS ", "floppy ears"),
        ("ｗｈｅｅｌ", "wheel"),  # noqa: RUF001 - full-width forms
        ("ﬂoppy", "floppy"),
        ("flop\u200bpy", "floppy"),
        ("so\u00adft", "soft"),
        ("dog\u2019s nose", "dog's nose"),
        ("e\u0301toile", "étoile"),
        ("Straße", "strasse"),
        ("'wheel!'", "wheel"),
        ("=cmd", "cmd"),
        ("dark-blue", "dark-blue"),
        ("heart\ufe0f", "heart"),
        ("città", "città"),
    ],
)
def test_normal_form(raw: str, text: str) -> None:
    assert normalise(raw) == text


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", Reason.EMPTY),
        ("?!", Reason.EMPTY),
        ("\u200b", Reason.EMPTY),
        ("ab\u202ecd", Reason.BIDI),
        ("a\u2066b", Reason.BIDI),
        ("x" * 41, Reason.TOO_LONG),
        ("ß" * 40, Reason.TOO_LONG),
        ("x" * 100_000, Reason.TOO_LONG),
        ("one two three four five", Reason.TOO_MANY_WORDS),
        ("red, big", Reason.CHARACTER),
        ("w3eel", Reason.CHARACTER),
        ("<b>x</b>", Reason.CHARACTER),
        ("whееl", Reason.SCRIPT),  # noqa: RUF001 - two Cyrillic letters
        ("колесо", Reason.SCRIPT),
        ("z\u0334\u0335\u0336a", Reason.MARKS),
    ],
)
def test_refused_with_a_reason(raw: str, reason: Reason) -> None:
    assert normalise(raw) is reason


def test_each_language_has_its_script() -> None:
    assert normalise("Колесо", "ru") == "колесо"
    assert normalise("wheel", "ru") is Reason.SCRIPT
    assert normalise("पहिया", "hi") == "पहिया"


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
@example("\u0345\u0345ᾳ")
@example("ŉ-'A")
@example("ΐ" * 20)
@example("\U000e0041 a")
def test_a_normal_form_is_its_own_and_bounded(raw: str) -> None:
    for language in ("en", "ru", "hi"):
        text = normalise(raw, language)
        if isinstance(text, Reason):
            continue
        assert normalise(text, language) == text
        assert 1 <= len(text) <= 40
        assert 1 <= len(text.split(" ")) <= 4
        assert not {unicodedata.category(sign) for sign in text} & {"Cf", "Cc", "Co", "Cs", "Cn"}
        assert sum(unicodedata.name(sign, "").startswith("COMBINING") for sign in text) <= 2
        assert any(sign.isalpha() for sign in text)


@pytest.mark.parametrize(
    "word",
    [
        *("garbage truck", "garbage trucks", "garbagetruck", "garbage-truck", "big garbage truck", "garbag truck"),
        *("english springer spaniel", "church", "churches", "chorch", "churchh", "hurch", "church's", "horses"),
        *("fox", "foxes", "firemen", "cane", "cani", "chiese", "l'orologio", "orologi", "camion della spazzature"),
    ],
)
def test_taboo(word: str) -> None:
    assert TABOO.holds(word)


@pytest.mark.parametrize("word", ["box", "foxy", "truck", "wheel", "canne", "can", "hrose", "search", "springtime"])
def test_not_taboo(word: str) -> None:
    assert not TABOO.holds(word)


def edit_distance(one: str, other: str) -> int:
    """Levenshtein's, by the textbook."""
    row = list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, letter in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (sign != letter))
    return row[-1]


@settings(max_examples=300, deadline=None)
@given(st.text("abc", min_size=5, max_size=7), st.text("abc", min_size=1, max_size=8))
def test_near_is_edit_distance_one(name: str, word: str) -> None:
    assert Taboo({"de": [name]}).holds(word) == (edit_distance(name, word) <= 1)


def test_what_is_refused_does_not_depend_on_the_order_of_classes() -> None:
    """One set for all classes: no rejection tells which class is the true one."""
    words = ["church", "horses", "cane", "wheel", "chiese", "hors", "truck"]
    turned = Taboo({language: names[::-1] for language, names in reversed(NAMES.items())})
    assert [TABOO.holds(word) for word in words] == [turned.holds(word) for word in words]


def test_a_thousand_classes_are_quick_to_look_up() -> None:
    names = [f"kind{chr(97 + i // 26 % 26)}{chr(97 + i % 26)} of very long named thing" for i in range(1000)]
    assert Taboo({"en": names}).holds("kindaa of very long named things")


def test_a_round_keeps_good_labels_and_tells_about_others() -> None:
    config = rules(labels={"max_per_round": 2, "kinds": ["part"]})
    raws = [("Wheel", "en", ""), ("wheel", "en", ""), ("dog", "fr", ""), ("x", "en", "sound"), ("ruota", "it", "part")]
    chips = [Label("", language, 1, raw=raw, kind=kind) for raw, language, kind in raws]
    chips += [Label("", "en", 0, raw=raw) for raw in ("Horses", "tyre", "!")]
    kept, refused = check_labels(chips, config, TABOO)
    assert [(label.text, label.language, label.step, label.kind) for label in kept] == [
        ("wheel", "en", 1, ""),
        ("ruota", "it", 1, "part"),
    ]
    expected = [Reason.DUPLICATE, Reason.LANGUAGE, Reason.KIND, Reason.TABOO, Reason.TOO_MANY, Reason.EMPTY]
    assert [each.reason for each in refused] == expected
    assert check_labels([Label("", "en", 0, raw="horse")], config, NO_TABOO)[0][0].text == "horse"
