"""Pages of classes and concepts as files: what they say, where they lead, and what a second run writes."""

from __future__ import annotations

import dataclasses
import html
import re
from typing import TYPE_CHECKING

import pytest
import wording
from handmade import concept_id
from test_site import Reader, times

from layerlore.classes.records import ClassExplanation, ConceptInLayer, Suspect, Trend
from layerlore.classes.storage import CLASSES_FILE
from layerlore.classes.tcav_reach import REACH, out_of_reach
from layerlore.classes.tcav_records import ConceptScore, Null, Untested, Validation, save_validation
from layerlore.concepts.agreement import measure_agreement
from layerlore.concepts.records import MapKey
from layerlore.concepts.storage import CONCEPTS_FILE, save_concepts
from layerlore.report.site import ours, tcav_rows, write_site
from layerlore.report.site.class_pages import class_file, class_page, render_class
from layerlore.report.site.comparing import closest
from layerlore.report.site.concept_pages import Frame
from layerlore.report.site.example_maps import Shots, map_address, map_file
from layerlore.report.words import NBSP
from layerlore.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "</script><script>alert(1)</script>"
PHOTO = "0123456789abcdef"
KEY = MapKey(PHOTO, 1, "late", 0)
FRAME = Frame("pets", "", has_concepts=True, simulated=False)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace(NBSP, " ")


@pytest.fixture
def named(study: Study) -> Study:
    """That study with words on its maps, its classes explained, and one concept tested."""
    found = wording.name_maps(study)
    one = next(iter(found.concepts.values()))
    save_validation(study.folder, Validation((score(concept_id=one.concept_id, label="espresso"),)))
    return study


