"""The columns of a study's explanations, and the way from explanations to the bytes of a Parquet file and back.

One row is one cluster map. A layer without shown clusters has one row with ``shown`` false, so that no layer is lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from layerlore.local.explanation import (
    Ablation,
    ClusterMap,
    Effect,
    Explanation,
    LayerExplanation,
    LayerFlow,
    PhotoRecord,
    Prediction,
)
from layerlore.study.folder import SCHEMA, settings_to_dict
from layerlore.study.parquet import KEY, parquet_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.study.records import ImageRecord, StudySettings

_WAYS = ("zero", "mean", "random")
_DROPS = tuple((way, f"ablation_{way}_logit_drop", f"ablation_{way}_probability_drop") for way in _WAYS)

PREDICTION = pa.struct(
    [("index", pa.int32()), ("name", pa.string()), ("probability", pa.float64()), ("logit", pa.float64())]
)

COLUMNS = pa.schema(
    [
        ("image_id", pa.string()),
        ("target", pa.int32()),
        ("layer", pa.string()),
        ("layer_index", pa.int32()),
        ("cluster", pa.int32()),
        ("weight", pa.float64()),
        ("shown", pa.bool_()),
        ("channels", pa.list_(pa.int32())),
        ("channel_weights", pa.list_(pa.float64())),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("map", pa.list_(pa.float16())),
        ("silhouette", pa.float64()),
        ("seed", pa.int64()),
        ("method", pa.string()),
        ("settings_hash", pa.string()),
        ("label", pa.string()),
        ("target_name", pa.string()),
        ("target_probability", pa.float64()),
        ("target_logit", pa.float64()),
        ("predicted", pa.int32()),
        ("predicted_name", pa.string()),
        ("top5", pa.list_(PREDICTION)),
        ("peak", pa.float64()),
        ("constant", pa.bool_()),
        ("layer_position", pa.int32()),
        ("layer_depth", pa.float64()),
        ("nonlinearity", pa.string()),
        ("rectified", pa.bool_()),
        ("layer_channels", pa.int32()),
        ("threshold", pa.float64()),
        ("kept", pa.int32()),
        ("weak_weight", pa.float64()),
        ("dropped_clusters", pa.int32()),
        ("dropped_weight", pa.float64()),
        ("note", pa.string()),
        *((name, pa.float64()) for _, *names in _DROPS for name in names),
        ("importance", pa.float64()),
        ("fed_by", pa.list_(pa.float32())),
        ("view_width", pa.int32()),
        ("view_height", pa.int32()),
        ("box", pa.list_(pa.float64(), 4)),
        ("photo_width", pa.int32()),
        ("photo_height", pa.int32()),
    ]
)
"""The columns of a shard, in their order."""

SINCE = {"importance": 2}
"""Format version that brought a column, for those that were not there from the first on."""


@dataclass(frozen=True)
class ShardInfo:
    """What a shard says of itself, as JSON among the file's metadata.

    Attributes:
        settings_hash: The set that it belongs to.
        shard: Its number: photos ``shard * settings.shard`` and the ones after it.
        failed: image_id to the reason, for its photos that could not be explained.
        settings: The set's settings as plain values.
        provenance: As in `Explanation`.
    """

    settings_hash: str
    shard: int
    failed: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


def encode_shard(
    explanations: Sequence[Explanation],
    images: Sequence[ImageRecord],
    failed: Mapping[str, str],
    *,
    settings: StudySettings,
    settings_hash: str,
    shard: int,
) -> bytes:
    """The bytes of a shard; the same arguments give the same bytes.

    Args:
        explanations: Those of the shard's photos that could be explained, in any order.
        images: All photos of the shard, in the order of ``images.parquet``.
        failed: image_id to the reason, for those that could not.
        settings: Settings of the set.
        settings_hash: Its hash.
        shard: Number of the shard.

    Raises:
        ValueError: An explanation belongs to none of the photos, or they were not made by one thing.
    """
    found = {explanation.photo.image_id: explanation for explanation in explanations}
    if strange := found.keys() - {image.image_id for image in images}:
        raise ValueError(f"explanations of photos that are not in shard {shard}: {', '.join(sorted(strange))}")
    provenance = explanations[0].provenance if explanations else {}
    if any(explanation.provenance != provenance for explanation in explanations):
        raise ValueError(f"explanations of shard {shard} differ in provenance")
    content = {
        "schema": SCHEMA,
        "settings_hash": settings_hash,
        "shard": shard,
        "failed": {image.image_id: failed[image.image_id] for image in images if image.image_id in failed},
        "settings": settings_to_dict(settings),
        "provenance": provenance,
    }
    rows = [row for image in images if image.image_id in found for row in _rows(found[image.image_id], image)]
    for row in rows:
        row["settings_hash"] = settings_hash
    return parquet_bytes(pa.Table.from_pylist(rows, schema=COLUMNS), content)


def _rows(explanation: Explanation, image: ImageRecord) -> Iterator[dict[str, Any]]:
    """The rows of one photo."""
    photo, target = explanation.photo, explanation.target
    shared = {
        "image_id": photo.image_id,
        "target": target.index,
        "target_name": target.name,
        "target_probability": target.probability,
        "target_logit": target.logit,
        "predicted": explanation.predictions[0].index,
        "predicted_name": explanation.predictions[0].name,
        "top5": [vars(prediction) for prediction in explanation.predictions],
        "label": image.label,
        "seed": explanation.seed,
        "method": explanation.method,
        "view_width": photo.view_width,
        "view_height": photo.view_height,
        "box": list(photo.box),
        "photo_width": photo.width,
        "photo_height": photo.height,
    }
    flow = {link.lower + 1: link.shares for link in explanation.flow}
    for position, layer in enumerate(explanation.layers):
        facts = {**shared, **_layer_columns(layer, position)}
        if not layer.clusters:
            yield {**facts, "cluster": -1, "weight": 0.0, "shown": False, "channels": [], "channel_weights": []}
        for rank, cluster in enumerate(layer.clusters):
            fed_by = flow[position][:, rank] if position in flow else None
            yield {**facts, **_cluster_columns(cluster), "fed_by": fed_by}


def _layer_columns(layer: LayerExplanation, position: int) -> dict[str, Any]:
    """What all rows of a layer share."""
    return {
        "layer": layer.name,
        "layer_position": position,
        "layer_index": layer.index,
        "layer_depth": layer.depth,
        "nonlinearity": layer.nonlinearity,
        "rectified": layer.rectified,
        "layer_channels": layer.channels,
        "height": layer.height,
        "width": layer.width,
        "threshold": layer.threshold,
        "kept": layer.kept,
        "weak_weight": layer.weak_weight,
        "dropped_clusters": layer.dropped_clusters,
        "dropped_weight": layer.dropped_weight,
        "silhouette": layer.silhouette,
        "note": layer.note,
    }


def _cluster_columns(cluster: ClusterMap) -> dict[str, Any]:
    """What a cluster map adds."""
    columns = {
        "cluster": cluster.index,
        "weight": cluster.weight,
        "shown": True,
        "channels": list(cluster.channels),
        "channel_weights": list(cluster.channel_weights),
        "map": cluster.map.astype(np.float16).ravel(),
        "peak": cluster.peak,
        "constant": cluster.constant,
        "importance": cluster.importance,
    }
    if cluster.ablation is not None:
        for way, logit, probability in _DROPS:
            effect: Effect = getattr(cluster.ablation, way)
            columns |= {logit: effect.logit_drop, probability: effect.probability_drop}
    return columns


def decode_info(metadata: Mapping[bytes, bytes] | None) -> ShardInfo:
    """What a shard says of itself.

    Args:
        metadata: Of the file's schema.

    Raises:
        LookupError: It is no shard.
        ValueError: It is damaged.
    """
    content = json.loads((metadata or {})[KEY])
    return ShardInfo(**{key: content[key] for key in ShardInfo.__dataclass_fields__})


def decode_explanations(
    table: pa.Table, info: ShardInfo, *, names: Mapping[str, str], view: Callable[[str], bytes]
) -> Iterator[Explanation]:
    """The explanations of a shard's rows, one after the other.

    Args:
        table: Rows with the columns `COLUMNS`, of whole photos or of some of their layers. Links between layers
            come back where all layers are there.
        info: What the shard says of itself.
        names: image_id to file name.
        view: Makes the part of a photo that the network saw as a JPEG file, from its image_id.

    Raises:
        ValueError: A map has not as many numbers as its layer has places.
    """
    rows = table.drop_columns(["map"]).to_pylist()
    for row, values in zip(rows, _lists(table["map"]), strict=True):
        row["map"] = values
    for image_id, group in groupby(rows, key=lambda row: row["image_id"]):
        yield _explanation(list(group), info, names[image_id], view(image_id))


def _lists(column: pa.ChunkedArray) -> list[NDArray[np.generic]]:
    """The lists of a column as arrays; an empty one for null. Python numbers would take a hundred times as long."""
    lists: list[NDArray[np.generic]] = []
    for chunk in column.chunks:
        values = chunk.values.to_numpy(zero_copy_only=False)
        ends = chunk.offsets.to_numpy()
        lists.extend(values[start:end] for start, end in pairwise(ends))
    return lists


def _explanation(rows: list[dict[str, Any]], info: ShardInfo, name: str, view: bytes) -> Explanation:
    """One photo's explanation from its rows."""
    first = rows[0]
    grouped = [list(group) for _, group in groupby(rows, key=lambda row: row["layer_position"])]
    complete = [group[0]["layer"] for group in grouped] == list(info.settings["layers"])
    predictions = tuple(Prediction(**prediction) for prediction in first["top5"])
    return Explanation(
        photo=PhotoRecord(
            name=name,
            image_id=first["image_id"],
            width=first["photo_width"],
            height=first["photo_height"],
            box=tuple(first["box"]),
            view=view,
            view_width=first["view_width"],
            view_height=first["view_height"],
        ),
        target=Prediction(first["target"], first["target_name"], first["target_probability"], first["target_logit"]),
        predictions=predictions,
        layers=tuple(_layer(group) for group in grouped),
        flow=tuple(_flow(grouped)) if complete and info.settings["flow"] else (),
        method=first["method"],
        seed=first["seed"],
        provenance=dict(info.provenance),
    )


