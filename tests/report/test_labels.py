"""Words on a page: the sentences that they give for crafted cases, their marks, and the maps that are shown as one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import handmade
import pytest

from layerlore.concepts.records import ConceptSet, Games
from layerlore.report import render_html, view, words
from layerlore.report.label_sentences import layer_words, photo_words, plain, whole_percent
from layerlore.report.labels import PageWords, by_photo, games_sentence, map_label, nobodys

if TYPE_CHECKING:
    from collections.abc import Mapping

EVIL = "</script><script>alert(1)</script>"
FALL = "removing the first lowers the logit by 1.8 of 12.4."
Said = dict[tuple[str, int], dict[str, tuple[str, ...]]]


def page(maps: Said, **changes: str) -> PageWords:
    return PageWords.of(handmade.explanation(), handmade.concept_set(maps, **changes))


def told(maps: Said, **changes: str) -> list[str]:
    return [plain(sentence).replace(words.NBSP, " ") for sentence in photo_words(page(maps, **changes))]


EARS: Said = {
    ("block1.relu", 0): {"stripes": ("a", "b")},
    ("block1.relu", 1): {"edges": ("a", "b")},
    ("block2.relu", 0): {"floppy ears": ("a", "b", "c"), "head": ("d",)},
    ("block2.relu", 1): {"fur": ("a", "b")},
}


def changed(changes: Mapping[tuple[str, int], dict[str, tuple[str, ...]] | None]) -> Said:
    made = {**EARS, **changes}
    return {place: said for place, said in made.items() if said is not None}


def test_the_photo_is_summed_up_by_its_deepest_layer_first() -> None:
    assert told(EARS) == [
        f"On the maps of the last layer people named floppy ears (40 % of its weight) and fur (24 %); {FALL}",
        "On those of early layers: stripes and edges.",
    ]


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        (changed({("block2.relu", 1): None}), "1 of 4 maps has no word."),
        (
            changed({("block2.relu", 0): None, ("block2.relu", 1): None}),
            "On the maps of the layer block1.relu people named stripes (40 %",
        ),
        (changed({("block2.relu", 1): {"fur": ("a",)}}), "The best word of 1 map is one person's only."),
        ({("block1.relu", 0): {"stripes": ("a",)}}, "All words are one person's only."),
        (changed({("block2.relu", 1): {"fur": ("a", "b"), "tail": ("c", "d")}}), "On 1 map people do not agree"),
        (changed({("block2.relu", 1): {"fur": ("a", "b"), "tail": ("c", "d")}}), "and fur or tail (24 %)"),
        ({}, "Nobody has named yet what these maps show."),
    ],
)
def test_few_disputed_and_missing_words_are_told(maps: Said, said: str) -> None:
    assert said in " ".join(told(maps))


def test_a_models_proposals_are_told_as_such_everywhere() -> None:
    sentences = " ".join(told(EARS, source="clip:tiny"))
    assert "These words are proposals of a model (clip:tiny); nobody has said them." in sentences
    assert "person" not in sentences
    assert told({}, source="clip:tiny") == ["clip:tiny proposes no word for what these maps show."]
    html = render_html(handmade.explanation(), handmade.concept_set(EARS, source="clip:tiny"))
    assert "proposed by a model" in html
    assert "a model proposed floppy ears" in html
    assert "people said" not in html
    assert "of nine people" not in html


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        (
            EARS,
            f"People see floppy ears (40 % of the layer) and fur (24 %); {FALL}",
        ),
        (
            {("block2.relu", 1): {"fur": ("a",)}},
            "People see fur (24 % of the layer), yet removing it raises the logit by 0.4.",
        ),
        # Maps that share their best word are one; what removing both does was not measured.
        (
            {("block2.relu", 0): {"fur": ("a",)}, ("block2.relu", 1): {"fur": ("b",)}},
            "People see fur (64 % of the layer).",
        ),
        ({}, ""),
    ],
)
def test_sentence_of_a_layer(maps: Said, said: str) -> None:
    made = page(maps)
    layer = made.explanation.layers[1]
    sentence = layer_words(layer, made.level("merged")[1], made.explanation.target, made.who)
    assert plain(sentence).replace(words.NBSP, " ") == said


def test_a_fall_no_larger_than_chance_is_told() -> None:
    weak = handmade.Ablation(handmade.Effect(1.0, 0.1), handmade.Effect(0.9, 0.1), handmade.Effect(1.2, 0.1))
    made = handmade.explanation(handmade.layer(dataclasses.replace(handmade.cluster(), ablation=weak)))
    sentences = photo_words(PageWords.of(made, handmade.concept_set({("block1.relu", 0): {"fur": ("a", "b")}})))
    assert "yet removing it lowers the logit by 1.0 of 12.4, less than a random set (1.2)." in plain(sentences[0])


@pytest.mark.parametrize(("value", "text"), [(31.4, "31 %"), (0.6, "1 %"), (0.4, "< 1 %")])
def test_whole_percentages(value: float, text: str) -> None:
    assert whole_percent(value).replace(words.NBSP, " ") == text


def test_a_label_says_how_many_people_and_what_speaks_against_it() -> None:
    [one] = handmade.concept_set({("block1.relu", 0): {"fur": ("a", "b", "c")}}, lift=2.5).maps.values()
    label = map_label(one[0], machine=False)
    assert (label.short, label.said.replace(words.NBSP, " "), label.doubt) == ("3 of 9", "3 of 9 people", "")
    assert label.lift == "2.5 times as often as on a random region of the class"
    doubts = {
        "nobody who said it guessed the class": {"guessed": False},
        "the answers as a whole speak against it (probability 0.20)": {"posterior": 0.2},
        "said no more often than where the map shows a random region": {"lift": 0.9},
        "one person only": {"players": 1},
    }
    for doubt, change in doubts.items():
        assert map_label(dataclasses.replace(one[0], **change), machine=False).doubt == doubt
    unknown = map_label(dataclasses.replace(one[0], seen=0, lift=None), machine=False)
    assert (unknown.short, unknown.lift) == ("3\N{MULTIPLICATION SIGN}", "")
    assert map_label(one[0], machine=True).said == "similarity 3.00"


def test_games_are_told_where_there_were_some() -> None:
    assert games_sentence(Games(3, 1, 1)).replace(words.NBSP, " ") == (
        "Of 5 rounds about it people won 3, lost 1 and gave up 1."
    )
    assert games_sentence(Games()) == games_sentence(None) == ""


SHARED: Said = {
    ("block1.relu", 0): {"fur": ("a",)},
    ("block1.relu", 1): {"fur": ("b",)},
    ("block2.relu", 0): {"ears": ("a",)},
}


def test_every_level_shows_each_cluster_once() -> None:
    """Property: at each level the tiles of a layer hold every cluster exactly once, heaviest first."""
    made = page(SHARED)
    columns = [column for phase in view.phases(made.explanation, said=made) for column in phase.columns]
    for level in ("unmerged", "merged", "full"):
        for column, layer in zip(columns, made.explanation.layers, strict=True):
            tiles = [tile for tile in column.tiles if level in tile.levels.split()]
            assert sorted(n for tile in tiles for n in tile.members or (tile.number,)) == [1, 2]
            weights = [tile.weight_width for tile in tiles]
            assert weights == sorted(weights, reverse=True)
            assert sum(weights) == pytest.approx(layer.shown_weight)
    assert [tile.members for tile in columns[0].tiles if "merged" in tile.levels.split()] == [(1, 2)]
    assert [tile.members for tile in columns[1].tiles if "merged" in tile.levels.split()] == [(), ()]
    [together] = [tile for tile in columns[0].tiles if tile.members]
    assert [(label.name, label.said.replace(words.NBSP, " ")) for label in together.labels] == [("fur", "2 people")]
    assert "was not measured" in together.verdict


def test_what_is_said_of_all_clusters_as_one_is_on_the_layer_and_on_the_map_that_shows_them_so() -> None:
    made = page({**EARS, ("block2.relu", -1): {"dog": ("a", "b"), "animal": ("c",)}})
    first, second = (column for phase in view.phases(made.explanation, said=made) for column in phase.columns)
    assert (first.as_one, first.as_one_games) == ((), "")
    assert [(label.name, label.said.replace(words.NBSP, " ")) for label in second.as_one] == [
        ("dog", "2 of 9 people"),
        ("animal", "1 of 9 people"),
    ]
    assert second.as_one_games.replace(words.NBSP, " ") == "Of 3 rounds about it people won 3, lost 0 and gave up 0."
    html = render_html(made.explanation, made.concepts)
    title = "<h3>Asked about all clusters as one map</h3>"
    assert html.count(title) == 2
    assert title in html.split('<template id="about-layer-1">')[1].split("</template>")[0]
    assert title in html.split('<template id="details-1-3">')[1].split("</template>")[0], "clusters 1 and 2 as one"
    assert title not in render_html(made.explanation, handmade.concept_set(EARS))


def test_words_never_become_markup() -> None:
    html = render_html(handmade.explanation(), handmade.concept_set({("block1.relu", 0): {EVIL: ("a",)}}))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_each_photo_gets_its_own_words() -> None:
    one = handmade.concept_set(EARS)
    other = handmade.concept_set({("block1.relu", 0): {"wheel": ("a",)}}, image_id="f" * 16)
    both = ConceptSet({**one.concepts, **other.concepts}, {**one.maps, **other.maps}, (*one.fates, *other.fates))
    parts = by_photo(both)
    assert {photo: set(part.maps) for photo, part in parts.items()} == {
        "0123456789abcdef": set(one.maps),
        "f" * 16: set(other.maps),
    }
    assert [concept.name for concept in parts["f" * 16].concepts.values()] == ["wheel"]
    assert parts["f" * 16].fates == other.fates
    assert photo_words(PageWords.of(handmade.explanation(), nobodys(both)))[0][0].text.startswith("Nobody")


def test_a_page_without_concepts_is_as_before() -> None:
    html = render_html(handmade.explanation())
    assert 'id="levels"' not in html
    assert 'id="told"' not in html
    assert "Nobody has named this cluster yet." in html
