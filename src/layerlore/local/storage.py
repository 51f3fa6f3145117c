"""Explanations as JSON: for programs, and back into the same object."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.errors import FileFormatError
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "layerlore.explanation"
VERSION = 2
"""1: without ``importance``."""
STEPS = 2048
"""Map values are multiples of 1/2048: finer than any screen shows, exact in 16 bits, and told apart by 4 decimals."""
LARGE_CELLS, LARGE_STEPS = 1024, 256
"""Of maps of more cells than this, multiples of 1/256: half the size in a file, and still no step that can be seen."""
DECIMALS = 4
"""Decimals of the numbers of arrays in JSON."""


def quantise(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Round map values in [0, 1] to the steps that every file keeps, as float32 of the same shape."""
    steps = STEPS if values.size <= LARGE_CELLS else LARGE_STEPS
    return (np.round(values.astype(np.float64) * steps) / steps).astype(np.float32)


def explanation_to_dict(explanation: Explanation) -> dict[str, Any]:
    """Turn an explanation into plain dicts, lists, strings and numbers; the photo's view becomes base64."""
    content = _plain(explanation)
    return {"format": FORMAT, "version": VERSION, **content}


def explanation_to_json(explanation: Explanation) -> str:
    """JSON text of an explanation; the same explanation always gives the same bytes."""
    return json.dumps(explanation_to_dict(explanation), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def explanation_from_dict(content: dict[str, Any], *, source: str = "the dict") -> Explanation:
    """Build an explanation from what :func:`explanation_to_dict` made.

    Args:
        content: The dict.
        source: How errors name it, such as the file's path.

    Raises:
        FileFormatError: It is no explanation, is damaged, or comes from a newer version.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileFormatError(f"{source}: not a LayerLore explanation; give a .json that Explanation.save wrote")
    if not isinstance(content.get("version"), int) or content["version"] > VERSION:
        raise FileFormatError(
            f"{source}: written in format version {content.get('version')!r}, this LayerLore reads up to {VERSION}; "
            "update LayerLore"
        )
    try:
        return Explanation(
            photo=_photo(content["photo"]),
            target=Prediction(**content["target"]),
            predictions=tuple(Prediction(**item) for item in content["predictions"]),
            layers=tuple(_layer(item) for item in content["layers"]),
            flow=tuple(_flow(item, content["layers"]) for item in content["flow"]),
            method=content["method"],
            seed=content["seed"],
            provenance=content["provenance"],
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{source}: damaged, {type(error).__name__} at {error}; make the explanation again"
        ) from error


def load_explanation(path: str | Path) -> Explanation:
    """Read an explanation that was saved as ``.json``.

    Raises:
        FileFormatError: The file is missing, unreadable, damaged, of another kind, or from a newer version.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise FileFormatError(f"{path}: not JSON ({error}); give a .json that Explanation.save wrote") from error
    return explanation_from_dict(content, source=str(path))


def _plain(value: Any) -> Any:  # noqa: ANN401 - a tree of anything that an explanation holds
    """Dataclasses to dicts, tuples to lists, arrays to nested lists, bytes to base64."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return np.round(value.astype(np.float64), DECIMALS).tolist()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _photo(content: dict[str, Any]) -> PhotoRecord:
    try:
        view = base64.b64decode(content["view"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"photo.view ({error})") from error
    left, top, right, bottom = content["box"]
    return PhotoRecord(**{**content, "view": view, "box": (left, top, right, bottom)})


def _layer(content: dict[str, Any]) -> LayerExplanation:
    return LayerExplanation(**{**content, "clusters": tuple(_cluster(item) for item in content["clusters"])})


def _cluster(content: dict[str, Any]) -> ClusterMap:
    values = np.array(content["map"], dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError("a cluster's map")
    ablation = content["ablation"]
    return ClusterMap(
        **{
            **content,
            "map": quantise(values),
            "channels": tuple(content["channels"]),
            "channel_weights": tuple(content["channel_weights"]),
            "labels": tuple(content["labels"]),
            "ablation": None
            if ablation is None
            else Ablation(**{way: Effect(**effect) for way, effect in ablation.items()}),
        }
    )


def _flow(content: dict[str, Any], layers: list[dict[str, Any]]) -> LayerFlow:
    lower = content["lower"]
    shape = (len(layers[lower]["clusters"]) + 1, len(layers[lower + 1]["clusters"]))
    return LayerFlow(lower, np.array(content["shares"], dtype=np.float64).astype(np.float32).reshape(shape))
