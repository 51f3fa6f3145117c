"""What people decide about concepts: written down, applied again, taken back, and told where it fits nothing."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.concepts import curating
from layerlore.concepts.assembling import concept_id
from layerlore.concepts.curating import curate, find_concept, with_decisions
from layerlore.concepts.decisions import (
    DECISIONS_FILE,
    KINDS,
    Decision,
    Ref,
    active,
    add_decision,
    read_decisions,
)
from layerlore.concepts.locking import deciding
from layerlore.concepts.records import AnswerFate, LeftOut, MapKey
from layerlore.concepts.storage import load_concepts, save_concepts
from layerlore.errors import ConceptError, FileFormatError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layerlore.concepts.records import ConceptSet

GROUPS = {
    "ear": ("ears", ["ear", "ears", "ears", "floppy ears"]),
    "fur": ("fur", ["fur", "fur", "furry", "red fur"]),
    "wheel": ("wheel", ["wheel", "wheels"]),
    "sky": ("sky", ["sky", "blue sky"]),
}
LAYERS = {"layer.1": 0, "layer.2": 3}


def fates(groups: dict[str, tuple[str, list[str]]] | None = None) -> list[AnswerFate]:
    """Answers of these groups, one after the other on the maps of a photo; one is Italian, one on a control map."""
    found: list[AnswerFate] = []

    def add(text: str, lemma: str, name: str, language: str = "en", reason: str = "") -> None:
        place = len(found)
        key = MapKey("0123456789abcdef", 5, list(LAYERS)[place % 2], place % 3)
        who = f"p{place % 4}"
        found.append(
            AnswerFate(
                place, key, text, language, text, "", reason, who, place % 6, place % 5 == 0, f"{who}/{key}", language,
                "won" if place % 5 == 0 else "lost", lemma, name,
            )
        )  # fmt: skip

    for lemma, (name, texts) in (groups or GROUPS).items():
        for text in texts:
            add(text, lemma, name)
    add("orecchie", "orecchio", "orecchie", "it")
    add("wheel", "wheel", "wheel", reason=LeftOut.CONTROL)
    return found


def decide(*decisions: Decision, groups: dict[str, tuple[str, list[str]]] | None = None) -> ConceptSet:
    return with_decisions(fates(groups), decisions, settings={}, facts={"layers": LAYERS})


def shape(found: ConceptSet) -> dict[str, set[str]]:
    """Names of concepts to their forms."""
    return {one.name: {text for text, _ in one.forms} for one in found.concepts.values()}


def test_without_decisions_groups_are_concepts_with_lasting_ids() -> None:
    found = decide()
    assert shape(found) == {**{name: set(texts) for name, texts in GROUPS.values()}, "orecchie": {"orecchie"}}
    assert find_concept(found, "ears").concept_id == concept_id("en", "ear")
    assert concept_id("en", "ear") != concept_id("it", "ear")
    assert not any(one.decided for one in found.concepts.values())
    assert find_concept(found, "wheel").answers == 2  # the one on a control map does not count


def test_merge_split_and_rename() -> None:
    found = decide()
    merge = curating.merge(found, [], ["fur", "wheel"], "soft wheel")
    merged = decide(merge)
    assert shape(merged)["soft wheel"] == {"fur", "furry", "red fur", "wheel", "wheels"}
    one = find_concept(merged, "soft wheel")
    assert (one.concept_id, one.decided) == (concept_id("en", "fur"), True)
    split = curating.split(merged, [merge], "soft wheel", ["Red fur"], "red coat")
    apart = decide(merge, split)
    assert shape(apart)["red coat"] == {"red fur"}
    assert shape(apart)["soft wheel"] == {"fur", "furry", "wheel", "wheels"}
    rename = curating.rename(apart, [merge, split], "ears", "an ear")
    renamed = decide(merge, split, rename)
    assert shape(renamed)["an ear"] == {"ear", "ears", "floppy ears"}
    assert find_concept(renamed, "an ear").concept_id == concept_id("en", "ear")  # so that links to it stay
    assert renamed.facts["decisions"] == 3


def test_scores_are_those_of_the_new_concepts_and_every_answer_is_behind_one() -> None:
    merged = decide(curating.merge(decide(), [], ["fur", "sky"]))
    behind = Counter(fate.concept_id for fate in merged.fates if fate.concept_id)
    assert behind == {name: one.answers for name, one in merged.concepts.items()}
    for some in merged.maps.values():
        assert [one.score for one in some] == sorted((one.score for one in some), reverse=True)
        for one in some:
            answers = [merged.fates[row] for row in one.answers]
            assert {fate.concept_id for fate in answers} == {one.concept_id}
            assert one.frequency == len(answers)
            assert one.name == merged.concepts[one.concept_id].name


def test_concepts_of_two_languages_can_be_merged() -> None:
    found = decide()
    one = find_concept(decide(curating.merge(found, [], ["ears", "it:orecchie"])), "ears")
    assert (one.language, one.answers) == ("en", 5)
    assert "orecchie" in dict(one.forms)


def test_a_concept_whose_name_leaves_it_is_called_by_what_is_left() -> None:
    found = decide(curating.split(decide(), [], "ears", ["ears"], "a pair"))
    wanted = {**shape(decide()), "ear": {"ear", "floppy ears"}, "a pair": {"ears"}}
    assert shape(found) == {name: forms for name, forms in wanted.items() if name != "ears"}


def test_forms_that_are_split_off_join_a_concept_that_is_there() -> None:
    split = curating.split(decide(), [], "fur", ["furry"], "sky")
    found = decide(split)
    assert shape(found)["sky"] == {"sky", "blue sky", "furry"}


@st.composite
def histories(draw: Callable[..., object]) -> list[Decision]:
    """Decisions as a person makes them: each about what the ones before have left."""
    made: list[Decision] = []
    for _ in range(draw(st.integers(1, 6))):  # type: ignore[call-overload]
        found = decide(*made)
        listed = sorted(one.name for one in found.concepts.values())
        what = draw(st.sampled_from(KINDS))
        try:
            if what == "merge" and len(listed) > 1:
                some = draw(st.lists(st.sampled_from(listed), min_size=2, max_size=3, unique=True))
                made.append(curating.merge(found, made, some, draw(st.sampled_from(["", "a thing"]))))  # type: ignore[arg-type]
            elif what == "split":
                name = draw(st.sampled_from(listed))
                forms = [text for text, _ in find_concept(found, str(name)).forms]
                some = draw(st.lists(st.sampled_from(forms), min_size=1, unique=True))
                made.append(curating.split(found, made, str(name), some, f"part {len(made)}"))  # type: ignore[arg-type]
            elif what == "rename":
                made.append(curating.rename(found, made, str(draw(st.sampled_from(listed))), f"name {len(made)}"))
            else:
                made.append(curating.undo(made, draw(st.none() | st.sampled_from([one.number for one in made] or [1]))))  # type: ignore[arg-type]
        except ConceptError:
            continue
    return made


@settings(max_examples=60, deadline=None)
@given(histories())
def test_an_undo_restores_exactly_and_nothing_else_is_changed(made: list[Decision]) -> None:
    before = decide(*made)
    assert not before.facts["decisions_unfit"] or any(one.what == "undo" for one in made)
    # Whatever is decided next, taking it back gives what there was; taking that back gives what was decided.
    listed = sorted(one.name for one in before.concepts.values())
    if len(listed) > 1:
        merge = curating.merge(before, made, listed[:2])
        undo = curating.undo([*made, merge])
        again = curating.undo([*made, merge, undo], undo.number)
        assert without_facts(decide(*made, merge, undo)) == without_facts(before)
        assert without_facts(decide(*made, merge, undo, again)) == without_facts(decide(*made, merge))
    # The groups are never touched, so that taking everything back gives what grouping made.
    assert [(fate.grouped, fate.grouped_name) for fate in before.fates] == [
        (fate.grouped, fate.grouped_name) for fate in fates()
    ]
    # No answer is lost, and concepts that were decided are decided again by another run.
    assert sum(one.answers for one in before.concepts.values()) == sum(not fate.reason for fate in fates())
    assert with_decisions(before.fates, made, settings={}, facts={"layers": LAYERS}) == before


def without_facts(found: ConceptSet) -> tuple[object, ...]:
    return found.concepts, found.maps, found.fates


@settings(max_examples=30, deadline=None)
@given(histories())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, made: list[Decision]) -> None:
    folder = tmp_path_factory.mktemp("decisions")
    for one in made:
        add_decision(folder, one)
    assert read_decisions(folder) == tuple(made)


def test_odd_names_are_written_and_read(tmp_path: Path) -> None:
    odd = Decision(1, "rename", (Ref("en", 'a "b" \\ c\x7f', ("é\t", "耳")),), into="'#]\nx", who="Zoë", when="now")
    add_decision(tmp_path, odd)
    assert read_decisions(tmp_path) == (odd,)


def test_remarks_of_people_stay_and_entries_may_be_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / DECISIONS_FILE
    path.write_text(
        '# ours\n[[decision]]\nwhat = "rename"\nconcepts = [{language = "en", lemma = "ear"}]\ninto = "an ear"\n'
    )
    add_decision(tmp_path, curating.undo(read_decisions(tmp_path)))
    assert path.read_text().startswith("# ours\n")
    assert [one.number for one in read_decisions(tmp_path)] == [1, 2]
    assert active(read_decisions(tmp_path)) == ()


def test_a_decision_is_found_by_its_forms_where_the_dictionary_form_has_changed() -> None:
    merge = curating.merge(decide(), [], ["ears", "sky"], "things")
    groups = {name: some for name, some in GROUPS.items() if name != "ear"} | {"floppy ear": GROUPS["ear"]}
    found = decide(merge, groups=groups)
    assert shape(found)["things"] == {"ear", "ears", "floppy ears", "sky", "blue sky"}
    assert find_concept(found, "things").lemma == "floppy ear"


def test_a_decision_that_fits_nothing_any_more_is_told_and_the_others_hold() -> None:
    merge = curating.merge(decide(), [], ["ears", "sky"])
    split = curating.split(decide(), [merge], "fur", ["red fur"], "coat")
    rename = curating.rename(decide(), [merge, split], "wheel", "tyre")
    left = {"fur": ("fur", ["fur", "furry"]), "wheel": GROUPS["wheel"]}
    found = decide(merge, split, rename, groups=left)
    assert shape(found).keys() == {"fur", "tyre", "orecchie"}
    assert found.facts["decisions"] == 1
    told = found.facts["decisions_unfit"]
    assert told[0].startswith("decision 1 merge ear + sky: there is no concept 'ear' and no 'sky' any more")
    assert told[1].startswith("decision 2 split red fur into coat: nobody's answers have any of these forms any more")


def test_a_decision_is_applied_at_once(tmp_path: Path) -> None:
    save_concepts(tmp_path, decide())
    merge = curating.merge(load_concepts(tmp_path), (), ["ears", "fur"])
    assert curate(tmp_path, merge) == load_concepts(tmp_path)
    assert shape(load_concepts(tmp_path)) == shape(decide(merge))
    curate(tmp_path, curating.undo(read_decisions(tmp_path)))
    assert without_facts(load_concepts(tmp_path)) == without_facts(decide())


def test_proposals_of_a_model_are_not_changed(tmp_path: Path) -> None:
    save_concepts(tmp_path, dataclasses.replace(decide(), source="clip:tiny"))
    with pytest.raises(ConceptError, match="its concepts are proposals of clip:tiny; only those of people"):
        curate(tmp_path, curating.merge(decide(), (), ["ears", "fur"]))
    assert load_concepts(tmp_path).concepts == decide().concepts
    assert not (tmp_path / DECISIONS_FILE).exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wheal", "no concept 'wheal'; did you mean wheel?"),
        ("qqq", "no concept 'qqq'; see layerlore curate DIR list"),
        ("furry", "no concept 'furry'; it is a form of 'fur'"),
        ("it:ears", "no concept 'it:ears'; see layerlore curate DIR list"),
    ],
)
def test_a_concept_that_is_not_there_is_told_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ConceptError) as told:
        find_concept(decide(), name)
    assert str(told.value) == message


def test_names_that_several_concepts_have_are_told() -> None:
    found = decide(groups={**GROUPS, "orecchio": ("orecchie", ["orecchie"])})
    with pytest.raises(ConceptError, match="may mean en:orecchio, it:orecchio; give one of these"):
        find_concept(found, "orecchie")
    assert find_concept(found, "it:orecchie").language == "it"
    assert find_concept(found, concept_id("en", "orecchio")).language == "en"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda found: curating.merge(found, [], ["ears", "ear"]), "the same concept"),
        (lambda found: curating.merge(found, [], ["ears", "fur"], "sky"), "another concept has that name"),
        (lambda found: curating.split(found, [], "ears", ["wheel"], "x"), "is no form of 'ears'; it has"),
        (lambda found: curating.split(found, [], "wheel", ["wheel", "wheels"], "x"), "these are all its forms"),
        (lambda found: curating.split(found, [], "ears", ["floppy ears"], "the ear"), "means 'ears' itself"),
        (lambda found: curating.split(found, [], "ears", ["ear"], "  "), "needs forms, and a name"),
        (lambda found: curating.rename(found, [], "ears", "Fur"), "another concept has that name"),
        (lambda found: curating.rename(found, [], "ears", ""), "the new name is empty"),
        (lambda found: curating.rename(found, [], "ears", "a\x1bb"), "no name; give one of at most 80 letters"),
        (lambda _found: curating.undo([]), "nothing is decided"),
        (lambda _found: curating.undo([Decision(1, "merge")], 7), "no decision 7; those that hold: 1"),
        (lambda _found: curating.undo([Decision(1, "merge"), Decision(2, "undo", undoes=1)], 1), "taken back already"),
    ],
)
def test_what_cannot_be_decided_is_told_in_one_line(make: Callable[[ConceptSet], Decision], message: str) -> None:
    with pytest.raises(ConceptError) as told:
        make(decide())
    assert message in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decision = 3", "no list of entries"),
        ("[[decisions]]\n", "unknown 'decisions'"),
        ("[[decision]\n", "not TOML"),
        ("[[decision]]\nnumber = 1", "entry 1: no 'what'"),
        ('[[decision]]\nwhat = "mix"', "entry 1: what = 'mix' is none of merge, split, rename, undo"),
        ('[[decision]]\nwhat = "undo"\nundoes = 4', "entry 1: undoes = 4 is no entry before it"),
        ('[[decision]]\nwhat = "rename"\ninto = "x"\nconcepts = []', "entry 1: concepts is empty"),
        ('[[decision]]\nwhat = "rename"\ninto = 5\nconcepts = [{language = "en", lemma = "a"}]', "5 is no text"),
        ('[[decision]]\nwhat = "merge"\nconcepts = [{language = "en", lemma = "a"}]', "two concepts or more"),
        ('[[decision]]\nwhat = "split"\nforms = "a"\ninto = "b"\nlanguage = "en"', "'a' is no list"),
        ('[[decision]]\nwhat = "split"\nforms = ["a"]\ninto = "b"', "no 'language'"),
        ('[[decision]]\nwhat = "rename"\nto = "x"', "unknown 'to'"),
        ('[[decision]]\nwhat = "rename"\ninto = "x"\nconcepts = ["a"]', "entry 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_stays(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / DECISIONS_FILE
    path.write_text(text)
    with pytest.raises(FileFormatError) as told:
        read_decisions(tmp_path)
    assert message in str(told.value)
    assert "\n" not in str(told.value)
    with pytest.raises(FileFormatError):
        add_decision(tmp_path, Decision(1, "undo", undoes=1))
    assert path.read_text() == text


RENAMES = """
import sys
from pathlib import Path
from layerlore.concepts import curating
folder, own = Path(sys.argv[1]), sys.argv[2]
for count in range(int(sys.argv[3])):
    curating.decide(folder, lambda found, before: curating.rename(found, before, "en:" + own, own))
