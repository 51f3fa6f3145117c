"""What each step shows: exactly so many pixels, the heaviest, one step within the next, and nothing beside them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import ndimage

from layerlore.game.bundle.errors import Fault, RevealError
from layerlore.game.bundle.noise import noise_order
from layerlore.game.bundle.png import BUCKET, chunks, pad, picture_size
from layerlore.game.bundle.reveal import Look, blank, check_saliency, compose, encode, opacity, render, reveal_masks

FRACTIONS = (0.02, 0.045, 0.08, 0.13, 0.2, 0.3)
GREY = (128, 128, 128)
EIGHT = np.ones((3, 3), bool)

shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=24)
# Few levels make ties, zeros make low support.
maps = hnp.arrays(np.float64, shapes, elements=st.integers(0, 4).map(float) | st.floats(0, 4, allow_subnormal=False))
looks = st.builds(
    Look,
    st.lists(st.floats(0.01, 1), min_size=1, max_size=6, unique=True).map(lambda found: tuple(sorted(found))),
    min_island=st.integers(0, 6),
)


def photo(height: int = 48, width: int = 40) -> np.ndarray:
    """Noise without the background's colour, so that every pixel shows whether it is hidden."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[np.abs(pixels.astype(int) - 128).max(axis=2) < 40] = (255, 0, 90)
    return pixels


@settings(max_examples=300, deadline=None)
@given(maps, looks, st.integers(0, 5))
def test_masks_are_exact_nested_and_the_heaviest(saliency: np.ndarray, look: Look, seed: int) -> None:
    support = int((saliency > 0).sum())
    wanted = [round(fraction * saliency.size) for fraction in look.fractions]
    try:
        masks = reveal_masks(saliency, look, seed=seed)
    except RevealError as error:
        constant = saliency.max() == saliency.min()
        few = wanted[0] > support or all(count == 0 or count > support for count in wanted)
        assert {Fault.CONSTANT: constant, Fault.LOW_SUPPORT: few}[error.fault]  # noqa: PT017 maps of both sorts come
        return
    assert [mask.pixels for mask in masks] == [count for count in wanted if 0 < count <= support]
    before = np.zeros(saliency.shape, bool)
    for mask in masks:
        assert mask.shown.sum() == mask.pixels
        assert (saliency[mask.shown] > 0).all()
        assert mask.shown[before].all()
        before = mask.shown
        hidden = saliency[~mask.shown]
        if look.min_island <= 1 and hidden.size:
            # Levels closer than a billionth of the highest count as one.
            assert saliency[mask.shown].min() >= hidden.max() - 2e-9 * saliency.max()
    again = reveal_masks(saliency, look, seed=seed)
    assert all((one.shown == other.shown).all() for one, other in zip(masks, again, strict=True))


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.float64, (24, 24), elements=st.floats(0.1, 1)), st.integers(2, 6))
def test_no_island_is_smaller_than_wanted_where_something_else_can_grow(saliency: np.ndarray, smallest: int) -> None:
    saliency[4:8, 4:8] = 2  # a group that is large enough
    for mask in reveal_masks(saliency, Look((0.03, 0.1, 0.3), min_island=smallest), seed=0):
        groups, _ = ndimage.label(mask.shown, EIGHT)
        assert np.bincount(groups.ravel())[1:].min() >= smallest


def test_scattered_pixels_are_shown_where_there_is_nothing_else() -> None:
    saliency = np.zeros((20, 20))
    saliency[::4, ::4] = np.arange(1, 26).reshape(5, 5)
    (mask,) = reveal_masks(saliency, Look((0.02,), min_island=4), seed=0)
    assert mask.pixels == mask.shown.sum() == 8


def test_a_sparse_map_does_not_show_everything() -> None:
    """0.27 % above zero: the rule "at least the quantile" would show all of the picture at the first step."""
    saliency = np.zeros((384, 384))
    saliency[100:120, 100:120] = 1
    assert (saliency >= np.quantile(saliency, 0.98)).all()
    with pytest.raises(RevealError) as raised:
        reveal_masks(saliency, Look(FRACTIONS), seed=0)
    assert raised.value.fault is Fault.LOW_SUPPORT
    (mask,) = reveal_masks(saliency, Look(FRACTIONS), seed=0, keep_low_support=True)
    assert mask.pixels == mask.shown.sum() == 400


