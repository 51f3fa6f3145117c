"""What answers are read as: languages, class names, fillers, translation."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.concepts.class_words import without_class, without_filler
from layerlore.concepts.languages import language_of, load_translator
from layerlore.concepts.lemmas import head_of, key_of
from layerlore.concepts.reading import SENTENCES, Read, ReadingSettings, Reason, Typed, read_texts
from layerlore.errors import ModelError, SettingError
from layerlore.game.domain.labels import fold

DOG = ("dog", "domestic dog, Canis familiaris")
RETRIEVER = ("golden retriever",)
CANE = ("cane", "cane domestico")


def read(text: str, language: str = "en", names: tuple[str, ...] = (), **settings) -> Read:
    (found,) = read_texts([Typed(text, language, 7)], class_names={7: names}, settings=ReadingSettings(**settings))
    return found


@pytest.mark.parametrize(
    ("typed", "names", "left"),
    [
        ("The dog's EAR", DOG, "ear"),
        ("dogs’ ears", DOG, "ears"),  # noqa: RUF001 - as phones type it
        ("ear of the dog", DOG, "ear"),
        ("ear of a dog on grass", DOG, "ear on grass"),
        ("floppy dog ears", DOG, "floppy ears"),
        ("dogwood", DOG, "dogwood"),
        ("dog-like face", DOG, "dog-like face"),
        ("hot dog", DOG, "hot dog"),
        ("golden-retriever ears", RETRIEVER, "ears"),
        ("goldenretrievers fur", RETRIEVER, "fur"),
        ("golden fur", RETRIEVER, "golden fur"),
        ("it looks like a furr", DOG, "fur"),
        ("something like whiskers, maybe", DOG, "whiskers"),
        ("part of an ear i think", DOG, "part of an ear"),
        ("a bench with dogs", DOG, "bench"),
        ("2", DOG, "2"),
        ("church window", ("church, church building",), "window"),
    ],
)
def test_english(typed, names, left):
    assert read(typed, "en", names) == ("en", left, "")


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("l'orecchio del cane", "orecchio"),
        ("orecchie dei cani", "orecchie"),
        ("un orechio", "orecchio"),
        ("sembra una zampa", "zampa"),
        ("delle strisce bianche", "strisce bianche"),
        ("pelo di cane sul prato", "pelo sul prato"),
        ("canestro", "canestro"),
    ],
)
def test_italian(typed, left):
    assert read(typed, "it", CANE) == ("it", left, "")


@pytest.mark.parametrize(
    ("typed", "language", "names", "reason"),
    [
        ("  ", "en", DOG, Reason.EMPTY),
        ("?!", "en", DOG, Reason.NO_LETTERS),
        ("I don't know", "en", DOG, Reason.SAYS_NOTHING),
        ("boh", "it", CANE, Reason.SAYS_NOTHING),
        ("the", "en", DOG, Reason.SAYS_NOTHING),
        ("Dogs", "en", DOG, Reason.CLASS_NAME),
        ("it looks like a dog", "en", DOG, Reason.CLASS_NAME),
        ("of the dog", "en", DOG, Reason.CLASS_NAME),
        ("un cane", "it", CANE, Reason.CLASS_NAME),
        ("собака", "en", DOG, Reason.LANGUAGE),
    ],
)
def test_why_nothing_is_left(typed, language, names, reason):
    found = read(typed, language, names)
    assert (found.text, found.reason) == ("", reason)
    assert SENTENCES[reason].endswith(".")


def test_the_language_that_was_chosen_wins_unless_another_is_sure():
    russian = "\u043f\u0435\u0441"
    words = ["orecchio", "ear", "coda", "wheel", "xqzt"]
    rows = [Typed(word, "en") for word in words] + [Typed("pelo bianco", "it"), Typed(russian, "ru")]
    found = read_texts(rows, class_names={})
    assert [one.language for one in found] == ["it", "en", "en", "en", "en", "it", "ru"]
    kept = read_texts(rows, class_names={}, settings=ReadingSettings(detect=False))
    assert kept[0].language == "en"


def test_another_language_is_noticed_though_nobody_chose_it():
    words = [
        "orecchio",
        "muso bianco",
        "l'occhio",
        "foglie verdi",
        "sfondo verde",
        "ear",
        "golf ball",
        "furr",
        "red roof",
    ]
    rows = [Typed(word, "en") for word in words]
    settings = ReadingSettings(languages=("en", "it"))
    found = read_texts(rows, class_names={}, settings=settings)
    assert [one.language for one in found] == ["it"] * 5 + ["en"] * 4
    assert found[2].text == "occhio"
    assert {one.language for one in read_texts(rows, class_names={})} == {"en"}


def test_no_english_answer_of_the_gold_sets_is_taken_for_italian(gold):
    names = gold.SETS if gold.DATA.exists() else gold.SETS[:1]
    texts = [text for name in names for text in gold.load(name).texts]
    assert len(texts) > 1000
    assert [text for text in texts if language_of(fold(text), "en", ("en", "it")) != "en"] == []


def test_a_word_that_the_answers_use_again_and_again_is_one():
    rows = [Typed("blorb", times=9), Typed("blob", times=2), Typed("skiier", times=20), Typed("skier", times=60)]
    assert [one.text for one in read_texts(rows, class_names={})] == ["blorb", "blob", "skier", "skier"]
    assert read("skiier").text == "skier"


@dataclass(frozen=True)
class Small:
    """A translator that knows three words."""

    name: str = "small"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def translate(self, texts, source, target, context):
        self.asked.append((source, target, context, *texts))
        known = {"orecchio": "Ear", "muso del cane": "muzzle of the dog"}
        return [known.get(text, "") for text in texts]


def test_translation():
    rows = [Typed("orecchio", "it", 0), Typed("Orecchio!", "it", 0), Typed("muso del cane", "it", 0)]
    rows += [Typed("zampa", "it", 0), Typed("tail", "en", 0)]
    small = Small()
    found = read_texts(rows, class_names={0: DOG}, translator=small)
    assert found[:3] == (("en", "ear", ""), ("en", "ear", ""), ("en", "muzzle", ""))
    assert found[3].reason == Reason.UNTRANSLATED
    assert found[4] == ("en", "tail", "")
    assert small.asked == [("it", "en", DOG[0], "muso del cane", "orecchio", "zampa")]


def test_each_class_is_the_context_of_its_own_answers():
    small = Small()
    rows = [Typed("orecchio", "it", 0), Typed("orecchio", "it", 1), Typed("orecchio", "it", 7), Typed("ear", "en", 1)]
    found = read_texts(rows, class_names={0: DOG, 1: ("cat", "gatto")}, translator=small)
    assert [one.text for one in found] == ["ear"] * 4
    assert sorted(small.asked) == [("it", "en", name, "orecchio") for name in sorted(["", DOG[0], "cat"])]


def test_translators_that_cannot_be_had(monkeypatch):
    monkeypatch.delenv("DEEPL_AUTH_KEY", raising=False)
    with pytest.raises(SettingError, match="unknown translator 'babel'; there are argos, deepl"):
        load_translator("babel")
    for name in ("deepl", "argos"):
        with pytest.raises(ModelError, match=r"install|DEEPL_AUTH_KEY") as told:
            load_translator(name)
        assert "\n" not in str(told.value)


MIXED = (
    "the a of dog dogs dog's ear earr wisker whiteear maybe looks like it furr del cane un orechio l'occhio canes , - '"
)
CATS = "ear of the red catfish concatenate cattle on big bobcat"
WORDS = st.sampled_from(MIXED.split())


@given(st.lists(WORDS, max_size=7).map(" ".join), st.sampled_from(["en", "it"]))
def test_reading_what_was_read_changes_nothing(text, language):
    once = read(text, language, ("dog", "cane"), detect=False)
    if once.text:
        assert read(once.text, language, ("dog", "cane"), detect=False) == once


@given(st.text(max_size=30))
def test_any_text_is_read(text):
    found = read(text, "en", DOG)
    assert bool(found.text) != bool(found.reason)


@given(st.lists(st.sampled_from(CATS.split()), max_size=6))
def test_parts_of_other_words_are_never_taken(words):
    text = " ".join(words)
    assert without_class(text, ("cat", "bob"), "en") == text


def test_a_language_without_rules_keeps_its_words():
    assert without_filler("der hund", "de") == "der hund"
    assert without_class("ohr vom hund", ("Hund",), "de") == "ohr vom"


def test_services_are_asked_in_parts_and_tell_in_one_line():
    from layerlore.concepts.languages import _Argos, _DeepL

    class Answer:
        def __init__(self, text):
            self.text = text

    class Service:
        def __init__(self):
            self.sizes = []

        def translate_text(self, texts, *, source_lang, target_lang, context):
            assert (source_lang, target_lang) == ("IT", "EN-GB")
            assert context == "What people see in part of a photo of: gru."
            self.sizes.append(len(texts))
            if "guasto" in texts:
                raise OSError("quota\nused up")
            return [Answer(text.upper()) for text in texts]

    service = Service()
    words = [f"parola{place}" for place in range(120)]
    assert _DeepL(service, OSError).translate(words, "it", "en", "gru") == [word.upper() for word in words]
    assert service.sizes == [50, 50, 20]
    with pytest.raises(ModelError, match=r"DeepL did not translate from 'it' to 'en' \(quota used up\)"):
        _DeepL(service, OSError).translate(["guasto"], "it", "en", "gru")

    class Language:
        code = "it"

        def get_translation(self, other):
            return self if other.code == "en" else None

        def translate(self, text):
            return text[::-1]

    class English(Language):
        code = "en"

    class Library:
        def get_installed_languages(self):
            return [Language(), English()]

    argos = _Argos(Library())
    assert argos.translate(["omu"], "it", "en", "gru") == ["umo"]
    assert argos.translate(["omu", "osan"], "it", "en", "cane") == ["umo", "naso"]
    with pytest.raises(ModelError, match=r"Argos has no package from 'fr' to 'en' on this machine"):
        _Argos(Library()).translate(["oeil"], "fr", "en", "")


@pytest.mark.parametrize(
    ("text", "key", "head"),
    [
        ("le orecchie del cane", "orecchio cane", "orecchio"),
        ("l'occhio", "occhio", "occhio"),
        ("due occhi neri", "due occhio nero", "occhio"),
        ("parte superiore della testa", "superiore testa", "testa"),
        ("ali di uccello", "ala uccello", "ala"),
        ("colore rosso", "rosso", "rosso"),
        ("il", "il", "il"),
    ],
)
def test_italian_dictionary_forms(text, key, head):
    assert (key_of(text, "it"), head_of(text, "it")) == (key, head)


def test_only_languages_of_the_alphabet_are_in_question():
    assert language_of("\u03b1\u03c5\u03c4\u03af", "en", ("el", "en", "ru")) == "el"
    assert language_of("\u0432\u0443\u0445\u043e", "en", ("en", "ru", "uk")) in ("ru", "uk")
    assert language_of("\u0432\u0443\u0445\u043e", "en", ("en", "it")) == ""
    assert language_of("ear", "ru", ("ru", "en")) == "en"
    assert language_of("qwrt", "en", ("en", "xx")) == "en"