def score(**changes: object) -> ConceptScore:
    made = ConceptScore(
        label="cat", target=1, concept_id="c" * 16, name="ears", machine=False, layer="late", layer_index=9,
        examples=20, photos=6, null=Null.maps, accuracy=0.9, accuracy_low=0.8, accuracy_high=0.95, at_chance=False,
        score=0.8, low=0.7, high=0.9, sign=0.9, smooth=0.8, null_low=0.4, null_high=0.6, p=0.001, p_holm=0.01,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_a_study_with_words_has_their_pages_and_every_link_leads_somewhere(named: Study) -> None:
    out = write_site(named, workers=1).index.parent
    pages = sorted(out.rglob("*.html"))
    assert len(list((out / "classes").glob("*.html"))) == 4
    assert len(list((out / "concepts").glob("*.html"))) == 6, "four words of classes, one of all, the list"
    anchors = {page: {a["id"] for _, a in Reader(page.read_text()).elements if a.get("id")} for page in pages}
    for page in pages:
        for address in Reader(page.read_text(encoding="utf-8")).addresses():
            file, _, place = address.partition("#")
            target = (page.parent / re.split(r"\?", file)[0]).resolve()
            assert target.exists(), (page.name, address)
            # Places in a photo's page, and grids, are the scripts'.
            assert not place or place.startswith(("photo/", "class/", "photos")) or place in anchors[target]
        assert set(re.findall(r"https?://[^\s\"')]+", page.read_text())) == set()
        assert page.stat().st_size < 200_000
    index = text_of(out / "index.html")
    assert index.count('class="card-link"') == 4
    assert "6 photos, 50.0 % right" in index, "of all photos of the class, not of those that it gets right"
    photo = text_of(out / "photos" / f"{named.images[0].image_id}.html")
    assert f'href="../concepts/{concept_id("background")}.html"' in photo


def test_the_way_back_from_a_concept_to_each_answer(named: Study) -> None:
    out = write_site(named, workers=1).index.parent
    page = text_of(out / "concepts" / f"{concept_id('espresso part')}.html")
    found = wording.words_of(named)
    rows = [fate for fate in found.fates if fate.concept_id == concept_id("espresso part")]
    assert page.count('<tr id="answer-') == len(rows) > 0
    for fate in rows:
        assert f'id="answer-{fate.answer}"' in page
        assert f"../{map_address((fate.key,))}" in page
    assert f"2 people said so in {len(rows)} answers" in page
    assert "Espresso Part" in page, "as typed"


def test_answers_behind_no_concept_are_listed_each_with_its_reason(named: Study) -> None:
    found = wording.words_of(named)
    key = found.fates[0].key
    odd = dataclasses.replace(found.fates[0], answer=len(found.fates), text=EVIL, concept_id="", reason="not a word")
    gone = dataclasses.replace(
        odd, answer=odd.answer + 1, text="Blob", reason="control map", key=key._replace(layer="")
    )
    silent = dataclasses.replace(odd, answer=odd.answer + 2, text="", reason="nothing typed")
    save_concepts(named.folder, dataclasses.replace(found, fates=(*found.fates, odd, gone, silent)))
    page = text_of(write_site(named, workers=1).index.parent / "concepts" / "index.html")
    assert "2 answers one by one, each with the reason" in page
    rows = re.findall(r'<tr id="answer-(\d+)">(.*?)</tr>', page)
    assert [int(number) for number, _ in rows] == [odd.answer, gone.answer]
    assert "&lt;script&gt;alert(1)" in rows[0][1]
    assert "not a word" in rows[0][1]
    assert f"../{map_address((key,))}" in rows[0][1]
    assert "control map" in rows[1][1]
    assert "href" not in rows[1][1], "it is about no map of the study"
    assert '<th scope="row">nothing typed</th>' in page, "counted, though there is nothing to read"


def test_a_second_run_writes_nothing_and_without_words_their_pages_go(named: Study) -> None:
    out = write_site(named, workers=1).index.parent
    before = times(out)
    assert write_site(Study.open(named.folder), workers=2).written == 0
    assert {p: t for p, t in times(out).items() if p != ours.LIST} == {
        p: t for p, t in before.items() if p != ours.LIST
    }
    (named.folder / CLASSES_FILE).unlink()
    (named.folder / CONCEPTS_FILE).unlink()
    site = write_site(Study.open(named.folder), workers=1)
    assert site.written == 21, "their words are gone"
    assert [path for name in ("classes", "concepts", "maps") for path in (out / name).iterdir()] == []
    index = text_of(site.index)
    assert "layerlore concepts study &amp;&amp; layerlore report study" in index
    assert "layerlore classes study &amp;&amp; layerlore report study" in index


def test_a_models_words_are_marked_on_every_page_that_shows_them(study: Study) -> None:
    wording.name_maps(study, source="clip:tiny")
    out = write_site(study, workers=1).index.parent
    for page in [out / "index.html", *out.glob("c*/*.html"), *out.glob("photos/*.html")]:
        assert "proposed by a model" in text_of(page) or "proposals of a model" in text_of(page), page


def test_how_far_people_agree_is_said_on_the_overview(named: Study) -> None:
    found = wording.words_of(named)
    assert "Krippendorff" not in text_of(write_site(named, workers=1).index)
    measured = measure_agreement(found.fates, sorted({fate.key.layer for fate in found.fates}))
    save_concepts(named.folder, dataclasses.replace(found, facts={**found.facts, "agreement": measured}))
    index = html.unescape(text_of(write_site(Study.open(named.folder), workers=1).index))
    whole = measured["all"]
    said = f"How far people agree on {whole['maps']} maps: Krippendorff's alpha {whole['alpha']:.2f}"
    assert said in index
    assert all(f"<b>{layer}</b> {part['alpha']:.2f}" in index for layer, part in measured["layers"].items())


def concept(name: str = "ears", **changes: object) -> ConceptInLayer:
    made = ConceptInLayer("c" * 16, name, 3.0, 0.5, 31.0, 2, ((KEY,),))
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def explained(**changes: object) -> ClassExplanation:
    made = ClassExplanation(
        label="cat",
        target=1,
        images=4,
        labelled=4,
        layers=("early", "late"),
        concepts={"early": (), "late": (concept(),)},
        trends=(
            Trend("c" * 16, "ears", (0.0, 2.0), 2.0, 1.0, 3.0, 0.01),
            Trend("d" * 16, "fur", (1.0, 1.1), 0.1, -1, 1),
        ),
        suspects=(Suspect("c" * 16, "ears", "late", 0.6, 0.8, 0.6, 0.5, "They lie outside the object.", 4),),
        from_maps=False,
        machine=False,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def rendered(one: ClassExplanation, validation: Validation | None = None, *, escaped: bool = False) -> str:
    shots = Shots("01234567", {PHOTO: "cat.png"}, {PHOTO: (96, 96)})
    checked = None if validation is None else tcav_rows.tested(validation, one.label, {})
    page = class_page(
        one, None, shots, known={}, other=None, tested=checked, shell_name="pets"
    )  # fmt: skip
    text = render_class(page, FRAME).replace(NBSP, " ")
    return text if escaped else html.unescape(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "On the maps of the last layer people named in cat: ears (50 %). The shares are of photos of which they",
        ),
        ({}, '<span class="number">score 3.0</span>'),
        ({}, "emerges late"),
        ({}, "no more than chance"),
        ({}, "They lie outside the object."),
        ({}, "Concepts are not tested yet. To test them: <code>layerlore validate pets"),
        ({"labelled": 3}, "Only 3 of 4 photos have words"),
        ({"machine": True, "settings": {"source": "clip:tiny"}}, "proposals of a model (clip:tiny)"),
        ({"machine": True, "settings": {"source": "clip:tiny"}}, "of the last layer a model proposes in cat: ears"),
        ({"concepts": {}}, "No map of cat has a word."),
        ({"trends": ()}, "A trend needs four photos with words, and two layers of which people were asked."),
        ({"suspects": ()}, "No photo of this class comes with its object marked"),
        ({"suspects": (), "checked": 4}, "In 4 photos the object is marked; no concept is suspected."),
        ({"from_maps": True, "stability": {"late": 0.8}}, "Groups stable: with other photos"),
        ({"from_maps": True}, "Nobody has said yet what the maps of cat show"),
    ],
)
def test_every_state_of_a_class_has_its_sentence(changes: dict[str, object], said: str) -> None:
    assert said in rendered(explained(**changes))


