"""Two studies of the same photos with real tiny networks: equal, perturbed, partly filled, of other photos."""

from __future__ import annotations

import csv
import io
import json

import pytest
import torch
from small import NAMES, fill, network, photo_folder, save_photo
from torch import nn

from layerlore.cli.compare_printing import print_diff, print_verdicts
from layerlore.errors import OutputError, StudyError
from layerlore.network.model import Network
from layerlore.report import diff as page
from layerlore.study.compare import compare
from layerlore.study.diff import diff
from layerlore.study.diff_records import Limits
from layerlore.study.folder import shard_path
from layerlore.study.study import Study


def perturbed(noise: float, push: float = 0.0):
    """The small network with noise on its weights, relative to their spread, and its first class pushed up."""
    changed = network()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in changed.module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * parameter.std() * noise)
        changed.module.head.bias[0] += push
    return changed


def made(folder, photos, net, **settings):
    study = Study.create(folder, photos, net, **{"target": "label", **settings})
    fill(study)
    return study


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diff")
    photo_folder(folder / "photos", 20)
    return folder


@pytest.fixture(scope="module")
def before(root):
    return made(root / "before", root / "photos", network())


@pytest.fixture(scope="module")
def after(root):
    """Every answer is the first class, cat."""
    return made(root / "after", root / "photos", perturbed(0.3, push=20.0))


def test_the_same_weights_change_nothing(root, before):
    found = diff(before, made(root / "again", root / "photos", network()))
    assert len(found.photos) == 20
    assert [(p.change, p.kind, p.confidence_change) for p in found.photos] == [(0, "same", 0)] * 20
    assert [(layer.name, layer.change) for layer in found.layers] == [(name, 0) for name in before.settings.layers]
    assert (found.mean_change, found.max_change, found.accuracy_drop) == (0, 0, 0)
    assert all(v.within for v in found.judge(Limits(0, 0, 0, 0)))


def test_numbers_are_those_of_compare_and_sorted(before, after):
    found = diff(before, after)
    assert 0 < found.mean_change <= found.max_change < 1
    changes = [photo.change for photo in found.photos]
    assert changes == sorted(changes, reverse=True)
    for photo in (found.photos[0], found.photos[-1]):
        one = compare(before.explanation(photo.image_id), after.explanation(photo.image_id))
        assert photo.change == one.change
        assert photo.layers == tuple(layer.change for layer in one.layers)
    assert found.layers[0].change == pytest.approx(sum(p.layers[0] for p in found.photos) / 20)


def test_flips_and_accuracy(before, after):
    found = diff(before, after)
    truth = {image.image_id: image.class_index for image in before.images}
    right = {e.photo.image_id: e.predictions[0].index == truth[e.photo.image_id] for e in before.explanations()}
    dogs = {image.image_id for image in before.images if image.label == "dog"}
    wrong = {photo.image_id for photo in found.of_kind("newly wrong")}
    assert wrong == {key for key in dogs if right[key]}, "all are called cat now"
    assert {p.image_id for p in found.of_kind("newly right")} == {k for k in truth if k not in dogs and not right[k]}
    assert found.right_after == 10
    assert found.accuracy_drop == pytest.approx(100 * (sum(right.values()) - 10) / 20)


def test_more_noise_is_more_change(root, before):
    levels = [diff(before, made(root / f"noise{x}", root / "photos", perturbed(x))).mean_change for x in (0.02, 0.3, 2)]
    assert 0 < levels[0] < levels[1] < levels[2]


def test_limits_judge_only_when_given(before, after):
    found = diff(before, after)
    assert found.judge(Limits()) == ()
    verdict, missing = found.judge(Limits(mean_change=found.mean_change))
    assert verdict.within
    assert (missing.name, missing.limit, missing.found, missing.within) == ("missing", 0, 0, True)
    verdict, _ = found.judge(Limits(mean_change=found.mean_change - 1e-6))
    assert (verdict.name, verdict.within) == ("mean_change", False)
    assert not found.judge(Limits(change=found.max_change / 2))[0].within


def test_other_answers_explained_are_kept_apart(root):
    one = made(root / "pred-a", root / "photos", network(), target="predicted")
    two = made(root / "pred-b", root / "photos", perturbed(0.3, push=20.0), target="predicted")
    found = diff(one, two)
    other = [photo for photo in found.photos if not photo.same_target]
    assert other
    assert all(photo.before.index != photo.after.index for photo in other)
    assert found.mean_change_other_class == pytest.approx(sum(p.change for p in other) / len(other))
    assert "kept apart" in " ".join(page.lead(found))


