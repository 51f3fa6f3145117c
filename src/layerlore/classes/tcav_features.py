"""What concept vectors are made from: activations of pictures and gradients of photos, of all layers at once, kept.

One forward pass gives all layers' activations of a picture, one backward pass all gradients of a photo. Both are kept
in the study's folder, under a name that tells what they depend on.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.errors import SettingError
from layerlore.files import write_whole
from layerlore.local.capture import as_input, capture, channels_first, forward_with_maps
from layerlore.network.state import undisturbed
from layerlore.study.folder import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo

    Floats = NDArray[np.float32]
    Tell = Callable[[int], None]

CACHE = "tcav"
"""Folder in the study's folder; it may be deleted at any time."""

CACHE_VERSION = 1
BATCH = 16
POOLINGS = ("mean", "flatten")
MOST_NUMBERS = 250_000_000
"""Numbers that may be kept for all pictures and photos together: 1 GB."""


@dataclass
class Features:
    """Activations and gradients of some layers of a network, from the cache where they are there.

    Attributes:
        network: The network.
        layers: The layers.
        pooling: ``mean``, one number for each feature map; or ``flatten``, one for each of its places.
        folder: Where they are kept, or None.
        preprocess: What tells the preprocessing apart.
        tell: Told how many pictures are done since it was last told.
        used: Files of the cache that were read or written.
    """

    network: Network
    layers: tuple[Layer, ...]
    pooling: str
    folder: Path | None
    preprocess: str = ""
    tell: Tell | None = None
    used: set[Path] = field(default_factory=set)

    def numbers(self) -> int:
        """Numbers of one picture over all layers."""
        return sum(one.channels * (one.height * one.width if self.pooling == "flatten" else 1) for one in self.layers)

    def check(self, pictures: int) -> None:
        """Refuse what would fill the memory.

        Raises:
            SettingError: There are too many numbers.
        """
        wanted = self.numbers() * pictures
        if wanted > MOST_NUMBERS:
            raise SettingError(
                f"pooling flatten takes {wanted * 4 / 2**30:.1f} GB for {pictures} pictures and {len(self.layers)} "
                "layers; use pooling mean"
            )

    def activations(self, what: Sequence[object], pictures: Callable[[], Iterable[Photo]]) -> list[Floats]:
        """Activations of pictures.

        Args:
            what: What tells the pictures apart, one value each.
            pictures: Reads them.

        Returns:
            For each layer shape (pictures, numbers): the mean over each feature map, or all of it.
        """

        def run(inputs: torch.Tensor) -> Sequence[torch.Tensor]:
            with undisturbed(self.network.module), torch.no_grad():
                maps, _ = forward_with_maps(self.network, as_input(self.network, inputs), self.layers)
                return [channels_first(one.detach(), layer) for one, layer in zip(maps, self.layers, strict=True)]

        return self._kept(["activations", *what], len(what), pictures, run, mean=True)

    def gradients(self, what: Sequence[object], target: int, photos: Callable[[], Iterable[Photo]]) -> list[Floats]:
        """Gradients of a class's logit at whole photos.

        Args:
            what: As for :meth:`activations`.
            target: The class.
            photos: Reads them.

        Returns:
            For each layer shape (photos, numbers): the sum over each feature map, which is the derivative when all of
            the map rises; or all of it.
        """

        def run(inputs: torch.Tensor) -> Sequence[torch.Tensor]:
            return capture(self.network, inputs, [target] * len(inputs), self.layers).gradients

        return self._kept(["gradients", target, *what], len(what), photos, run, mean=False)

    def _kept(
        self,
        what: Sequence[object],
        count: int,
        pictures: Callable[[], Iterable[Photo]],
        run: Callable[[torch.Tensor], Sequence[torch.Tensor]],
        *,
        mean: bool,
    ) -> list[Floats]:
        """From the cache, or made and put there."""
        path = self._path(what)
        found = None if path is None else _read(path, len(self.layers), count)
        if found is None:
            parts = [self._pooled(run(batch), mean=mean) for batch in self._batches(pictures())]
            found = [np.concatenate(layer) for layer in zip(*parts, strict=True)]
            if path is not None:
                _write(path, found)
        elif self.tell is not None:
            self.tell(count)
        if path is not None:
            self.used.add(path)
        return found

    def _batches(self, pictures: Iterable[Photo]) -> Iterator[torch.Tensor]:
        waiting: list[torch.Tensor] = []
        for picture in pictures:
            waiting.append(self.network.prepare(picture))
            if len(waiting) == BATCH:
                yield torch.stack(waiting)
                self._told(len(waiting))
                waiting = []
        if waiting:
            yield torch.stack(waiting)
            self._told(len(waiting))

    def _told(self, count: int) -> None:
        if self.tell is not None:
            self.tell(count)

    def _pooled(self, maps: Sequence[torch.Tensor], *, mean: bool) -> list[Floats]:
        if self.pooling == "flatten":
            return [one.flatten(1).float().cpu().numpy() for one in maps]
        pooled = [one.double().mean(dim=(2, 3)) if mean else one.double().sum(dim=(2, 3)) for one in maps]
        return [one.float().cpu().numpy() for one in pooled]

    def _path(self, what: Sequence[object]) -> Path | None:
        if self.folder is None:
            return None
        content = {
            "version": CACHE_VERSION,
            "network": self.network.fingerprint,
            "preprocess": self.preprocess,
            "layers": [layer.name for layer in self.layers],
            "pooling": self.pooling,
            "what": [str(one) for one in what],
        }
        return self.folder / CACHE / f"{hashlib.sha256(canonical_json(content).encode()).hexdigest()[:24]}.npz"

    def clear_others(self) -> None:
        """Delete what earlier runs left and this one did not use."""
        if self.folder is not None:
            for path in (self.folder / CACHE).glob("*.npz"):
                if path not in self.used:
                    path.unlink(missing_ok=True)


def _read(path: Path, layers: int, count: int) -> list[Floats] | None:
    """Arrays of the cache; None where there are none, or they are damaged and must be made again."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [file[f"layer{number}"] for number in range(layers)]
    except Exception:  # noqa: BLE001 a damaged archive raises anything, and nothing is lost
        return None
    right = all(one.dtype == np.float32 and one.ndim == 2 and len(one) == count for one in found)
    return found if right else None


def _write(path: Path, arrays: Sequence[Floats]) -> None:
    path.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **{f"layer{number}": one for number, one in enumerate(arrays)})  # type: ignore[arg-type]
    write_whole(path, buffer.getvalue())
