"""From answers to concepts on a small study: what counts, what does not, and the numbers against slow ways."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from layerlore.concepts.building import ConceptSettings, build_concepts
from layerlore.concepts.class_names import class_names
from layerlore.concepts.records import LeftOut, MapKey
from layerlore.concepts.scoring import paper_score
from layerlore.concepts.storage import load_concepts, save_concepts
from layerlore.errors import FileFormatError, SettingError
from layerlore.study.answers import AnswerRow, Answers, as_table
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.concepts.records import ConceptSet

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))
try:
    from small import fill, network, photo_folder
finally:
    sys.path.pop(0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("named")
    made = Study.create(root / "study", photo_folder(root / "photos", 4), network())
    fill(made)
    made.reload()
    return made


@pytest.fixture(scope="module")
def places(study: Study) -> list[MapKey]:
    table = study.to_arrow(["image_id", "target", "layer", "cluster", "shown"])
    return [MapKey(*list(row.values())[:4]) for row in table.to_pylist() if row["shown"]]


def typed(key: MapKey, text: str | None, player: str = "p1", **more: Any) -> AnswerRow:
    values: dict[str, Any] = dict.fromkeys(AnswerRow._fields)
    values |= {"campaign": "", "device": "", "shadow": False, "voided": False, "kind": "normal", "stream": "normal"}
    values |= {"map_key": "", "round_language": "en", "language": "en", "label_kind": "", "assisted": False}
    values |= {
        "nothing": text is None,
        "step": 0 if text else None,
        "outcome": "won",
        **key._asdict(),
        "layer_index": 0,
    }
    values |= {"text": text, "label": text, "player": player, **more}
    values["round"] = more.get("round", f"{player} {key} {values['kind']}")
    return AnswerRow(**values)


def build(study: Study, rows: Sequence[AnswerRow], encoder: Any, **settings: Any) -> ConceptSet:
    answers = Answers(as_table(rows), "by hand")
    return build_concepts(study, answers, ConceptSettings(**settings), encoder=encoder)


def test_every_row_has_a_fate_and_only_what_counts_is_behind_a_concept(
    study: Study, places: list[MapKey], encoder: Any
) -> None:
    one = places[0]
    rows = [
        typed(one, "Floppy ears", "p1", step=2),
        typed(one, "ears", "p2", step=4, outcome="lost"),
        typed(one, "  !? ", "p3"),
        typed(one, None, "p4", outcome="resigned"),
        typed(one, "fur", "p5", shadow=True),
        typed(one, "fur", "p6", voided=True),
        typed(one, "fur", "p7", stream="training"),
        typed(one, "fur", "p8", kind="honeypot"),
        typed(one, "fur", "p9", kind="blank"),
        typed(one, "ears", "p9", kind="control", layer="", cluster=-1),
        typed(one, "the crane's", "p2", outcome="lost", target=one.target),
        typed(one, "orechie", "p3", merged="ears", outcome="won"),
    ]
    found = build(study, rows, encoder)
    assert [fate.answer for fate in found.fates] == list(range(len(rows)))
    assert [fate.text for fate in found.fates] == [row.text or "" for row in rows]
    reasons = [fate.reason for fate in found.fates]
    assert reasons[:2] == ["", ""]
    assert reasons[2] == "no letters"
    assert reasons[3:10] == [
        LeftOut.NOTHING, LeftOut.SHADOW, LeftOut.VOID, LeftOut.TRAINING, LeftOut.HONEYPOT, LeftOut.BLANK,
        LeftOut.CONTROL,
    ]  # fmt: skip
    assert [bool(fate.concept_id) for fate in found.fates] == [not fate.reason for fate in found.fates]
    (ears,) = [each for each in found.maps[one] if "ear" in each.name]
    assert ears.answers == (0, 1, 11)  # what researchers read an answer as counts, not what was typed
    assert (ears.frequency, ears.players, ears.mean_step, ears.guessed) == (3, 3, 2.0, True)
    assert ears.score == pytest.approx(3 * (1 - 0.1 * 2))
    assert ears.seen == 4  # p1 to p4
    assert found.games[one].won + found.games[one].lost + found.games[one].resigned == 4
    assert found.facts["left_out"] == Counter(reason for reason in reasons if reason not in ("", LeftOut.NOTHING))
    assert list(found.maps) == [one]


@pytest.mark.parametrize(
    ("frequency", "step", "guessed", "score"),
    [
        (1, 0, True, 1.0),
        (4, 5, True, 2.0),
        (4, 5, False, 0.5),
        (4, 5, None, 2.0),
        (3, 1.5, False, 0.6375),
        (2, 12, True, 0.0),
    ],
)
def test_the_papers_score(frequency: int, step: float, guessed: bool | None, score: float) -> None:
    assert paper_score(frequency, step, guessed=guessed) == pytest.approx(score)


def crowd(places: list[MapKey]) -> list[AnswerRow]:
    """Thirty players; what they type follows the map, but for a few; the class alone suggests wheels."""
    words = ["floppy ears", "red fur", "wheel", "blue sky", "window"]
    rows = []
    for place, key in enumerate(places[:6]):
        for player in range(9):
            right = words[place % len(words)]
            text = right if player % 3 else words[(place + player) % len(words)]
            more = {"step": player % 6, "outcome": "lost" if player == 0 else "won"}
            rows.append(typed(key, text if player != 4 else None, f"p{player}", **more))
        blob = key._replace(layer="", cluster=-1)
        rows.append(typed(blob, "wheel", f"c{place}", kind="control"))
        rows.append(typed(blob, None, f"d{place}", kind="control"))
    return rows


def test_numbers_are_those_of_a_slow_way(study: Study, places: list[MapKey], encoder: Any) -> None:
    rows = crowd(places)
    found = build(study, rows, encoder)
    texts: dict[tuple[MapKey, str], list[AnswerRow]] = defaultdict(list)
    for row in rows:
        if row.kind == "normal" and row.text:
            texts[MapKey(row.image_id, row.target, row.layer, row.cluster), row.text].append(row)
    assert sum(len(some) for some in found.maps.values()) == len(texts)
    for (key, text), some in texts.items():
        (one,) = [each for each in found.maps[key] if each.name == text]
        steps = sum(row.step or 0 for row in some) / len(some)
        score = len(some) * (1 - 0.1 * steps) / (1 if any(row.outcome == "won" for row in some) else 4)
        assert one.score == pytest.approx(score)
        assert one.seen == 9
        assert 0 <= (one.posterior or 0) <= 1
        controls = [row for row in rows if row.kind == "control" and row.target == key.target]
        control_rate = (sum(row.text == text for row in controls) + 0.5) / (len(controls) + 1)
        assert one.lift == pytest.approx((len(some) + 0.5) / 10 / control_rate, rel=1e-6)
    for some in found.maps.values():
        assert some[0].posterior == max(each.posterior or 0 for each in some)  # most players agree on the best one


def test_the_same_answers_give_the_same_concepts_and_they_come_back_whole(
    study: Study, places: list[MapKey], encoder: Any, tmp_path: Path
) -> None:
    rows = crowd(places)
    first, second = build(study, rows, encoder), build(study, rows, encoder)
    assert first == second
    save_concepts(tmp_path, first)
    assert load_concepts(tmp_path) == first
    # Whose answers come first does not matter, but for the numbers of their rows.
    turned = build(study, rows[::-1], encoder)
    assert {name: (one.name, one.forms) for name, one in turned.concepts.items()} == {
        name: (one.name, one.forms) for name, one in first.concepts.items()
    }
    assert {key: [(one.name, one.score, one.posterior) for one in some] for key, some in turned.maps.items()} == {
        key: [(one.name, one.score, one.posterior) for one in some] for key, some in first.maps.items()
    }


@pytest.mark.parametrize("method", ["lemma-first", "paper"])
def test_answers_on_control_and_blank_maps_change_no_group(
    study: Study, places: list[MapKey], encoder: Any, method: str
) -> None:
    rows = crowd(places)
    blob = places[0]._replace(layer="", cluster=-1)
    words = ["floppy ear", "furry tail", "sky of blue", "wheelhouse", *["wheels", "the wheels", "a wheel"] * 2]
    beside = [typed(blob, word, f"x{n}", kind="control") for n, word in enumerate(words)]
    beside += [typed(blob, word, f"y{n}", kind="blank") for n, word in enumerate(words)]
    alone, joined = (build(study, some, encoder, method=method) for some in (rows, [*rows, *beside]))
    assert joined.concepts == alone.concepts
    assert {key: [(one.name, one.score) for one in some] for key, some in joined.maps.items()} == {
        key: [(one.name, one.score) for one in some] for key, some in alone.maps.items()
    }
    # But the same thing on a control map counts for the lift, in whatever form.
    (wheel,) = [name for name, one in alone.concepts.items() if "wheel" in dict(one.forms)]
    lifts = [one.lift or 0 for some in (alone, joined) for one in some.maps_of(wheel) if one.key == places[2]]
    assert lifts[1] < lifts[0]


def test_the_papers_way_from_end_to_end(study: Study, places: list[MapKey], encoder: Any) -> None:
    rows = [typed(places[0], text, f"p{n}", step=n % 3) for n, text in enumerate(
        ["Wheel", "wheels", "a wheel", "fluffy fur", "fur", "the fur", "fuzzy fur", "sky", "blue sky", "whel"]
    )]  # fmt: skip
    found = build(study, rows, encoder, method="paper")
    names = {one.name for one in found.concepts.values()}
    assert all(" " not in name for name in names)  # a group is named by a single word
    assert {"fur", "sky"} <= names
    assert len({one.lemma for one in found.concepts.values()}) == len(found.concepts)
    assert sum(one.answers for one in found.concepts.values()) == len(rows)
    assert "whel" in {fate.read_as for fate in found.fates}  # its spelling is not repaired


def test_languages_without_a_model_are_kept_apart_and_told(study: Study, places: list[MapKey], encoder: Any) -> None:
    one = places[0]
    italian = {"language": "it", "round_language": "it"}
    rows = [
        typed(one, "ears", "p1"),
        typed(one, "ruote", "p2", **italian),
        typed(one, "ruota", "p3", **italian),
        typed(one, None, "p4", **italian),
    ]
    told: list[str] = []
    found = build_concepts(study, Answers(as_table(rows), ""), encoder=encoder, notice=told.append)
    assert sorted((each.language, each.answers) for each in found.concepts.values()) == [("en", 1), ("it", 2)]
    assert {each.name: each.seen for each in found.maps[one]} == {"ears": 1, "ruota": 3}
    assert found.facts["apart"] == {"it": 2}
    assert len(told) == 1
    assert "2 different answers in 'it'" in told[0]

    class Both:
        name = "by hand"

        def translate(self, texts: Sequence[str], source: str, target: str, context: str) -> list[str]:
            assert (source, target, context) == ("it", "en", class_names(study)[one.target][0])
            return ["ears" if text == "ruote" else "ear" for text in texts]

    joined = build_concepts(study, Answers(as_table(rows), ""), encoder=encoder, translator=Both())
    (only,) = joined.concepts.values()
    assert (only.language, only.answers) == ("en", 3)


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("all-MiniLM-L6-v2", False),
        ("sentence-transformers/all-mpnet-base-v2", False),
        ("models/all-mpnet-base-v2/", False),
        ("paraphrase-multilingual-MiniLM-L12-v2", True),
    ],
)
def test_other_languages_are_embedded_by_a_model_that_reads_them(
    study: Study, places: list[MapKey], encoder: Any, name: str, reads: bool
) -> None:
    class Named:
        def __init__(self) -> None:
            self.name, self.encode = name, encoder.encode

    rows = [typed(places[0], text, "p1", language="it", round_language="it") for text in ("ruota", "ruote")]
    told: list[str] = []
    found = build_concepts(study, Answers(as_table(rows), ""), encoder=Named(), notice=told.append)
    assert bool(found.facts["apart"]) != reads
    assert len(told) == 1
    said = f"{name} is taken to read 'it', in which 2 different answers are" if reads else "name another encoder"
    assert said in told[0]


def test_languages_without_a_dictionary_are_told(study: Study, places: list[MapKey], encoder: Any) -> None:
    answers, told = Answers(as_table([typed(places[0], "ears", "p1")]), ""), []
    for languages in (("en", "xx", "yy"), ("en", "it", "pt-BR")):
        build_concepts(study, answers, ConceptSettings(languages=languages), encoder=encoder, notice=told.append)
    (only,) = told
    assert only.startswith("languages xx, yy: there is no dictionary of them")


def test_italian_answers_of_players_who_chose_english_are_kept_apart_and_told(
    study: Study, places: list[MapKey], encoder: Any
) -> None:
    rows = [typed(places[0], text, f"p{n}") for n, text in enumerate(["ears", "orecchie", "orecchio", "fur"])]
    told: list[str] = []
    found = build_concepts(study, Answers(as_table(rows), ""), encoder=encoder, notice=told.append)
    assert sorted((each.language, each.answers) for each in found.concepts.values()) == [
        ("en", 1),
        ("en", 1),
        ("it", 2),
    ]
    assert "2 different answers in 'it'" in told[0]
    with pytest.raises(SettingError, match="language 'Italian': give a code, such as en or it"):
        ConceptSettings(languages=("en", "Italian"))


def test_answers_that_say_no_language_step_or_player(study: Study, places: list[MapKey], encoder: Any) -> None:
    more = {"language": "", "round_language": "", "step": None, "outcome": None}
    rows = [typed(places[0], "fur", f"row {n}", **more) for n in range(3)]
    (one,) = build(study, rows, encoder).maps[places[0]]
    assert (one.score, one.frequency, one.players, one.guessed, one.lift) == (3.0, 3, 3, None, None)


def test_no_answers_are_no_concepts(study: Study, places: list[MapKey], encoder: Any) -> None:
    found = build(study, [typed(places[0], None)], encoder)
    assert (found.concepts, found.maps) == ({}, {})
    assert found.games[places[0]].won == 1


def test_classes_have_the_names_of_the_campaign_too(study: Study) -> None:
    target = next(iter(class_names(study)))
    name = class_names(study)[target][0]
    path = study.folder / "campaign" / "classes.it.toml"
    path.parent.mkdir()
    path.write_text(f'[names]\n"{name}" = ["gru", "gru cenerina"]\n')
    assert {"gru", "gru cenerina", name} <= set(class_names(study)[target])
    path.write_text("[names\n")
    with pytest.raises(FileFormatError, match=r"classes\.it\.toml: cannot be read"):
        class_names(study)
    path.unlink()
    path.parent.rmdir()


def test_settings_that_cannot_be_are_told() -> None:
    with pytest.raises(SettingError, match="unknown method 'papers'; there are lemma-first, paper"):
        ConceptSettings(method="papers")
    with pytest.raises(SettingError, match="method 'paper' has no threshold"):
        ConceptSettings(method="paper", threshold=0.5)


def test_maps_of_an_explanation_get_their_labels(study: Study, places: list[MapKey], encoder: Any) -> None:
    rows = [typed(places[0], text, f"p{n}") for n, text in enumerate(["fur", "fur", "wheel"])]
    save_concepts(study.folder, build(study, rows, encoder))
    image = places[0].image_id
    named = study.explanation(image, views=False, labels=True)
    labels = {(layer.name, one.index): one.labels for layer in named.layers for one in layer.clusters}
    assert labels.pop((places[0].layer, places[0].cluster)) == ("fur", "wheel")
    assert set(labels.values()) == {()}
    assert not any(one.labels for layer in study.explanation(image, views=False).layers for one in layer.clusters)
