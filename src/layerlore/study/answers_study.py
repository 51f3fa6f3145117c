"""Where an answer can belong: the photos, layers and clusters of a study, found by what people call them."""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from layerlore.study.study import Study

OF_THE_STUDY = ("normal", "merged")
WHOLE = -1
"""In place of a cluster: all of a layer as one map."""

HINTS = 20
"""Names that are looked for among all others; in a list about something else it would take for ever."""


class PlaceError(Exception):
    """What is named is not in the study; the text says what is, one line."""


@dataclass(frozen=True, slots=True)
class Place:
    """One map of a study, or a map that is about nothing in its photo.

    Attributes:
        image_id: The photo.
        image_label: Its class as given, or None.
        target: Index of the class that was explained.
        layer: The layer; "" for a map of none.
        layer_index: Its place among all layers that can be explained, or -1.
        cluster: The cluster; -1 for all of a layer as one, or a map of none.
        kind: What the map is there for.
    """

    image_id: str
    image_label: str | None
    target: int
    layer: str
    layer_index: int
    cluster: int
    kind: str


class Places:
    """All that is explained in a study."""

    def __init__(self, study: Study) -> None:
        """Read the study's rows, without the maps themselves.

        Raises:
            FileFormatError: A file of the study cannot be used.
        """
        self._study = study
        table = study.to_arrow(["image_id", "target", "target_name", "layer", "layer_index", "cluster", "shown"])
        columns = (table[name].to_pylist() for name in table.column_names)
        self._clusters: dict[tuple[str, int, str], set[int]] = defaultdict(set)
        self._targets: dict[str, dict[int, str]] = defaultdict(dict)
        self._layers: dict[str, int] = {}
        for image_id, target, name, layer, index, cluster, shown in zip(*columns, strict=True):
            self._targets[image_id][target] = name
            self._layers[layer] = index
            clusters = self._clusters[image_id, target, layer]
            if shown:
                clusters.add(cluster)
        self._labels = {image.image_id: image.label for image in study.images}
        self._found: dict[tuple[str, str, str, str, str], Place | str] = {}
        self._images = {image.path: image.image_id for image in study.images}
        self._images |= {image_id: image_id for image_id in self._labels}
        self._hints = HINTS

    def find(self, image: str, layer: str, cluster: str, target: str, kind: str) -> Place:
        """The place that somebody names; asked again, it costs nothing.

        Args:
            image: image_id, path or file name of the photo.
            layer: Name or index of the layer.
            cluster: Rank of the cluster; "" or -1 for all of a layer as one.
            target: Index or name of the explained class; "" where there is only one.
            kind: One of `KINDS`, or "" for a map of the study.

        Raises:
            PlaceError: There is no such place.
        """
        key = (image, layer, cluster, target, kind)
        if key not in self._found:
            try:
                self._found[key] = self._find(*key)
            except PlaceError as error:
                self._found[key] = str(error)
        found = self._found[key]
        if isinstance(found, str):
            raise PlaceError(found)
        return found

    def _find(self, image: str, layer: str, cluster: str, target: str, kind: str) -> Place:
        image_id = self._image(image)
        explained = self._target(image_id, target)
        label = self._labels[image_id]
        if kind and kind not in OF_THE_STUDY and not layer:
            return Place(image_id, label, explained, "", -1, WHOLE, kind)
        name = self._layer(layer)
        number = _whole(cluster or str(WHOLE))
        clusters = self._clusters.get((image_id, explained, name), set())
        if number != WHOLE and number not in clusters:
            some = ", ".join(map(str, sorted(clusters))) or "none"
            raise PlaceError(f"cluster {cluster!r:.40} is not shown in {name} of {image!r:.80}; there are {some}")
        usual = "merged" if number == WHOLE else "normal"
        return Place(image_id, label, explained, name, self._layers[name], number, kind or usual)

    def _image(self, text: str) -> str:
        if text not in self._images:
            self._images[text] = self._other_name(text)
        image_id = self._images[text]
        if image_id not in self._targets:
            raise PlaceError(f"image {text!r:.80} is not explained; run layerlore study run {self._study.folder}")
        return image_id

    def _other_name(self, text: str) -> str:
        """The image_id of a photo that is meant otherwise than by its path or image_id."""
        try:
            if text:
                return self._study.image(text).image_id
        except StudyError as error:
            if "may mean" in str(error):
                raise PlaceError(f"image {text!r:.80} is the name of several photos; give the path") from error
        paths = [image.path for image in self._study.images]
        raise PlaceError(f"image {text!r:.80} is not in the study; {self._near(text, paths, paths[0])}")

    def _target(self, image_id: str, text: str) -> int:
        targets = self._targets[image_id]
        if not text:
            if len(targets) > 1:
                raise PlaceError(f"target is missing, and {image_id} is explained for {len(targets)} classes; add it")
            return next(iter(targets))
        for index, name in targets.items():
            if text in (str(index), name) or text.casefold() == name.casefold():
                return index
        some = ", ".join(f"{index} ({name})" for index, name in targets.items())
        raise PlaceError(f"target {text!r:.40} is not explained for {image_id}; it is {some}")

    def _layer(self, text: str) -> str:
        if text in self._layers:
            return text
        for name, index in self._layers.items():
            if text == str(index):
                return name
        raise PlaceError(
            f"layer {text!r:.80} is not explained; {self._near(text, self._layers, ', '.join(self._layers))}"
        )

    def _near(self, text: str, names: Iterable[str], otherwise: str) -> str:
        """What may be meant."""
        self._hints -= 1
        near = difflib.get_close_matches(text, [*names], n=3, cutoff=0.7) if self._hints >= 0 else []
        return f"did you mean {' or '.join(near)}?" if near else f"there is, for instance, {otherwise}"[:300]


def _whole(text: str) -> int:
    number = text.removesuffix(".0")
    if not (number == str(WHOLE) or (number.isascii() and number.isdecimal() and len(number) < 7)):
        raise PlaceError(f"cluster {text!r:.40} is no whole number from 0")
    return int(number)