def test_a_class_is_compared_with_what_it_is_taken_for_or_with_what_has_the_most_alike_words(named: Study) -> None:
    out = write_site(named, workers=1).index.parent
    missile, cat = (text_of(out / class_file(label)) for label in ("missile", "Egyptian cat"))
    assert 'What tells it from <a href="../classes/espresso-' in missile
    assert "It is the class that this one is most often taken for." in missile
    assert re.search(r"0 of \d+ words in all layers differ by more than chance", missile)
    assert "Of all classes here its words are most like those of this one. Most often it is taken for " in cat
    assert "of which there are no words here" in cat


def test_the_closest_class_is_that_with_the_most_alike_scores() -> None:
    one = explained(
        concepts={"late": (concept("ears", concept_id="a", score=3.0), concept("fur", concept_id="b", score=1.0))}
    )
    near = explained(label="near", concepts={"late": (concept("ears", concept_id="a", score=9.0),)})
    far = explained(label="far", concepts={"late": (concept("fur", concept_id="b", score=9.0),)})
    none = explained(label="none", concepts={"late": (concept("rim", concept_id="c", score=9.0),)})
    assert closest(one, [none, far, near]) is near
    assert closest(one, [none, far]) is far
    assert closest(one, [none]) is closest(one, []) is None


def test_a_layer_of_which_nobody_was_asked_is_a_gap_and_no_zero() -> None:
    trend = Trend("c" * 16, "ears", (1.0, None, 2.0, 3.0), 2.0, 1.0, 3.0)
    page = rendered(explained(layers=("a", "b", "c", "d"), trends=(trend,)))
    assert page.count("<polyline") == 1
    assert '<polyline points="105.3,14.7 156.0,4.0"/>' in page, "no line across the gap, nor to a point alone"
    assert page.count("<circle") == 3
    assert "shallow to deep: a 1.00, b not asked, c 2.00, d 3.00" in page
    assert "Gaps: nobody was asked about b." in page
    assert '<td class="number">not asked</td>' in page


def test_tests_with_concept_vectors_are_told_with_interval_accuracy_and_what_is_missing() -> None:
    scores = (
        score(),
        score(layer="early", score=None, low=None, high=None, p=None, p_holm=None, at_chance=True),
        score(concept_id="d" * 16, name="fur", p_holm=0.4),
    )
    page = rendered(explained(), Validation(scores, (Untested("cat", "e" * 16, "tail", "3 pictures are too few"),)))
    other = "that of other maps of the same photos"
    assert f"Its score is higher in 1 of 2 layers than {other}, by more than chance." in page
    assert "0.80 (0.70 to 0.90)" in page
    assert "90 % (80 to 95)" in page
    assert "none: vector at chance" in page
    assert f"In none of 1 layer does its score differ from {other} by more than chance." in page
    assert "tail: 3 pictures are too few" in page
    assert "corrected for all 3 tests of this class" in page
    assert 'style="left:70.0%;width:20.0%"' in page, "the interval's bar"


def test_what_could_not_be_significant_is_told_and_pictures_of_a_folder_are_no_evidence_alone() -> None:
    scores = (
        score(p_holm=0.7),
        score(layer="early", p_holm=0.9),
        score(concept_id="images:foam", name="foam", null=Null.random, p=0.001, p_holm=0.003),
    )
    beyond = out_of_reach(scores, {"c" * 16: 0.3, "images:foam": 0.0001})
    assert [(one["name"], one["p"], one["tests"]) for one in beyond] == [("ears", 0.6, 3)]
    assert out_of_reach(scores, {"c" * 16: 0.0001, "images:foam": 0.0001}) == []
    page = rendered(explained(), Validation(scores, facts={REACH: beyond}))
    assert "It cannot be significant in any of 2 layers, whatever the network does: with " in page
    assert "and 3 tests p is at least 0.60." in page
    assert "than that of random parts of the study's photos, by more than chance. That alone is no evidence" in page


def test_strings_of_the_user_never_become_markup_on_pages_of_classes() -> None:
    page = rendered(explained(label=EVIL, concepts={"late": (concept(EVIL),)}, layers=(EVIL, "late")), escaped=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_files_of_classes_and_maps_stay_and_are_told_apart() -> None:
    assert class_file("Egyptian cat") == class_file("Egyptian cat")
    assert len({class_file(name) for name in ("a b", "a-b", "ä", "日本", "x" * 99, "../x")}) == 6
    assert all(re.fullmatch(r"classes/[a-z0-9-]+\.html", class_file(name)) for name in ("ä", "日本", "../x"))
    other = KEY._replace(cluster=2)
    assert map_file((KEY,), "0") != map_file((KEY, other), "0") != map_file((KEY, other), "1")
    assert map_address((other, KEY)).endswith("/merged/layer/late/cluster/1+3")
    assert map_address((KEY._replace(cluster=-1),)).endswith("/full/layer/late")
