"""The figure for papers: photo, layers, weights, scale and caption at 300 dpi or as vectors.

It uses the page's scales. Sizes are inches on a page of 7.2 inches, two columns of a usual paper.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.report import colours, effects, importance, maps, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from layerlore.local.explanation import Explanation, LayerExplanation

DPI = 300
WIDTH, MARGIN, GAP = 7.2, 0.08, 0.09
A_ROW = 9  # layers side by side; more go below
TOP, STRIP, TEXT = 1.42, 0.36, 0.24  # heights of the photo's row, of a layer's strip, of the text below a map
LINE = 0.105
TILE_PIXELS = 240  # a little more than a map has at 300 dpi
INK, SOFT, TRACK, ACCENT = "#1c1c1a", "#5b5b57", "#e2e2de", "#3a4fc4"
SMALL, NORMAL, LARGE = 5.0, 6.0, 9.0


def render_figure(explanation: Explanation, kind: str) -> bytes:
    """The figure as a file.

    Args:
        explanation: What to draw.
        kind: ``png``, ``pdf`` or ``svg``.

    Returns:
        The file's bytes; the same explanation gives the same bytes.
    """
    from matplotlib import rc_context

    metadata: dict[str, Any] = {"Title": f"LayerLore: {explanation.photo.name}"}
    metadata |= {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind, {})
    file = io.BytesIO()
    settings: Any = {"font.family": "DejaVu Sans", "pdf.fonttype": 42, "svg.hashsalt": "layerlore"}
    with rc_context(settings), warnings.catch_warnings():
        # A file name in a script that the font lacks is drawn with boxes; that is no reason to warn.
        warnings.filterwarnings("ignore", message="Glyph")
        _draw(explanation).savefig(file, format=kind, dpi=DPI, metadata=metadata)
    return file.getvalue()


class _Sheet:
    """A figure on which things are placed in inches from the upper left corner."""

    def __init__(self, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as NewFigure

        self.figure: Figure = NewFigure(figsize=(WIDTH, height), facecolor="white")
        FigureCanvasAgg(self.figure)
        self.height = height

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Bare axes over a rectangle."""
        box = (left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height)
        axes = self.figure.add_axes(box)
        axes.set_axis_off()
        return axes

    def picture(self, left: float, top: float, size: tuple[float, float], pixels: NDArray[np.float64]) -> None:
        """An image that fills a rectangle."""
        axes = self.axes(left, top, *size)
        axes.imshow(np.clip(pixels, 0, 1), aspect="auto", interpolation="antialiased")

    def bar(self, left: float, top: float, width: float, share: float, colour: str) -> None:
        """A bar on its track; ``share`` in [0, 1]."""
        from matplotlib.patches import Rectangle

        axes = self.axes(left, top, width, 0.035)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.add_patch(Rectangle((0, 0), 1, 1, color=TRACK, lw=0))
        axes.add_patch(Rectangle((0, 0), min(max(share, 0), 1), 1, color=colour, lw=0))

    def text(self, left: float, top: float, said: str, *, size: float = NORMAL, **style: Any) -> None:  # noqa: ANN401
        """Text that hangs from a point; never read as a formula."""
        defaults: dict[str, Any] = {"color": INK, "va": "top", "linespacing": 1.2}
        self.figure.text(
            left / WIDTH, 1 - top / self.height, said, fontsize=size, parse_math=False, **(defaults | style)
        )


def _draw(explanation: Explanation) -> Figure:
    photo, small = _photo(explanation, None), _photo(explanation, TILE_PIXELS)
    column = (WIDTH - 2 * MARGIN - (A_ROW - 1) * GAP) / A_ROW
    tile = (column, column * explanation.photo.view_height / explanation.photo.view_width)
    rows = [explanation.layers[start : start + A_ROW] for start in range(0, len(explanation.layers), A_ROW)]
    names = max((len(_name_lines(layer.name)) for layer in explanation.layers), default=1)
    strip = STRIP + LINE * 0.8 * (names - 1)
    heights = [strip + max(1, *(len(layer.clusters) for layer in row), 0) * (tile[1] + TEXT) + 0.15 for row in rows]
    caption = textwrap.wrap(_caption(explanation), 200)
    sheet = _Sheet(MARGIN + TOP + sum(heights) + 0.1 + len(caption) * LINE + MARGIN)
    _head(sheet, explanation, photo)
    top = MARGIN + TOP
    for row, height in zip(rows, heights, strict=True):
        for position, layer in enumerate(row):
            left = MARGIN + position * (column + GAP)
            _layer(sheet, layer, small, (left, top, strip), tile)
        top += height
    sheet.text(MARGIN, top + 0.05, "\n".join(caption), size=SMALL, color=SOFT, linespacing=1.35)
    return sheet.figure


def _photo(explanation: Explanation, side: int | None) -> NDArray[np.float64]:
    """The photo as the network saw it, shape (H, W, 3) in [0, 1]; reduced to ``side`` pixels where it is larger."""
    from PIL import Image

    with Image.open(io.BytesIO(explanation.photo.view)) as picture:
        shown = picture.convert("RGB")
        if side is not None and max(shown.size) > side:
            shown = shown.resize(maps.fit(*shown.size, side), Image.Resampling.LANCZOS)
        return np.asarray(shown, dtype=np.float64) / 255


