"""A study becomes a bundle: right maps, right pixels, nothing that tells the class, the same bytes each time."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bundles import NAMES, PHOTOS, SIDE, network
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from layerlore.cli import app
from layerlore.errors import PhotoError, SettingError, StudyError
from layerlore.game.bundle.build import DATABASE, build_bundle, look_of
from layerlore.game.bundle.choosing import Choice, MapPlan, _Explained, _extra_maps
from layerlore.game.bundle.controls import merged_map, random_blobs
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.link import load_link
from layerlore.game.bundle.manifest import MapKind, load_manifest
from layerlore.game.bundle.png import BUCKET
from layerlore.game.bundle.reveal import reveal_masks
from layerlore.game.bundle.settings import default_config
from layerlore.game.domain.config import KEYS, CampaignConfig, parse_config
from layerlore.local.explanation import ClusterMap
from layerlore.report.maps import upsample
from layerlore.study.records import ImageRecord
from layerlore.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.bundle.manifest import Manifest, StoredFile

ONE = Choice(per_layer=1)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def pixels(manifest: Manifest, stored: StoredFile) -> np.ndarray:
    """A picture of the bundle."""
    return np.asarray(Image.open(io.BytesIO(manifest.read(stored))))


@pytest.fixture(scope="session")
def manifest(built: Path) -> Manifest:
    """Of the campaign with maps of all kinds."""
    return load_manifest(built / "campaign")


def test_all_kinds_are_there(built: Path, manifest: Manifest) -> None:
    kinds = Counter(one.kind for one in manifest.maps)
    study = Study.open(built)
    shown = study.to_pandas(["shown"])["shown"].sum()
    assert kinds[MapKind.NORMAL] + len(load_link(built / "campaign", manifest.campaign_id).left_out) >= shown
    assert kinds[MapKind.CONTROL] == len(PHOTOS)
    assert kinds[MapKind.HONEYPOT] == len(PHOTOS)
    assert kinds[MapKind.BLANK] == 2
    assert kinds[MapKind.MERGED] > 0
    assert [one.map_key for one in manifest.maps] == sorted(one.map_key for one in manifest.maps)


def test_every_pixel_is_the_photo_or_the_background(built: Path, manifest: Manifest) -> None:
    study = Study.open(built)
    link = load_link(built / "campaign", manifest.campaign_id)
    look = look_of(manifest.config)
    for one in manifest.maps:
        image = manifest.image_by_key[one.image_key]
        full = pixels(manifest, image.full)
        assert full.shape == (image.height, image.width, 3) == (SIDE, SIDE, 3)
        assert [step.pixels for step in one.steps] == sorted({step.pixels for step in one.steps}) or one.kind == "blank"
        if one.kind in (MapKind.BLANK, MapKind.CONTROL):
            continue
        linked = link.maps[one.map_key]
        layer = study.explanation(linked.image_id, views=False).layer(one.layer)
        values = merged_map(layer.clusters) if one.cluster < 0 else layer.clusters[one.cluster].map
        masks = reveal_masks(upsample(values, SIDE, SIDE), look, seed=int(one.map_key[:12], 16))
        assert len(masks) == len(one.steps)
        before = np.zeros((SIDE, SIDE), bool)
        for mask, step in zip(masks, one.steps, strict=True):
            assert step.pixels == mask.shown.sum() == round(step.fraction * SIDE * SIDE)
            assert mask.shown[before].all()
            before = mask.shown
            made = pixels(manifest, step)
            assert (made[~mask.shown] == look.background).all()
            low, high = np.minimum(full, look.background), np.maximum(full, look.background)
            assert ((made >= low) & (made <= high))[mask.shown].all()


def test_control_maps_show_as_much_of_as_many_classes(manifest: Manifest) -> None:
    controls = [one for one in manifest.maps if one.kind is MapKind.CONTROL]
    assert {manifest.image_by_key[one.image_key].class_index for one in controls} == {0, 1, 2}
    for one in controls:
        assert [step.pixels for step in one.steps] == [round(p * SIDE * SIDE) for p in manifest.config.reveal.steps]
        assert (one.layer, one.layer_position, one.cluster, one.weight) == ("", -1, -1, 0)
        shown = (pixels(manifest, one.steps[-1]) != 128).any(axis=2).sum()
        assert 0.9 * one.steps[-1].pixels <= shown <= one.steps[-1].pixels


@pytest.mark.parametrize("wave", [0.0, 1.0, 4.0])
def test_control_maps_have_the_grain_of_real_ones_in_other_places(wave: float) -> None:
    """As many pieces as the map that they imitate, whether it is fine or coarse."""
    noise = np.random.default_rng(0).standard_normal((40, 40))
    like = ndimage.gaussian_filter(noise, wave).astype(np.float32)
    like -= like.min()
    made = [random_blobs(like, seed) for seed in range(8)]
    top = [one >= np.quantile(one, 0.9) for one in [like, *made]]
    wanted, *pieces = [ndimage.label(one)[1] for one in top]
    assert 0.6 * wanted - 1 <= np.mean(pieces) <= 1.6 * wanted + 1
    overlap = [(one & top[0]).sum() / top[0].sum() for one in top[1:]]
    assert np.mean(overlap) < 0.3  # 0.1 by chance
    assert all(one.min() == 0 and one.max() == 1 and one.shape == like.shape for one in made)
    assert (made[0] == random_blobs(like, 0)).all()


def test_a_map_of_one_value_makes_no_control_map() -> None:
    assert not random_blobs(np.full((7, 7), 0.5, np.float32), 0).any()
    assert random_blobs(np.arange(6, dtype=np.float32).reshape(2, 3), 0).max() == 1


def test_honeypots_and_blank_maps(manifest: Manifest) -> None:
    deepest = max(one.layer_position for one in manifest.maps)
    for one in manifest.maps:
        index = manifest.image_by_key[one.image_key].class_index
        if one.kind is MapKind.HONEYPOT:
            assert (one.layer_position, one.cluster) == (deepest, -1)
            assert dict(one.accepted_labels) == ({"en": ("whiskers", "fur")} if index == 0 else {})
        else:
            assert not one.accepted_labels
        if one.kind is MapKind.BLANK:
            assert len(one.steps) == len(manifest.config.reveal.steps)
            assert all((pixels(manifest, step) == 128).all() for step in one.steps)


def test_honeypots_are_the_photos_of_which_the_network_is_sure(built: Path, manifest: Manifest) -> None:
    link = load_link(built / "campaign", manifest.campaign_id)
    frame = Study.open(built).to_pandas(["image_id", "predicted", "target_probability"]).drop_duplicates()
    records = {record.image_id: record for record in Study.open(built).images}
    for one in manifest.maps:
        if one.kind is MapKind.HONEYPOT:
            index = manifest.image_by_key[one.image_key].class_index
            own = frame[[records[image_id].class_index == index for image_id in frame["image_id"]]]
            right = own[own["predicted"] == index]
            best = (right if len(right) else own).sort_values("target_probability").iloc[-1]
            assert link.maps[one.map_key].image_id == best["image_id"]


def test_a_photo_that_the_network_gets_right_is_easier_than_one_it_is_sure_of() -> None:
    maps = [MapPlan(MapKind.NORMAL, "conv", 0, 0, 0.5, 0, 50.0)]
    explained = [
        _Explained(ImageRecord(name, name, name, "x", 1, 9, 9), 1, probability, predicted, (), list(maps))
        for name, probability, predicted in (("wrong", 0.9, 2), ("right", 0.4, 1), ("unsure", 0.3, 1))
    ]
    class_of = {one.record.image_id: 1 for one in explained}
    extra = _extra_maps(explained, class_of, Choice(controls=0, honeypots=0.3, blanks=0), seed=0)
    assert {name: [one.kind for one in found] for name, found in extra.items()} == {"right": [MapKind.HONEYPOT]}


def test_merged_maps_are_weighted_means() -> None:
    maps = [np.array([[0, 1]], np.float32), np.array([[1, 0.5]], np.float32)]
    clusters = [
        ClusterMap(index, weight, values, 1.0, (), ())
        for index, (weight, values) in enumerate(zip((30.0, 10.0), maps, strict=True))
    ]
    np.testing.assert_allclose(merged_map(clusters), [[0.25, 0.875]])


def test_class_names_come_from_the_files(manifest: Manifest) -> None:
    cat, coffee, rocket = manifest.classes
    assert dict(cat.names) == {"en": "Egyptian cat", "it": "gatto egiziano"}
    assert dict(cat.taboo) == {"en": ("Egyptian cat",), "it": ("gatto egiziano", "micio")}
    assert coffee.names["it"] == "caffè"
    assert dict(rocket.names) == {"en": "missile", "it": "missile"}
    assert set(cat.near) == {1, 2}


def test_nothing_in_the_pictures_tells_the_class(built: Path, manifest: Manifest) -> None:
    """Names, WordNet ids and sources are in no picture and in no file name, plain or encoded."""
    link = load_link(built / "campaign", manifest.campaign_id)
    words = {*NAMES, "gatto egiziano", "chelsea", "n02124075", "layerlore"}
    words |= {part for image in link.images.values() for part in (image.path, image.image_id, image.label)}
    words |= {one.layer for one in manifest.maps if one.layer}
    plain = [word.encode() for word in words if len(word) >= 6]
    secret = [code for word in plain for code in (word, base64.b64encode(word)[:-4], word.hex().encode())]
    for name, content in tree(built / "campaign" / "bundle" / "files").items():
        lower = (name.encode() + content).lower()
        assert not [word for word in secret if word.lower() in lower], name
        assert len(content) % BUCKET == 0
        assert Image.open(io.BytesIO(content)).info == {}


def test_order_and_names_tell_nothing(built: Path, manifest: Manifest) -> None:
    """The manifest does not follow the study's order, and no file is called like what it shows."""
    link = load_link(built / "campaign", manifest.campaign_id)
    order = [link.images[image.image_key].image_id for image in manifest.images]
    assert order != [image.image_id for image in Study.open(built).images]
    keys = {one.map_key for one in manifest.maps} | {one.image_key for one in manifest.images}
    names = {stored.file[3:-4] for stored in manifest.files()}
    assert not keys & names


