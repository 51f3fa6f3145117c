"""The questionnaire in a bundle: its photos, its pictures, and bundles without one."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from bundles import SEED, SIDE, network, sign

from layerlore.game.bundle.build import build_bundle
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import MANIFEST_FILE, load_manifest
from layerlore.game.bundle.questions import choose_photos

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.study.study import Study

ASKING = """[campaign]
name = "asking"
languages = ["en", "it"]
[questionnaire]
enabled = true
photos = 2
pool = {pool}
methods = {methods}
"""


def ask(study: Study, *, pool: int = 2, methods: tuple[str, ...] = ("layerlore", "gradcam", "lime", "shap")) -> Study:
    """Write the configuration into a study that has none."""
    (study.folder / "campaign").mkdir()
    text = ASKING.format(pool=pool, methods=json.dumps(methods))
    (study.folder / "campaign" / "campaign.toml").write_text(text, encoding="utf-8")
    study.use_network(network())
    return study


@pytest.mark.slow
def test_every_method_explains_the_networks_answer_on_every_photo(study: Study) -> None:
    pytest.importorskip("shap")
    pytest.importorskip("lime")
    steps: list[tuple[int, int]] = []
    first = build_bundle(
        ask(study), seed=SEED, side=SIDE, workers=1, asking=lambda done, total: steps.append((done, total))
    )
    assert steps == [(done, 8) for done in range(1, 9)]
    manifest = load_manifest(first.folder)  # each picture checked: opaque, padded, of its size, nothing beside it
    assert first.questions == len(manifest.questions) == 2
    for one in manifest.questions:
        assert [(view.method, view.layered) for view in one.views] == [
            ("layerlore", True),
            ("gradcam", False),
            ("lime", False),
            ("shap", False),
        ]
        assert len({view.width for view in one.views}) == 1
        assert len({view.picture.sha256 for view in one.views}) == 4
        assert one.right == (one.answer == manifest.image_by_key[one.image_key].class_index)
        assert one.answer_names["en"]
        assert 0.25 <= one.probability <= 1
    text = (first.folder / MANIFEST_FILE).read_text(encoding="utf-8")
    again = build_bundle(study, seed=SEED, side=SIDE, workers=1, replace=True)
    assert again.sha256 == first.sha256
    assert (first.folder / MANIFEST_FILE).read_text(encoding="utf-8") == text
    assert json.loads(text)["schema"] == 2


def test_a_bundle_without_questionnaire_is_one_that_older_versions_read(bundle: Path) -> None:
    assert json.loads((bundle / MANIFEST_FILE).read_bytes())["schema"] == 1
    assert load_manifest(bundle, verify=False).questions == ()


def test_settings_and_photos_must_fit(study: Study, tmp_path: Path) -> None:
    folder = build_bundle(ask(study, methods=("layerlore", "gradcam")), seed=SEED, side=SIDE, workers=1).folder

    def without(content: dict[str, Any]) -> None:
        del content["questions"]

    def other_method(content: dict[str, Any]) -> None:
        content["questions"][0]["views"][0]["method"] = "gradcam"

    def elsewhere(content: dict[str, Any]) -> None:
        content["questions"][0]["image_key"] = "0" * 32

    def twice(content: dict[str, Any]) -> None:
        content["questions"][1] = content["questions"][0]

    changes = ((without, "0 photos"), (other_method, "other methods"), (elsewhere, "not there"), (twice, "twice"))
    for number, (change, words) in enumerate(changes):
        copy = tmp_path / f"copy{number}" / "bundle"
        shutil.copytree(folder, copy)
        sign(copy, change)
        with pytest.raises(BundleError, match=words):
            load_manifest(copy)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pool": 50, "methods": ("layerlore", "grad-cam")}, "questionnaire.methods: unknown method"),
        ({"methods": ("layerlore", "lime")}, r"pip install 'layerlore\[peers\]'"),
    ],
)
def test_what_is_missing_is_told_before_any_picture_is_made(
    study: Study, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr("layerlore.methods.run.importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("layerlore.game.bundle.build._render_all", lambda *_: pytest.fail("began to render"))
    with pytest.raises(BundleError, match=words):
        build_bundle(ask(study, **more), seed=SEED, side=SIDE, workers=1)


def test_wrong_and_right_answers_and_all_classes_take_turns() -> None:
    def plan(number: int, class_index: int, *, right: bool) -> Any:
        record = SimpleNamespace(image_id=f"{number:016x}")
        return SimpleNamespace(record=record, class_index=class_index, target=class_index if right else 99)

    plans = [plan(number, number % 3, right=number % 4 > 0) for number in range(24)]
    chosen = choose_photos(plans, 6, seed=1)
    assert sum(one.class_index == one.target for one in chosen) == 3
    for fits in (True, False):
        assert {one.class_index for one in chosen if (one.class_index == one.target) == fits} == {0, 1, 2}
    assert choose_photos(plans, 6, seed=1) == chosen
    assert choose_photos(plans, 6, seed=2) != chosen
    assert len(choose_photos(plans, 100, seed=1)) == 24
    all_right = [one for one in plans if one.class_index == one.target]
    assert len(choose_photos(all_right, 6, seed=1)) == 6