def test_steps_end_where_the_map_does() -> None:
    saliency = np.zeros((100, 100))
    saliency[:10, :60] = np.random.default_rng(0).random((10, 60)) + 0.1
    assert [mask.pixels for mask in reveal_masks(saliency, Look(FRACTIONS), seed=0)] == [200, 450]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda saliency: saliency.__setitem__((0, 0), np.nan), Fault.NOT_FINITE),
        (lambda saliency: saliency.__setitem__((0, 0), np.inf), Fault.NOT_FINITE),
        (lambda saliency: saliency.__setitem__((0, 0), -0.1), Fault.NEGATIVE),
        (lambda saliency: saliency.fill(0), Fault.CONSTANT),
        (lambda saliency: saliency.fill(0.7), Fault.CONSTANT),
    ],
)
def test_maps_with_faults_are_refused_by_name(change: object, fault: Fault) -> None:
    saliency = np.random.default_rng(0).random((8, 8))
    change(saliency)  # type: ignore[operator]
    with pytest.raises(RevealError, match="; leave it out") as raised:
        check_saliency(saliency)
    assert raised.value.fault is fault


def test_ties_come_in_blue_noise_not_in_rows() -> None:
    saliency = np.full((96, 96), 0.5)
    saliency[0, 0] = 0.4
    (mask,) = reveal_masks(saliency, Look((0.1,), min_island=1), seed=3)
    blocks = mask.shown.reshape(12, 8, 12, 8).sum(axis=(1, 3))
    # White noise has a standard deviation of 2.4 of the 6.4 pixels a block, rows of 27.
    assert blocks.std() < 1.3
    other = reveal_masks(saliency, Look((0.1,), min_island=1), seed=4)[0].shown
    assert (mask.shown != other).any()


@pytest.mark.parametrize(("height", "width", "grain"), [(64, 64, 1), (100, 70, 1), (31, 150, 2), (5, 3, 3), (1, 1, 1)])
def test_noise_orders_every_pixel_once(height: int, width: int, grain: int) -> None:
    order = noise_order(height, width, seed=1, grain=grain)
    assert order.shape == (height, width)
    assert sorted(order.ravel()) == list(range(height * width))


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.bool_, shapes), st.floats(0, 8))
def test_soft_edges_lie_inside(mask: np.ndarray, edge: float) -> None:
    share = opacity(mask, edge)
    assert (share[~mask] == 0).all()
    assert (share[mask] > 0).all()
    assert share.max(initial=0) <= 1
    groups, count = ndimage.label(mask, EIGHT)
    for number in range(1, count + 1):
        assert share[groups == number].max() == 1  # each part has a clear middle, however thin


def test_nothing_hidden_is_in_the_file() -> None:
    source = photo()
    values = np.random.default_rng(1).random((6, 5), np.float32)
    steps = render(source, values, Look(FRACTIONS, GREY), seed=0)
    assert [mask.pixels for mask, _ in steps] == [round(fraction * 48 * 40) for fraction in FRACTIONS]
    other = source.copy()
    for mask, content in steps:
        image = Image.open(io.BytesIO(content))
        assert image.mode == "RGB"
        assert image.info == {}
        made = np.asarray(image)
        assert (made[~mask.shown] == GREY).all()
        low, high = np.minimum(source, 128), np.maximum(source, 128)
        assert ((made >= low) & (made <= high))[mask.shown].all()
        share = opacity(mask.shown, 4.0)
        assert (made == source)[share == 1].all()
        # Another photo with the same shown pixels gives the same file: the rest was never read.
        other[~mask.shown] = np.random.default_rng(2).integers(0, 256, 3)
        assert encode(compose(other, mask.shown, GREY, 4.0)) == content
        other = source.copy()


def test_files_are_pictures_padded_to_buckets() -> None:
    content = encode(photo())
    assert len(content) % BUCKET == 0
    assert picture_size(content) == (40, 48)
    assert [kind for kind, _ in chunks(content)] == [b"IHDR", b"IDAT", b"paDd", b"IEND"]
    again = np.asarray(Image.open(io.BytesIO(content)))
    assert (again == photo()).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_length_is_a_bucket(width: int, height: int) -> None:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    content = encode(pixels)
    assert len(content) % BUCKET == 0
    assert picture_size(content) == (width, height)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "P"])
def test_other_pictures_are_refused(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (8, 8)).save(buffer, "PNG")
    with pytest.raises(ValueError, match="it "):
        picture_size(pad(buffer.getvalue()))


def test_pictures_with_notes_are_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", dpi=(72, 72))
    with pytest.raises(ValueError, match="more or less"):
        picture_size(pad(buffer.getvalue()))


def test_blank_steps_show_nothing_at_all() -> None:
    steps = blank(photo(), Look(FRACTIONS, (10, 20, 30)))
    assert [fraction for fraction, _ in steps] == list(FRACTIONS)
    for _, content in steps:
        assert (np.asarray(Image.open(io.BytesIO(content))) == (10, 20, 30)).all()