def test_the_same_seed_gives_the_same_bytes(study: Study) -> None:
    first = build_bundle(study, ONE, seed=3, side=SIDE, workers=1)
    before = tree(first.folder)
    assert build_bundle(study, ONE, seed=3, side=SIDE, workers=2, replace=True).sha256 == first.sha256
    assert tree(first.folder) == before
    other = build_bundle(study, ONE, side=SIDE, workers=1, replace=True)
    assert other.campaign_id != first.campaign_id
    assert not set(tree(other.folder / "files")) & {name.removeprefix("files/") for name in before}


def test_a_bundle_is_not_replaced_by_chance(study: Study) -> None:
    result = build_bundle(study, ONE, seed=3, side=SIDE, workers=1)
    before = tree(result.folder)
    with pytest.raises(BundleError, match="--replace"):
        build_bundle(study, ONE, seed=4, side=SIDE)
    (study.folder / "campaign" / DATABASE).touch()
    with pytest.raises(BundleError, match="the game has begun"):
        build_bundle(study, ONE, seed=4, side=SIDE, replace=True)
    assert tree(result.folder) == before


def test_a_build_that_fails_leaves_the_bundle_as_it_was(study: Study, tmp_path: Path) -> None:
    result = build_bundle(study, ONE, seed=3, side=SIDE, workers=1)
    before = tree(study.folder)
    text = (study.folder / "study.toml").read_text(encoding="utf-8")
    root = study.manifest.images["root"]
    (study.folder / "study.toml").write_text(text.replace(root, str(tmp_path / "gone")), encoding="utf-8")
    with pytest.raises(PhotoError, match="the photo is gone"):
        build_bundle(Study.open(study.folder), ONE, seed=4, side=SIDE, workers=1, replace=True)
    (study.folder / "study.toml").write_text(text, encoding="utf-8")
    assert tree(study.folder) == before
    assert load_manifest(result.folder).sha256 == result.sha256