def test_limits_of_change_say_over_how_many_photos_they_are(root, before, capsys):
    """B calls every photo cat and explains that, A explains cats as cats and dogs as dogs."""
    found = diff(before, made(root / "all-cats", root / "photos", perturbed(0.3, push=20.0), target="predicted"))
    assert {photo.label for photo in found.alike} == {"cat"}
    assert (len(found.alike), len(found.photos)) == (10, 20)
    assert found.mean_change == pytest.approx(sum(photo.change for photo in found.alike) / 10)
    assert found.layers[0].change == pytest.approx(sum(photo.layers[0] for photo in found.alike) / 10)
    (note,) = (note for note in found.notes if "10 of 20 photos" in note)
    assert note.startswith("Compare with care")
    verdicts = found.judge(Limits(change=1.0, mean_change=0.0, newly_wrong=20))
    assert [(v.over, v.of, v.within) for v in verdicts[:3]] == [(10, 20, True), (10, 20, False), (20, 20, True)]
    print_verdicts(found, verdicts, as_json=False)
    printed = capsys.readouterr()
    assert "--max-change allows 1, over 10 of 20 photos\n" in printed.out
    assert "--max-mean-change allows 0, over 10 of 20 photos\n" in printed.err
    assert "--max-newly-wrong allows 20\n" in printed.out


def test_what_cannot_be_told_is_not_within_a_limit(root):
    one, two = (made(root / f"class{c}", root / "photos", network(), target=c) for c in (0, 1))
    found = diff(one, two)
    assert found.alike == ()
    assert found.mean_change is None
    assert [layer.change for layer in found.layers] == [None, None]
    assert [v.within for v in found.judge(Limits(change=1.0, mean_change=1.0))] == [False, False, True]


def test_photos_that_were_not_compared_are_within_no_limit(root, before, tmp_path, capsys):
    """The second of two shards of B is not there, and A has one photo that B lacks."""
    save_photo(tmp_path / "photos" / "cat" / "more.png", 55)
    photo_folder(tmp_path / "photos", 20)
    more = made(tmp_path / "more", tmp_path / "photos", network())
    partly = made(tmp_path / "partly", root / "photos", network())
    shard_path(partly.folder, partly.manifest.current, 1).unlink()
    partly = Study.open(partly.folder)
    for found, only_a, only_b in ((diff(more, partly), 1, 0), (diff(partly, more), 0, 1)):
        assert (found.only_a, found.only_b, found.unexplained) == (only_a, only_b, 4)
        assert found.missing == found.to_dict()["summary"]["missing"] == 4 + only_a
        assert found.judge(Limits()) == ()
        verdicts = found.judge(Limits(change=1.0, newly_wrong=9))
        assert [(v.name, v.missing, v.within) for v in verdicts] == [
            ("change", 4 + only_a, False),
            ("newly_wrong", 4 + only_a, False),
            ("missing", 0, False),
        ]
        assert all(v.within for v in found.judge(Limits(change=1.0, newly_wrong=9, missing=4 + only_a)))
        (alone,) = found.judge(Limits(missing=3))
        assert not alone.within
        print_verdicts(found, verdicts, as_json=True)
        assert f"cannot be judged: {4 + only_a} of {20 + only_a} photos were not compared" in capsys.readouterr().err
    assert diff(before, more).missing == 0, "photos that only B has were never part of A"


def test_photos_with_other_labels_are_not_judged(root, before, tmp_path):
    photos = sorted((root / "photos").rglob("*.png"), key=lambda path: path.name)
    swapped = {"00.png": "dog", "01.png": "cat", "02.png": None}
    listed = [(path, swapped.get(path.name, path.parent.name)) for path in photos]
    other = made(tmp_path / "other", listed, perturbed(0.3, push=20.0), target="predicted")
    found = diff(before, other)
    assert (found.labels_differ, found.judged) == (3, 17)
    kinds = {photo.name: photo.kind for photo in found.photos}
    assert {kinds[name] for name in swapped} <= {"changed", "same"}
    assert (found.right_after, found.accuracy_after) == (8, pytest.approx(100 * 8 / 17))
    assert any(note.startswith("3 of 20 photos") and "not judged" in note for note in found.notes)
    changed = {photo.name: (photo.label, photo.label_after) for photo in found.photos if photo.name in swapped}
    assert changed == {"00.png": ("cat", "dog"), "01.png": ("dog", "cat"), "02.png": ("cat", None)}