"""


def test_decisions_made_at_once_are_all_kept(tmp_path: Path) -> None:
    save_concepts(tmp_path, decide())
    own, times = ("ear", "fur", "wheel", "sky"), 5
    running = [
        subprocess.Popen([sys.executable, "-c", RENAMES, str(tmp_path), name, str(times)], stderr=subprocess.PIPE)
        for name in own
    ]
    for one in running:
        assert one.communicate(timeout=60)[1] == b""
    made = read_decisions(tmp_path)
    assert [one.number for one in made] == list(range(1, 1 + len(own) * times))
    assert Counter(one.into for one in made) == dict.fromkeys(own, times)
    assert load_concepts(tmp_path).facts["decisions"] == len(made)  # and all of them are applied


def test_a_decision_made_while_concepts_are_built_is_applied(tmp_path: Path) -> None:
    found = decide()
    save_concepts(tmp_path, found)
    curate(tmp_path, curating.rename(found, (), "fur", "coat"))
    assert "coat" in {one.name for one in curating.settle(tmp_path, found, ()).concepts.values()}
    assert "coat" in {one.name for one in load_concepts(tmp_path).concepts.values()}


def test_who_waits_too_long_or_comes_too_late_is_told(tmp_path: Path) -> None:
    found = decide()
    save_concepts(tmp_path, found)
    one, other = (curating.rename(found, (), "fur", name) for name in ("coat", "hair"))
    curate(tmp_path, one)
    with pytest.raises(ConceptError, match="decision 1 is there already: somebody decided in between"):
        curate(tmp_path, other)
    with (
        deciding(tmp_path),
        pytest.raises(ConceptError, match="another command has been changing its concepts"),
        deciding(tmp_path, patience=0),
    ):
        pass
    with pytest.raises(OutputError, match=r"cannot write .*\.concepts\.lock"), deciding(tmp_path / "gone"):
        pass