def test_what_a_killed_build_left_is_removed(study: Study) -> None:
    left = study.folder / "campaign" / ".bundle.abc.part"
    (left / "files").mkdir(parents=True)
    build_bundle(study, ONE, seed=3, side=SIDE, workers=1)
    assert sorted(path.name for path in (study.folder / "campaign").iterdir()) == [
        ".lock",
        "bundle",
        "campaign.toml",
        "classes.en.toml",
        "classes.it.toml",
    ]


def test_maps_without_enough_pixels_are_left_out_or_kept(study: Study) -> None:
    """Where the first step shows nearly everything, only some maps have enough pixels above 0."""
    campaign = study.folder / "campaign"
    campaign.mkdir()
    text = default_config("x").replace("steps = [0.02, 0.045, 0.08, 0.13, 0.2, 0.3]", "steps = [0.9999]")
    (campaign / "campaign.toml").write_text(text, encoding="utf-8")
    choice = Choice(per_layer=1, low_support=True)
    kept = build_bundle(study, choice, seed=3, side=SIDE, workers=1)
    assert not kept.left_out
    low = [one for one in load_manifest(kept.folder).maps if one.low_support]
    assert 0 < sum(one.kind is MapKind.NORMAL for one in low) < kept.maps["normal"], "maps of both sorts are needed"
    assert all(len(one.steps) == 1 and one.steps[0].pixels < round(0.9999 * SIDE * SIDE) for one in low)
    without = build_bundle(study, ONE, seed=3, side=SIDE, workers=1, replace=True)
    assert without.left_out == {"low-support": len(low)}
    left = load_link(without.folder, without.campaign_id).left_out
    assert Counter(one.reason for one in left) == without.left_out


