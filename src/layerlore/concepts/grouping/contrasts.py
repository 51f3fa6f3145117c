"""Words that embeddings put close and people keep apart: colours, numbers, sides, sizes, light, the sexes."""

from __future__ import annotations

from functools import cache

KINDS = (
    (
        "red crimson scarlet maroon|orange|yellow|gold golden|green|blue navy|purple violet|pink|white|black|brown|"
        "grey gray|silver silvery|beige tan|turquoise teal"
    ),
    (
        "one single 1|two pair double 2|three triple 3|four 4|five 5|six 6|seven 7|eight 8|nine 9|ten 10|zero 0|"
        "many several multiple|few"
    ),
    "left|right|top upper|bottom lower|middle centre center|corner|edge border",
    "front foreground|back background rear",
    "big large huge|small little tiny",
    "long|short",
    "thick wide broad|thin narrow",
    "bright light|dark darkness",
    "day daytime|night nighttime",
    "inside indoor indoors interior|outside outdoor outdoors",
    "open opened|closed shut",
    "smooth|rough",
    "round circular|square|triangular|rectangular",
    "man boy male|woman girl female lady",
    "dog puppy|cat kitten|horse|cow|sheep lamb|bird|fish",
    "hot warm|cold cool",
    "wet|dry",
    "horizontal|vertical|diagonal",
)
"""Each kind is a list of things apart, a thing the words for it."""


@cache
def sides() -> dict[str, tuple[int, int]]:
    """Word to its kind and its thing, both numbered; a thing has one number over all kinds."""
    found: dict[str, tuple[int, int]] = {}
    thing = 0
    for kind, line in enumerate(KINDS):
        for words in line.split("|"):
            found |= dict.fromkeys(words.split(), (kind, thing))
            thing += 1
    return found