def _layer(rows: list[dict[str, Any]]) -> LayerExplanation:
    """A layer from its rows."""
    first = rows[0]
    return LayerExplanation(
        name=first["layer"],
        index=first["layer_index"],
        depth=first["layer_depth"],
        nonlinearity=first["nonlinearity"],
        rectified=first["rectified"],
        channels=first["layer_channels"],
        height=first["height"],
        width=first["width"],
        clusters=tuple(_cluster(row) for row in rows if row["shown"]),
        threshold=first["threshold"],
        kept=first["kept"],
        weak_weight=first["weak_weight"],
        dropped_clusters=first["dropped_clusters"],
        dropped_weight=first["dropped_weight"],
        silhouette=first["silhouette"],
        note=first["note"],
    )


def _cluster(row: dict[str, Any]) -> ClusterMap:
    """A cluster map from its row."""
    effects = {way: Effect(row[logit], row[probability]) for way, logit, probability in _DROPS}
    return ClusterMap(
        index=row["cluster"],
        weight=row["weight"],
        map=row["map"].astype(np.float32).reshape(row["height"], row["width"]),
        peak=row["peak"],
        channels=tuple(row["channels"]),
        channel_weights=tuple(row["channel_weights"]),
        constant=row["constant"],
        ablation=None if row[_DROPS[0][1]] is None else Ablation(**effects),
        importance=row["importance"],
    )


def _flow(layers: Iterable[list[dict[str, Any]]]) -> Iterator[LayerFlow]:
    """Links between neighbouring layers, from each layer's rows."""
    shown = [[row for row in rows if row["shown"]] for rows in layers]
    for lower, (below, above) in enumerate(pairwise(shown)):
        shares = np.zeros((len(below) + 1, len(above)), dtype=np.float32)
        for rank, row in enumerate(above):
            shares[:, rank] = row["fed_by"]
        yield LayerFlow(lower, shares)