def _head(sheet: _Sheet, explanation: Explanation, photo: NDArray[np.float64]) -> None:
    """Photo, what the network says, the likeliest classes, and the scale of the maps."""
    scale = min((TOP - 0.2) / photo.shape[0], 2.2 / photo.shape[1])
    width, height = photo.shape[1] * scale, photo.shape[0] * scale
    sheet.picture(MARGIN, MARGIN, (width, height), photo)
    left = MARGIN + width + 0.15
    network, answer, sure = words.headline(explanation)
    lines = textwrap.wrap(f"{network} {answer}{sure}", int((WIDTH - left) / 0.075))
    lines += textwrap.wrap(words.explained_class(explanation), int((WIDTH - left) / 0.075))
    sheet.text(left, MARGIN, "\n".join(lines), size=LARGE)
    top = MARGIN + 0.17 * len(lines) + 0.06
    for number, prediction in enumerate(explanation.predictions):
        y, target = top + number * 0.16, prediction.index == explanation.target.index
        weight = "bold" if target else "normal"
        sheet.text(left, y, textwrap.shorten(prediction.name, 34, placeholder="…"), weight=weight)
        sheet.bar(left + 1.75, y + 0.03, 1.2, prediction.probability, ACCENT if target else SOFT)
        sheet.text(left + 3.45, y, words.probability(prediction.probability), weight=weight, ha="right")
    _scale(sheet, WIDTH - MARGIN - 1.1, top)


def _scale(sheet: _Sheet, left: float, top: float) -> None:
    sheet.text(left, top, "Map over the photo")
    ramp = np.tile(np.linspace(0, 1, 256), (8, 1))
    sheet.picture(left, top + 0.13, (1.1, 0.08), colours.over_photo(np.full((8, 256, 3), 0.54), ramp))
    sheet.text(left, top + 0.24, "lowest", size=SMALL, color=SOFT)
    sheet.text(left + 1.1, top + 0.24, "highest of the map", size=SMALL, color=SOFT, ha="right")


def _layer(
    sheet: _Sheet,
    layer: LayerExplanation,
    photo: NDArray[np.float64],
    place: tuple[float, float, float],
    tile: tuple[float, float],
) -> None:
    left, top, strip = place
    name = _name_lines(layer.name)
    sheet.text(left, top, "\n".join(name), size=SMALL, weight="bold", linespacing=1.1)
    size = words.times(layer.channels, layer.height, layer.width)
    facts = f"{size}  {layer.nonlinearity}\n{words.percent(words.shown_percent(layer))} shown"
    sheet.text(left, top + strip - STRIP + 0.1, facts, size=SMALL - 0.4, color=SOFT)
    if not layer.clusters:
        note = layer.note or "no feature map has a positive weight"
        sheet.text(left, top + strip, "\n".join(textwrap.wrap(note, 20)), size=SMALL, color=SOFT, style="italic")
    own = importance.shares(layer)
    numbers = words.shares(layer)[0] if own is None else [words.percent(share) for share in own]
    for row, cluster in enumerate(layer.ranked):
        y = top + strip + row * (tile[1] + TEXT)
        values = maps.shown_map(cluster.map, *photo.shape[:2])
        sheet.picture(left, y, tile, colours.over_photo(photo, values))
        sheet.text(left, y + tile[1] + 0.03, numbers[layer.clusters.index(cluster)], weight="bold")
        if cluster.ablation is not None:
            colour = colours.EFFECT_AGAINST if effects.raises_score(cluster) else colours.EFFECT_FOR
            said = effects.label(cluster.ablation.zero)
            sheet.text(left + tile[0], y + tile[1] + 0.03, said, color=colour, ha="right")


def _name_lines(name: str, width: int = 17) -> Sequence[str]:
    """A layer's name broken after its dots, or anywhere if it has none."""
    lines = textwrap.wrap(name.replace(".", ". "), width, break_on_hyphens=False)
    return [line.replace(". ", ".") for line in lines]


def _caption(explanation: Explanation) -> str:
    """What a reader of a paper has to know."""
    target, layers = explanation.target, explanation.layers
    numbers = f"logit {words.number(target.logit, 2)}, probability {words.probability(target.probability)}"
    about = f"{explanation.network_name} on {explanation.photo.name}, explained for “{target.name}”"
    bold = "share of the layer's positive gradient (its weight); “shown”: the sum of the weights in the column"
    if any(layer.importance_shares is not None for layer in layers):
        bold = (
            f"share {importance.OF_WHAT} (Shapley value; a minus works against it); “shown”: their share of the "
            "layer's positive gradient"
        )
    weight = f"Bold: {bold}"
    if any(cluster.ablation for layer in layers for cluster in layer.clusters):
        weight += f"; {words.FALLS} fall, {words.RISES} rise of the logit when the cluster's channels are set to zero"
    fingerprint = str(explanation.provenance.get("network", {}).get("fingerprint", ""))
    parts = [
        f"{about} (index {target.index}; {numbers}); layers shallow to deep",
        weight,
        "Each map from its own lowest to its own highest value, enlarged bilinearly",
        f"Method {explanation.method}, seed {explanation.seed}",
        f"Layers: {', '.join(layer.name for layer in layers)}",
    ]
    if fingerprint:
        parts.append(f"Weights' fingerprint {fingerprint[:16]}")
    return ". ".join(parts) + "."
