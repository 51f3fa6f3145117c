"""Where the object is, what lies outside it, and what of it is more than chance."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hand import CATS, DOGS, LEFT, RIGHT, concepts_of, hand_study, key_of, photos_of
from PIL import Image

from layerlore.classes.collecting import MapFacts, PhotoFacts, Row, collect_photos
from layerlore.classes.drawing import chance_of
from layerlore.classes.explaining import ClassSettings, explain_class
from layerlore.classes.objects import ObjectRegion, cover, objects_digest, read_objects
from layerlore.classes.records import Removal
from layerlore.classes.removal import beside, measure_removal, without_object
from layerlore.classes.suspects import MOST_WAYS, blind_means, find_suspects
from layerlore.concepts.records import MapKey
from layerlore.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.study.study import Study

KEPT = Removal("blur", 8, 8, 6, 0.5, 0.75)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return hand_study(tmp_path)


def write_boxes(study: Study, *lines: str) -> None:
    (study.folder / "objects.csv").write_text("\n".join(["image,left,top,right,bottom", *lines]) + "\n")


def test_a_box_covers_cells_by_its_area() -> None:
    region = ObjectRegion((100, 50), ((0, 0, 50, 25), (75, 0, 100, 50)))
    whole = cover(region.in_view((0, 0, 100, 50)), 2, 4)
    np.testing.assert_allclose(whole, [[1, 1, 0, 1], [0, 0, 0, 1]])
    half = cover(region.in_view((25, 0, 75, 50)), 2, 2)  # the network sees the middle
    np.testing.assert_allclose(half, [[1, 0], [0, 0]])
    beyond = cover(region.in_view((-100, 0, 100, 50)), 1, 2)  # and here more than there is
    np.testing.assert_allclose(beyond, [[0, 0.5]], atol=0.01)


def test_boxes_and_masks_of_a_study(study: Study) -> None:
    assert read_objects(study) == {}
    assert objects_digest(study.folder) == ""
    first, second = study.images[:2]
    write_boxes(study, f"{first.path},-5,0,8,1000", f"{first.image_id},10,0,12.5,4", f"{second.path},0,0,8,16")
    found = read_objects(study)
    assert found[first.image_id].boxes == ((0, 0, 8, first.height), (10, 0, 12.5, 4))
    mask = np.zeros((first.height * 2, first.width * 2), dtype=np.uint8)
    mask[:, : first.width] = 1  # dark, but not black
    (study.folder / "masks").mkdir()
    Image.fromarray(mask).save(study.folder / "masks" / f"{first.image_id}.png")
    before = objects_digest(study.folder)
    found = read_objects(study)
    assert found[first.image_id].mask is not None
    assert found[second.image_id].mask is None
    np.testing.assert_allclose(cover(found[first.image_id].in_view((0, 0, first.width, first.height)), 1, 2), [[1, 0]])
    write_boxes(study, f"{second.path},0,0,9,16")
    assert objects_digest(study.folder) != before


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cat/none.png,0,0,1,1", "line 2: .*no photo 'cat/none.png'"),
        ("cat/0.png,0,0,zero,1", "line 2: left, top, right and bottom must be numbers"),
        ("cat/0.png,5,0,5,1", "line 2: no box"),
        ("cat/0.png,0,0,nan,1", "line 2: no box"),
        ("cat/0.png,400,0,500,1", "line 2: the box lies beyond the photo"),
    ],
)
def test_what_is_no_object_is_told(study: Study, line: str, told: str) -> None:
    write_boxes(study, line)
    with pytest.raises(FileFormatError, match=told):
        read_objects(study)


def test_masks_that_fit_no_photo_are_told(study: Study) -> None:
    masks = study.folder / "masks"
    masks.mkdir()
    (masks / "none.png").touch()
    with pytest.raises(FileFormatError, match=r"none.png: no photo of that name"):
        read_objects(study)
    (masks / "none.png").rename(masks / f"{study.images[0].image_id}.png")
    with pytest.raises(FileFormatError, match="no PNG that can be read"):
        read_objects(study)
    Image.new("L", (10, 100)).save(masks / f"{study.images[0].image_id}.png")
    with pytest.raises(FileFormatError, match="other proportions"):
        read_objects(study)
    write_boxes(study)
    (study.folder / "objects.csv").write_text("photo,left\n")
    with pytest.raises(FileFormatError, match="no column image"):
        read_objects(study)


def test_what_lies_outside_by_hand(study: Study) -> None:
    """The object is the left half: the left map lies inside, the right one outside, the even one half and half."""
    write_boxes(study, *(f"{one.image_id},0,0,{one.width / 2},{one.height}" for one in study.images))
    found = collect_photos(study, "cat", None, read_objects(study))
    for photo in found.photos:
        for maps in photo.maps.values():
            assert [one.outside for one in maps] == pytest.approx([0, 1, 0.5], abs=0.02)
            assert [one.expected_outside for one in maps] == pytest.approx([0.5] * 3, abs=0.02)
            merged = Row(photo.image_id, "any", "x", "x", 1.0, maps[1:])
            # Weights 30 and 20, masses 1/2 and 1: 15 of 35 wholly outside, 20 of 35 half.
            assert merged.outside == pytest.approx((15 + 10) / 35, abs=0.02)


def facts(outside: list[list[float]], words: list[str]) -> list[PhotoFacts]:
    """Photos with one layer, a map for each number, and each map named by the word of its place."""
    photos = []
    for number, values in enumerate(outside):
        maps = tuple(
            MapFacts(MapKey(f"photo {number}", 0, "deep", place), 10.0, (place,), (10.0,), 0.5, value, 0.6, asked=True)
            for place, value in enumerate(values)
        )
        rows = tuple(
            Row(f"photo {number}", "deep", word, word, 1.0, (one,)) for word, one in zip(words, maps, strict=True)
        )
        photos.append(PhotoFacts(f"photo {number}", 0, 0, {"deep": maps}, rows, frozenset({"deep"})))
    return photos


def test_the_one_that_is_not_about_the_object_is_suspected() -> None:
    photos = facts([[0.1, 0.2, 0.58]] * 8, ["fin", "scale", "hand"])
    (one,) = find_suspects(photos, ("deep",), KEPT)
    assert (one.name, one.layer, one.photos, one.survives) == ("hand", "deep", 8, None)
    assert one.score == pytest.approx(0.58 / 0.6 * 0.75)
    assert one.p_value == pytest.approx(3 / 5001, abs=0.003)  # one way in 3 ** 8, three concepts
    assert "58 % of its maps lies outside the object, where 60 % of the view is (8 photos)" in one.reason
    says = {maps.key: (2.0, 1.0) for photo in photos for maps in photo.maps["deep"]}
    (half,) = find_suspects(photos, ("deep",), KEPT, says)
    assert (half.survives, half.score) == (0.5, pytest.approx(one.score / 2))
    assert "still answers the class for 6 of 8 photos" in half.reason


def test_a_class_that_falls_without_its_object_has_no_suspects() -> None:
    photos = facts([[0.1, 0.2, 0.58]] * 8, ["nave", "tower", "sky"])
    assert find_suspects(photos, ("deep",), Removal("blur", 8, 8, 0, 0.0, 0.1)) == ()


def test_few_photos_and_chance_make_no_suspects() -> None:
    words = ["fin", "scale", "hand"]
    assert find_suspects(facts([[0.1, 0.2, 0.58]] * 2, words), ("deep",), KEPT) == ()
    generator = np.random.default_rng(0)
    false = sum(
        bool(find_suspects(facts(generator.uniform(0.5, 0.6, (8, 3)).tolist(), words), ("deep",), KEPT, draws=400))
        for _ in range(60)
    )
    assert false <= 8  # 5 % of 60 is 3; nine or more would happen once in 500


def test_words_are_drawn_from_maps_of_which_people_were_asked() -> None:
    """Heavy maps, of which people were asked, lie outside, others inside: that is so with every word."""
    photos = []
    for photo in facts([[0.55, 0.57, 0.58, 0.1, 0.1, 0.2]] * 8, ["hand", "reed", "sky", "-", "-", "-"]):
        maps = tuple(replace(one, asked=place < 3) for place, one in enumerate(photo.maps["deep"]))
        generator = np.random.default_rng(len(photos))
        words = generator.permutation(["hand", "reed", "sky"])
        rows = tuple(Row(photo.image_id, "deep", w, w, 1.0, (one,)) for w, one in zip(words, maps[:3], strict=True))
        photos.append(replace(photo, maps={"deep": maps}, rows=rows))
    assert find_suspects(photos, ("deep",), KEPT) == ()
    of_all = [
        replace(one, maps={"deep": tuple(replace(some, asked=True) for some in one.maps["deep"])}) for one in photos
    ]
    assert len(find_suspects(of_all, ("deep",), KEPT)) == 3


def many_photos(count: int, layers: int, words: int) -> list[PhotoFacts]:
    """Photos with a map for each word in each layer; only the hand of the last layer lies farther outside, a little."""
    generator = np.random.default_rng(0)
    names = [f"layer {number}" for number in range(layers)]
    photos = []
    for number in range(count):
        maps, rows = {}, []
        for layer in names:
            values = generator.uniform(0.4, 0.6, words)
            values[0] += 0.02 * (layer == names[-1])
            maps[layer] = tuple(
                MapFacts(
                    MapKey(f"{number}", 0, layer, place), 10.0, (place,), (10.0,), 0.5, float(value), 0.6, asked=True
                )
                for place, value in enumerate(values)
            )
            said = ("hand", *(f"word {place}" for place in range(1, words)))
            rows += [Row(f"{number}", layer, w, w, 1.0, (one,)) for w, one in zip(said, maps[layer], strict=True)]
        photos.append(PhotoFacts(f"{number}", 0, 0, maps, tuple(rows), frozenset(names)))
    return photos


def test_among_a_thousand_photos_and_sixty_tests_the_one_is_found_and_chance_is_not() -> None:
    """Twelve words in five layers: the least p-value of so many draws must stay below 0.05 when 60 times as large."""
    photos = many_photos(1000, 5, 12)
    layers = tuple(f"layer {number}" for number in range(5))
    (hand,) = find_suspects(photos, layers, KEPT)
    assert (hand.name, hand.layer, hand.photos) == ("hand", layers[-1], 1000)
    assert hand.p_value == pytest.approx(60 / 12_001, abs=1e-6)
    assert find_suspects(photos, layers[:-1], KEPT) == ()


def test_blind_draws_are_fair() -> None:
    generator = np.random.default_rng(0)
    np.testing.assert_allclose(sorted(blind_means([0.0, 0.3, 0.9], 2, generator)), [0.15, 0.45, 0.6])
    np.testing.assert_allclose(blind_means([0.0, 0.3, 0.9], 3, generator), [0.4])
    many = generator.random(40)
    sampled = blind_means(many.tolist(), 20, generator)
    assert len(sampled) == MOST_WAYS
    assert sampled.mean() == pytest.approx(many.mean(), abs=0.01)


@pytest.mark.parametrize("seen", [0.9, 1.4, 1.9])
def test_the_chance_is_that_of_all_ways_whether_the_draws_end_early_or_not(seen: float) -> None:
    blind = [np.array([0.0, 0.3, 0.9]), np.array([0.1, 0.5]), np.array([0.2, 0.4, 0.5, 0.6])]
    exact = float(np.mean([sum(one) >= seen - 1e-9 for one in itertools.product(*blind)]))
    told = [chance_of(seen, blind, np.random.default_rng(seed), 3000) for seed in range(30)]
    assert np.mean(told) == pytest.approx(exact, rel=0.1, abs=0.001)
    values = [np.linspace(0, 1, 500)]
    uniform = [
        chance_of(float(one), values, np.random.default_rng(place), 3000)
        for place, one in enumerate(np.linspace(0, 1, 400))
    ]
    for level in (0.02, 0.05, 0.3):
        assert np.mean(np.array(uniform) <= level) == pytest.approx(level, abs=0.02), "as often below as it may be"


def test_the_object_is_taken_from_the_photo_and_nothing_else() -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    region = ObjectRegion((60, 40), ((10, 10, 30, 20),))
    before = np.asarray(photo)
    for how in ("blur", "fill"):
        after = np.asarray(without_object(photo, region, how))
        changed = (before != after).any(axis=2)
        assert changed[10:20, 10:30].mean() > 0.95
        changed[10:20, 10:30] = False
        assert not changed.any()
        assert after[10:20, 10:30].std() < before[10:20, 10:30].std() / 3


def test_a_patch_beside_the_object_has_its_size_and_leaves_it_alone() -> None:
    mask = Image.new("L", (60, 40))
    mask.paste(255, (10, 10, 30, 20))
    generator = np.random.default_rng(0)
    for view in ((0, 0, 60, 40), (8.4, 0, 52, 40), (-10, -20, 70, 60)):
        moved = beside(mask, view, generator)
        assert moved is not None
        patch, thing = np.asarray(moved) > 0, np.asarray(mask) > 0
        assert patch.sum() == thing.sum()
        assert not (patch & thing).any()
        assert not patch[:, : max(0, int(view[0]))].any(), "as much of what the network sees"
    mask.paste(255, (0, 0, 60, 30))  # three quarters of it
    assert beside(mask, (0, 0, 60, 40), generator) is None
    assert beside(Image.new("L", (60, 40)), (0, 0, 60, 40), generator) is None


def test_the_control_is_what_the_network_says_without_the_patch(study: Study) -> None:
    """An object that fills half of what is seen leaves the other half for the patch."""
    from small import network

    study.use_network(network())
    found = collect_photos(study, "dog")
    width, height = study.images[0].width, study.images[0].height
    halves = {one: ObjectRegion((width, height), ((0, 0, width / 2, height),)) for one in photos_of(study, "dog")}
    other = {one: ObjectRegion((width, height), ((width / 2, 0, width, height),)) for one in photos_of(study, "dog")}
    first, second = (measure_removal(study, found, some, "fill")[0] for some in (halves, other))
    assert first is not None
    assert second is not None
    assert first.elsewhere is not None
    assert first.elsewhere.photos == DOGS
    assert first.elsewhere.logit_without == first.logit
    assert first.elsewhere.logit == pytest.approx(second.logit, abs=0.02)
    assert first.elsewhere.logit != pytest.approx(first.logit, abs=0.05)
    assert (first.elsewhere.right, first.elsewhere.still_without) == (first.right, first.still)
    assert first.elsewhere.still == second.still


def test_removal_of_nothing_and_of_everything(study: Study) -> None:
    """A photo of the whole of which is filled is the grey photo: no logit stays; one of one pixel stays as it was."""
    from small import network

    study.use_network(network())
    found = collect_photos(study, "dog")
    size = (study.images[0].width, study.images[0].height)
    whole = {one: ObjectRegion(size, ((0, 0, *size),)) for one in photos_of(study, "dog")}
    told, says = measure_removal(study, found, whole, "fill")
    assert told is not None
    assert (told.photos, told.how) == (DOGS, "fill")
    assert told.logit == pytest.approx(0, abs=1e-4)
    assert told.elsewhere is None, "there is no room beside it"
    assert set(says) == set(found.maps)
    assert measure_removal(study, found, whole, "none") == (None, {})
    assert measure_removal(study, found, {}, "fill") == (None, {})


def test_what_a_map_says_for_the_class_is_what_the_capture_holds(study: Study) -> None:
    from small import network, read

    from layerlore.local.capture import capture

    net = study.use_network(network())
    found = collect_photos(study, "cat")
    size = (study.images[0].width, study.images[0].height)
    objects = {one: ObjectRegion(size, ((0, 0, 8, 8),)) for one in photos_of(study, "cat")}
    says = measure_removal(study, found, objects, "blur")[1]
    (first,) = read(study, [image for image in study.images if image.image_id == found.photos[0].image_id])
    captured = capture(net, net.prepare(first)[None], [0], net.layers.select(list(found.layers)))
    for layer, a, g in zip(found.layers, captured.activations, captured.gradients, strict=True):
        for one in found.photos[0].maps[layer]:
            expected = sum(float((a[0, c].clamp(min=0) * g[0, c].clamp(min=0)).sum()) for c in one.channels)
            assert says[one.key][0] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_a_class_explanation_names_its_suspects(tmp_path: Path) -> None:
    """The whole way: labels, boxes, no network; the label beside the object is named, and how sure it is."""
    study = hand_study(tmp_path, maps=(LEFT, LEFT, RIGHT))
    write_boxes(study, *(f"{one.image_id},0,0,{one.width / 2},{one.height}" for one in study.images))
    scores = {}
    for number in range(CATS):
        for index, word in enumerate(("ear", "eye", "sofa")):
            scores[key_of(study, "cat", number, 1, index)] = {word: 1.0}
    made = explain_class(study, "cat", concepts_of(scores), settings=ClassSettings(removal="none"))
    (sofa,) = made.suspects
    assert (sofa.name, sofa.layer, sofa.survives) == ("sofa", study.settings.layers[1], None)
    assert sofa.outside == pytest.approx(1, abs=0.03)
    assert "was not measured" in sofa.reason
    assert (made.removal, made.checked) == (None, CATS)