def deeper():
    """Three convolutions in place of two, so that layers are paired by depth and one is left."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        convs = [x for n in (3, 12, 12) for x in (nn.Conv2d(n, 12, 3, padding=1), nn.ReLU())]
        module = nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, len(NAMES))).eval()
    return Network(module, class_names=list(NAMES), input_size=(16, 16), name="deeper")


def test_layers_without_a_partner_are_told(root, before, tmp_path, capsys):
    names = before.settings.layers
    assert len(names) == 2
    one = made(tmp_path / "one", root / "photos", network(), layers=[names[0]])
    deep = made(tmp_path / "deep", root / "photos", deeper())
    cases = (
        (diff(before, one), "name", ((names[1],), ())),
        (diff(one, before), "name", ((), (names[1],))),
        (diff(before, deep), "depth", ((), None)),
        (diff(deep, before), "depth", (None, ())),
    )
    for found, paired_by, alone in cases:
        assert found.paired_by == paired_by
        for layers, expected in zip((found.layers_only_a, found.layers_only_b), alone, strict=True):
            assert layers == expected or (expected is None and len(layers) == 1)
        (left,) = (*found.layers_only_a, *found.layers_only_b)
        content = found.to_dict()
        assert (content["paired_by"], content["layers_only_a"] + content["layers_only_b"]) == (paired_by, [left])
        (note,) = (note for note in found.notes if note.startswith("Not all layers"))
        text = page.render_diff(found)
        assert note in text
        assert f'<span class="mono">{left}</span></p>' in text
        print_diff(found, 0)
        printed = capsys.readouterr().out
        assert note in printed
        assert f": {left}\n" in printed
    assert not any(note.startswith("Not all layers") for note in diff(before, before).notes)


def test_photos_of_one_study_only_and_unexplained_ones_are_counted(root, tmp_path, before):
    photo_folder(tmp_path / "photos", 18)
    save_photo(tmp_path / "photos" / "another" / "x.png", 99)
    found = diff(before, made(tmp_path / "fewer", tmp_path / "photos", network(), target="predicted"))
    assert (len(found.photos), found.only_a, found.only_b, found.unexplained) == (18, 2, 1, 0)
    assert found.notes[0] == "A explains the photo's own class, B the predicted class."
    assert found.missing == 2
    bare = Study.create(tmp_path / "bare", root / "photos", network())
    with pytest.raises(StudyError, match="explained in both yet"):
        diff(before, bare)
    save_photo(tmp_path / "strange" / "y.png", 77)
    with pytest.raises(StudyError, match="no photo is in both"):
        diff(before, made(tmp_path / "other", tmp_path / "strange", network(), target="predicted"))


def test_photos_are_never_opened_and_few_explanations_are_held(before, after, monkeypatch):
    """Maps of one run of photos at a time: what is read next comes after what was compared was dropped."""
    from layerlore.study import diff as module
    from layerlore.study.reading import Reader

    held = []
    read = Reader.explanations

    def counted(self, ids, layer, *, views):
        held.append(len(ids))
        assert not views
        return read(self, ids, layer, views=views)

    monkeypatch.setattr(Reader, "explanations", counted)
    monkeypatch.setattr(module, "TOGETHER", 8)
    steps = []
    module.diff(before, after, progress=lambda done, total: steps.append((done, total)))
    assert held == [8, 8, 8, 8, 4, 4]
    assert steps[-1] == (20, 20)


def test_files_are_the_same_each_time(before, after, tmp_path):
    found = diff(before, after)
    for suffix in (".json", ".csv", ".html"):
        one, two = (
            made.save(tmp_path / f"{n}{suffix}").read_bytes() for n, made in enumerate((found, diff(before, after)))
        )
        assert one == two
    content = json.loads((tmp_path / "0.json").read_text())
    assert content["summary"]["mean_change"] == found.mean_change
    assert content["photos"][0]["layers"] == dict(zip(before.settings.layers, found.photos[0].layers, strict=True))
    assert len(found.to_dict(3)["photos"]) == 3
    rows = list(csv.DictReader(io.StringIO((tmp_path / "0.csv").read_text())))
    assert [float(row["change"]) for row in rows] == [photo.change for photo in found.photos]
    with pytest.raises(OutputError, match=r"\.html, \.csv, \.json"):
        found.save(tmp_path / "x.png")


def test_the_page_begins_with_what_got_worse_and_leads_to_the_sites(before, after, tmp_path):
    found = diff(before, after)
    text = found.save(tmp_path / "d.html").read_text()
    wrong = len(found.of_kind("newly wrong"))
    assert "".join(part for part, _ in page.headline(found)).startswith(
        f"From A to B {wrong}\N{NO-BREAK SPACE}photo{'s' * (wrong != 1)} became wrong"
    )
    assert text.index("Newly wrong") < text.index("Photos, most changed first")
    assert all(text.count(photo.image_id[:8]) == 1 + (photo.kind != "same") for photo in found.photos)
    assert "#photo/" not in text
    linked = page.render_diff(found, sites=("before/report/index.html", ""))
    assert f'href="before/report/index.html#photo/{found.photos[0].image_id}"' in linked
    assert found._repr_html_().startswith("<iframe")
    assert "mean change=" in repr(found)
