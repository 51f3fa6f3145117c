"""Two studies of the same photos with real tiny networks: equal, perturbed, partly filled, of other photos."""

from __future__ import annotations

import csv
import io
import json

import pytest
import torch
from small import fill, network, photo_folder, save_photo

from layerlore.errors import OutputError, StudyError
from layerlore.report import diff as page
from layerlore.study.compare import compare
from layerlore.study.diff import Limits, diff
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
    (verdict,) = found.judge(Limits(mean_change=found.mean_change))
    assert verdict.within
    (verdict,) = found.judge(Limits(mean_change=found.mean_change - 1e-6))
    assert (verdict.name, verdict.within) == ("mean_change", False)
    assert not found.judge(Limits(change=found.max_change / 2))[0].within


def test_other_answers_explained_are_kept_apart(root):
    one = made(root / "pred-a", root / "photos", network(), target="predicted")
    two = made(root / "pred-b", root / "photos", perturbed(0.3, push=20.0), target="predicted")
    found = diff(one, two)
    other = [photo for photo in found.photos if not photo.same_target]
    assert other
    assert all(photo.before.index != photo.after.index for photo in other)
    if found.alike:
        assert found.mean_change == pytest.approx(sum(p.change for p in found.alike) / len(found.alike))
    else:
        assert found.mean_change is None
        assert not found.judge(Limits(mean_change=1.0))[0].within, "what cannot be told is not within a limit"
        assert [layer.change for layer in found.layers] == [None, None]
    assert found.mean_change_other_class == pytest.approx(sum(p.change for p in other) / len(other))
    assert "kept apart" in " ".join(page.lead(found))


def test_photos_of_one_study_only_and_unexplained_ones_are_counted(root, tmp_path, before):
    photo_folder(tmp_path / "photos", 18)
    save_photo(tmp_path / "photos" / "another" / "x.png", 99)
    found = diff(before, made(tmp_path / "fewer", tmp_path / "photos", network(), target="predicted"))
    assert (len(found.photos), found.only_a, found.only_b, found.unexplained) == (18, 2, 1, 0)
    assert found.notes == ("A explains the photo's own class, B the predicted class.",)
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
