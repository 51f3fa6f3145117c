"""The words of a language, with how frequent they are: what spelling is repaired by and languages are told apart by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from layerlore.concepts.pictured import PICTURED
from layerlore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

PAIRS = "frequency_bigramdictionary_en_243_342.txt"
ENGLISH = "frequency_dictionary_en_82_765.txt"
EXTRA = 'pip install "layerlore[labels]"'
LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")
"""Languages with a dictionary in one of the packages."""

_PLAIN = frozenset({"de", "es", "fr", "it", "nl", "pt"})
"""Languages for which simplemma's forms are taken as known, too; its English ones hold common misspellings."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SEEN = {
    "en": _set(
        "airbag airbags antennae armband backlight backrest backsplash barcode baseboard basecap bbq beanie "
        "bedframe bedset bedsheet bedsheets bikini birdhouse bluish boardwalk bowtie bowties brownish bunkbed "
        "cardstock carseat cd cds chainlink chainsaw chainsaws checkerboard clawed closeup closeups clothesline "
        "countertop countertops crosshatch crosswalk cupholder dashcam dna doghouse donut donuts doorframe dvd dvds "
        "earbud earbuds earflap earring earrings eyeliner facemask fairlead faucet fencepost fishbowl fishscale "
        "fishtank fluffy footrest furry grayish greenish greyish gridline gridlines hairband hairless hairline "
        "handrail handrails hashtag headband headlight headlights headrest headwrap hoodie hoodies hubcap hubcaps "
        "jersey keypad keyring kickstand lampshade laptop led lego legos lifejacket lifevest logo logos lowercase "
        "microfibre moustached muddy nightstand numberplate orangish pacifier pinecone pinecones pinkish pixel "
        "pixelated pixelation pixels placemat placemats popsicle purplish racecar racecars railcar rearview reddish "
        "rooftop rooftops sandpit scrunchie selfie semicircle sideburns sidewalk skateboard skatepark smartphone "
        "snout snowboard snowboarder snowcap snowcapped snowplough spiderweb stoplight stripey stripy suv suvs "
        "sweatband tabletop tailfin tailgate taillight taillights tanktop tealight teddybear textured tshirt "
        "tshirts turquoise tv tvs undercarriage uppercase usb wakeboard wakeboarder watermark webbed webcam wetsuit "
        "whitish wifi windshield wristband yellowish"
    ),
    "it": _set(
        "abside altoparlante antenne arancione arancioni argentato azzurrino bagagliaio balaustra bandierina "
        "bargigli beige bordeaux branchie cassonetto chele chiazzato felpa fossetta fossette fotocamera fucsia "
        "giallastro giubbino giubbotto golf imbracatura logo lunotto maculato maglietta magliette marciapiede "
        "marciapiedi marmitta monitor motosega mouse musetto musicassetta mutande navata panchina paracadutista "
        "paraurti piastrelle piumaggio pixel pois polpastrelli portabagagli pungiglione quadrettato registratore "
        "ringhiera rosone rossastro sfocato striato tapparella tergicristalli tergicristallo velatura verdastro "
        "vibrisse zampetta zampette zigrinato"
    ),
}
"""What people see in pictures and the dictionaries leave out; as frequent as the upper tenth of their words."""

SAID, IN_BOOKS = 1_600_000_000, 330
"""Words in the English subtitles, and how much more often each is in the books: other languages' counts are brought to
the same measure, since a slip is weighed against them."""


@dataclass(frozen=True)
class Vocabulary:
    """Words of one language.

    Attributes:
        language: Such as ``en``.
        counts: Word to how often it is written, in books where that is known.
        everyday: Word to how often it is said in films; words that nobody says are not in it.
    """

    language: str
    counts: Mapping[str, int] = field(repr=False)
    everyday: Mapping[str, int] = field(repr=False)

    def __contains__(self, word: str) -> bool:
        """Whether a folded word is one of the language."""
        if word in self.counts:
            return True
        if self.language not in _PLAIN:
            return False
        from simplemma import is_known

        return bool(is_known(word, self.language))


@cache
def vocabulary(language: str) -> Vocabulary | None:
    """The words of a language; None if there is no dictionary of it.

    Args:
        language: Such as ``en``, or with a region such as ``en-GB``.

    Raises:
        ModelError: The extra ``labels`` is not installed.
    """
    language = language.partition("-")[0]
    if language not in LANGUAGES:
        return None
    everyday = _everyday(language)
    if language == "en":
        counts = _english(everyday)
    else:
        scale = SAID / sum(everyday.values())
        everyday = {word: round(count * scale) for word, count in everyday.items()}
        counts = {word: count * IN_BOOKS for word, count in everyday.items()}
    for some in (counts, everyday):
        often = sorted(some.values())[len(some) * 9 // 10]
        some.update((word, max(some.get(word, 0), often)) for word in _seen(language))
    return Vocabulary(language, counts, everyday)


def _seen(language: str) -> frozenset[str]:
    """Words for what is seen in pictures; those that are in the dictionaries keep their own counts, if higher."""
    return SEEN.get(language, frozenset()) | (PICTURED if language == "en" else frozenset())


def _everyday(language: str) -> dict[str, int]:
    """Words of subtitles, as pyspellchecker ships them; American spellings among the English ones."""
    import gzip

    try:
        place = files("spellchecker") / "resources" / f"{language}.json.gz"
        content: dict[str, Any] = json.loads(gzip.decompress(place.read_bytes()))
    except (ImportError, OSError) as error:
        raise ModelError(f"spelling needs pyspellchecker, which is not installed or not whole; {EXTRA}") from error
    return {word: int(count) for word, count in content.items()}


def _english(everyday: dict[str, int]) -> dict[str, int]:
    """British words with their frequencies in books, as symspellpy ships them; everyday ones in their measure."""
    counts = {word: int(count) for word, count in (line.split() for line in _shipped(ENGLISH).splitlines())}
    shared = everyday.keys() & counts.keys()
    ratio = sum(counts[word] for word in shared) / max(sum(everyday[word] for word in shared), 1)
    for word, count in everyday.items():
        counts.setdefault(word, max(int(count * ratio), 1))
    return counts


@cache
def english_pairs() -> Mapping[tuple[str, str], int]:
    """Two English words that often follow each other, with how often, as symspellpy ships them.

    Raises:
        ModelError: The extra ``labels`` is not installed.
    """
    rows = (line.split() for line in _shipped(PAIRS).splitlines())
    return {(first, second): int(count) for first, second, count in rows}


def _shipped(name: str) -> str:
    """A file of symspellpy."""
    try:
        return (files("symspellpy") / name).read_text(encoding="utf-8-sig")
    except (ImportError, OSError) as error:
        raise ModelError(f"spelling needs symspellpy, which is not installed or not whole; {EXTRA}") from error
