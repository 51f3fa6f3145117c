"""What the page's script works with: the maps at feature resolution, the flow, the colour scale."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.report import colours, maps, merged, view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.local.explanation import ClusterMap, Explanation
    from layerlore.report.labels import PageWords

# Up to this many cells on the page travel with 16 bits a cell, more with 8; and no map has a longer side than this.
FINE_CELLS = 300_000
LEAN_CELLS = 10_000
# Of a study's page, which is to stay near 100 kB: more cells than this, and the large maps come reduced.
LEAN_MOST_CELLS = 60_000
LEAN_SIDES = (80, 56, 40, 28)
LONGEST_SIDE = 112


def script_data(explanation: Explanation, *, home: str = "", said: PageWords | None = None) -> dict[str, Any]:
    """What the page's script works with: the maps at feature resolution, the flow, the colour scale.

    ``shares`` are the channels' weights in hundredths of a percent.

    Args:
        explanation: What the page is about.
        home: Address of the photo in its study, such as ``photo/0123456789abcdef``; there the script paints
            the maps, and large ones travel with fewer bits.
        said: Words of its maps; with them come the maps that are shown as one.
    """
    clusters = [cluster for layer in explanation.layers for cluster in layer.clusters]
    side, cells = _longest_side(clusters, LEAN_MOST_CELLS if home else None)
    bits = 16 if cells <= (LEAN_CELLS if home else FINE_CELLS) else 8
    table = np.concatenate([colours.sequential(), colours.alphas()[:, None]], axis=1)
    return {
        "home": home,
        "paint": bool(home),
        "side": view.overlay_side(explanation),
        "width": explanation.photo.view_width,
        "height": explanation.photo.view_height,
        "scale": base64.b64encode(table.tobytes()).decode(),
        "layers": [
            {
                "name": layer.name,
                "clusters": [
                    {
                        "peak": round(float(cluster.peak), 5),
                        **_packed(cluster.map, bits, side),
                        "channels": cluster.channels,
                        "shares": [round(100 * weight) for weight in cluster.channel_weights],
                    }
                    for cluster in layer.clusters
                ],
                "merged": []
                if said is None
                else [merged.script_entry(layer, one) for _, one in merged.several(said, position)],
            }
            for position, layer in enumerate(explanation.layers)
        ],
        "flow": {flow.lower: np.round(flow.shares, 2).tolist() for flow in explanation.flow},
    }


def _longest_side(clusters: Sequence[ClusterMap], most: int | None) -> tuple[int, int]:
    """Longest side that a map travels with, so that there are at most so many cells; and how many there are then."""
    for side in (LONGEST_SIDE, *LEAN_SIDES):
        cells = sum(min(c.map.shape[0], side) * min(c.map.shape[1], side) for c in clusters)
        if most is None or cells <= most:
            break
    return side, cells


def _packed(values: NDArray[np.float32], bits: int, longest: int) -> dict[str, Any]:
    """A map as base64 of little-endian integers; one larger than the screen needs comes reduced."""
    height, width = (min(side, longest) for side in values.shape)
    if (height, width) != values.shape:
        values = maps.upsample(values, height, width).astype(np.float32)
    whole = np.rint(np.clip(values.astype(np.float64), 0, 1) * (2**bits - 1)).astype(f"<u{bits // 8}")
    return {"bits": bits, "height": height, "width": width, "map": base64.b64encode(whole.tobytes()).decode()}
