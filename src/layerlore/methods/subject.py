"""What a method is given: the photo as the network sees it, and the class; and how it asks the network."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from PIL import Image

from layerlore.errors import SettingError
from layerlore.local.capture import as_input
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.network.model import Network
    from layerlore.network.photos import Photo

Output = Literal["probability", "logit"]


@dataclass(frozen=True, eq=False)
class Raw:
    """What a method found, before scaling.

    Attributes:
        values: Evidence, shape (h, w).
        signed: Negative values are evidence against the class.
        model_calls: See `Saliency`.
        settings: Options with their values.
    """

    values: NDArray[np.float64]
    signed: bool
    model_calls: int
    settings: Mapping[str, object]


@dataclass(eq=False)
class Subject:
    """A photo and a class that a method explains.

    Attributes:
        network: The network.
        photo: The photo.
        inputs: The photo preprocessed, float32 of shape (1, 3, H, W).
        target: Index of the class.
        asked: Photos that went through the network so far.
    """

    network: Network
    photo: Photo
    inputs: torch.Tensor
    target: int
    asked: int = field(default=0)

    def pixels(self) -> NDArray[np.float64]:
        """The input with channels last, float64 of shape (H, W, 3); perturbed copies go to :meth:`score`.

        The preprocessing scales each channel, so means and blurs of these values are those of the photo's colours.
        """
        return self.inputs[0].permute(1, 2, 0).double().numpy().copy()

    def view(self) -> NDArray[np.float64]:
        """The same for people, and for finding superpixels: RGB in [0, 1], shape (H, W, 3)."""
        rows, columns = self.inputs.shape[2:]
        seen = self.network.view(self.photo, side=max(rows, columns))
        if seen.size != (columns, rows):
            seen = seen.resize((columns, rows), Image.Resampling.LANCZOS)
        return np.asarray(seen, dtype=np.float64) / 255

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Leave the network as it was: the context around all calls of :meth:`score`."""
        with self.network.lock, undisturbed(self.network.module), torch.no_grad():
            yield

    def score(self, batch: NDArray[np.float64], output: Output = "probability") -> NDArray[np.float64]:
        """The network's answers to N inputs of shape (N, H, W, 3), as probabilities or logits of all classes."""
        inputs = torch.from_numpy(np.ascontiguousarray(batch)).float().permute(0, 3, 1, 2)
        return np.asarray(self.ask(inputs, output).numpy())

    def ask(self, inputs: torch.Tensor, output: Output = "probability") -> torch.Tensor:
        """The same for inputs as the network takes them, shape (N, 3, H, W); float64 of shape (N, classes)."""
        logits = forward(self.network.module, as_input(self.network, inputs))
        self.network.check_output(logits, len(inputs))
        self.asked += len(inputs)
        found = logits.double().cpu()
        return found.softmax(dim=1) if output == "probability" else found


def forward(module: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Answers to a batch, its channels last in memory, which is up to twice as fast on a CPU.

    A network that reshapes its tensors with ``view`` may refuse that.
    """
    try:
        return module(batch.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]
    except RuntimeError:
        return module(batch)  # type: ignore[no-any-return]


def check_output(output: str) -> Output:
    """One of the two outputs.

    Raises:
        SettingError: It is something else.
    """
    check_choice("output", output, get_args(Output))
    return output  # type: ignore[return-value]


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Refuse an option that is none of the known words.

    Raises:
        SettingError: It is not.
    """
    if value not in known:
        raise SettingError(f"{name} is {value!r}; choose one of {', '.join(known)}")


def check_count(name: str, value: int, low: int) -> int:
    """A whole number that is large enough.

    Raises:
        SettingError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise SettingError(f"{name} is {value!r}; give a whole number of at least {low}")
    return value