def test_the_default_configuration_explains_every_key() -> None:
    import tomllib

    text = default_config("Größe 5/a")
    config = parse_config(tomllib.loads(text))
    assert config.campaign.name == "gr-e-5-a"
    assert config == CampaignConfig(config.campaign)
    assert all(f"# {key.sentence}\n{key.name.partition('.')[2]} = " in text for key in KEYS)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "campaign.toml",
            "[campaign]\nname = 'x'\n[play]\nguesses = 1\n",
            r"campaign.toml: play.guesses: .*max_guesses",
        ),
        ("campaign.toml", "[campaign\n", "campaign.toml: no valid TOML"),
        ("campaign.toml", "\udcff", "campaign.toml: no UTF-8"),
        ("classes.it.toml", "[names]\nespreso = ['x']\n", "no class 'espreso' .* write one of 'espresso'"),
        ("classes.it.toml", "[words]\n", "there is no such table"),
        ("classes.it.toml", "names = 1\n", "this is a table"),
        ("classes.it.toml", "[names]\nespresso = [1]\n", "names.espresso: .* no list of texts"),
        ("classes.it.toml", "[names]\nespresso = 'razzo'\nmissile = 'Razzo'\n", "2 classes are called 'razzo'"),
    ],
)
def test_faults_of_the_files_are_told_before_anything_is_made(study: Study, name: str, text: str, reason: str) -> None:
    campaign = study.folder / "campaign"
    campaign.mkdir()
    (campaign / name).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BundleError, match=reason) as raised:
        build_bundle(study, ONE, side=SIDE, workers=1)
    assert "\n" not in str(raised.value)
    assert not (campaign / "bundle").exists()
    assert not list(campaign.glob("*.part"))


@pytest.mark.parametrize(
    ("options", "reason"), [({"side": 8}, "side is 8"), ({"workers": 0}, "workers is 0"), ({"seed": -1}, "seed is -1")]
)
def test_settings_out_of_range_are_refused(study: Study, options: dict[str, int], reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        build_bundle(study, ONE, **options)
    with pytest.raises(SettingError, match="per_layer"):
        Choice(per_layer=0)
    with pytest.raises(SettingError, match="controls"):
        Choice(controls=1.5)


def test_labels_that_the_network_does_not_know_are_classes_too(tmp_path: Path) -> None:
    for number, label in enumerate(("steam engine", "spoon", "espresso")):
        (tmp_path / "photos" / label).mkdir(parents=True)
        noise = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / label / "a.png")
    study = Study.create(tmp_path / "study", tmp_path / "photos", network())
    with pytest.raises(BundleError, match="layerlore study run"):
        build_bundle(study, ONE, side=SIDE, workers=1)
    study.run(network=network(), workers=1)
    manifest = load_manifest(build_bundle(study, ONE, side=SIDE, workers=1).folder)
    assert {one.index: one.names["en"] for one in manifest.classes} == {1: "espresso", 4: "spoon", 5: "steam engine"}


def test_one_class_is_no_game(tmp_path: Path) -> None:
    (tmp_path / "photos" / "espresso").mkdir(parents=True)
    Image.effect_noise((40, 40), 90).convert("RGB").save(tmp_path / "photos" / "espresso" / "a.png")
    study = Study.create(tmp_path / "study", tmp_path / "photos", network())
    study.run(network=network(), workers=1)
    with pytest.raises(BundleError, match="all photos are of one class"):
        build_bundle(study, ONE, side=SIDE, workers=1)


def test_too_few_easy_maps_for_the_training_are_told(study: Study) -> None:
    """Three classes give three honeypots: enough for three training rounds, not for four."""
    folder, runner = str(study.folder), CliRunner()
    assert "honeypot" not in runner.invoke(app, ["campaign", "plan", folder]).stderr
    (study.folder / "campaign").mkdir()
    config = default_config("study").replace("training_rounds = 3", "training_rounds = 4")
    (study.folder / "campaign" / "campaign.toml").write_text(config, encoding="utf-8")
    options = ["--per-layer", "1", "--side", str(SIDE), "--workers", "1"]
    for command in (["plan", folder], ["build", folder, *options], ["plan", folder]):
        done = runner.invoke(app, ["campaign", *command])
        assert done.exit_code == 0, done.output
        assert "note: fewer honeypots (3) than training rounds (4): " in done.stderr
        assert "more photos" in done.stderr


def test_a_language_that_no_page_has_is_told(study: Study) -> None:
    (study.folder / "campaign").mkdir()
    config = default_config("study").replace('["en", "it"]', '["en", "it", "de"]')
    (study.folder / "campaign" / "campaign.toml").write_text(config, encoding="utf-8")
    notes = build_bundle(study, ONE, side=SIDE, workers=1).notes
    assert [note[:3] for note in notes if "will read them in English" in note] == ["de:"]


def test_commands(study: Study) -> None:
    folder = str(study.folder)
    runner = CliRunner()
    planned = runner.invoke(app, ["campaign", "plan", folder, "--per-layer", "1", "--json"])
    assert planned.exit_code == 0, planned.output
    before = json.loads(planned.stdout)
    assert before["built"] is False
    assert not (study.folder / "campaign").exists()

    options = ["--per-layer", "1", "--seed", "3", "--side", str(SIDE), "--workers", "1"]
    made = runner.invoke(app, ["campaign", "build", folder, *options])
    assert made.exit_code == 0, made.output
    assert made.stdout.strip() == str(study.folder / "campaign" / "bundle")
    assert "note: it: all classes have English names" in made.stderr
    again = runner.invoke(app, ["campaign", "build", folder, *options])
    assert again.exit_code == 1
    assert "--replace" in again.stderr
    made = runner.invoke(app, ["campaign", "build", folder, *options, "--replace", "--json"])
    result = json.loads(made.stdout)
    assert result["maps"]["normal"] == before["plan"]["maps"]

    after = json.loads(runner.invoke(app, ["campaign", "plan", folder, "--json"]).stdout)
    assert after == {**before, "built": True}
    told = runner.invoke(app, ["campaign", "plan", folder, "--players", "3"])
    assert f"plays: {before['plan']['plays']:,} for" in told.stdout
    assert "warning: 3 players reach" in told.stderr
    late = runner.invoke(app, ["campaign", "plan", folder, "--per-layer", "2"])
    assert late.exit_code == 1
    assert "chosen already" in late.stderr
    with pytest.raises(StudyError):
        runner.invoke(app, ["campaign", "plan", "nowhere", "--debug"], catch_exceptions=False)
