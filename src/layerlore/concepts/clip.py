"""Pictures and words in one space, by a CLIP model (Radford et al., ICML 2021) of open_clip that a person names."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from layerlore.errors import ModelError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

PREFIX = "clip:"
FOREIGN = ("hf-hub:", "local-dir:")
"""What begins so names a model together with its weights."""
BATCH = 64
EXTRA = 'pip install "layerlore[clip]"'


class SeesAndReads(Protocol):
    """What proposing needs of a model: unit vectors of pictures and of texts, in one space."""

    @property
    def name(self) -> str:
        """What it is called, such as ``clip:ViT-B-32:openai``."""
        ...

    def pictures(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """``(n, d)`` unit vectors, one for each square picture in RGB."""
        ...

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(n, d)`` unit vectors, one for each text."""
        ...


@dataclass(frozen=True)
class Clip:
    """An open_clip model on the processor.

    Attributes:
        name: ``clip:MODEL:PRETRAINED``.
        model: The loaded model.
        preprocess: Picture to input.
        tokenizer: Texts to input.
    """

    name: str
    model: Any = field(repr=False)
    preprocess: Any = field(repr=False)
    tokenizer: Any = field(repr=False)

    def pictures(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """``(n, d)`` unit vectors, one for each picture."""
        import torch

        return self._encoded(
            images, lambda some: self.model.encode_image(torch.stack([self.preprocess(one) for one in some]))
        )

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(n, d)`` unit vectors, one for each text."""
        return self._encoded(texts, lambda some: self.model.encode_text(self.tokenizer(list(some))))

    def _encoded(self, items: Sequence[Any], encode: Callable[[Sequence[Any]], Any]) -> NDArray[np.float32]:
        """Unit vectors of at least one item, a batch at a time."""
        import torch

        with torch.inference_mode():
            parts = [encode(items[start : start + BATCH]).float() for start in range(0, len(items), BATCH)]
            found: NDArray[np.float32] = torch.nn.functional.normalize(torch.cat(parts), dim=-1).numpy()
        return found


def load_clip(spec: str) -> Clip:
    """Load a model with its weights.

    Args:
        spec: ``clip:MODEL`` or ``clip:MODEL:PRETRAINED`` with open_clip's names; PRETRAINED may be a file of weights.
            Without it the first weights that open_clip lists for the model are taken, never random ones. Also
            ``clip:hf-hub:OWNER/NAME`` and ``clip:local-dir:FOLDER``, which bring their weights.

    Raises:
        SettingError: The spec names no CLIP model.
        ModelError: The extra ``clip`` is not installed, the model is unknown, or its weights cannot be had.
    """
    if not spec.startswith(PREFIX) or not spec.removeprefix(PREFIX).strip(":"):
        raise SettingError(f"{spec!r}: proposals come from a CLIP model; give clip:MODEL or clip:MODEL:PRETRAINED")
    try:
        import open_clip
    except ImportError as error:
        raise ModelError(f"proposals need open_clip, which is not installed; {EXTRA}") from error
    given = spec.removeprefix(PREFIX)
    if given.startswith(FOREIGN):
        model, pretrained = given, None
    else:
        model, _, weights = given.partition(":")
        pretrained = weights or _first_weights(open_clip, model)
    name = f"{PREFIX}{model}" if pretrained is None else f"{PREFIX}{model}:{pretrained}"
    try:
        loaded, _, preprocess = open_clip.create_model_and_transforms(model, pretrained=pretrained, device="cpu")
        tokenizer = open_clip.get_tokenizer(model)
    except Exception as error:  # hubs, files and configurations have no common class
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ModelError(
            f"{name}: cannot be loaded ({reason}); run the command once where the network reaches the weights, or "
            f"name a file of weights on this machine: {PREFIX}{model.partition(':')[0]}:PATH"
        ) from error
    loaded.eval()
    return Clip(name, loaded, preprocess, tokenizer)


def _first_weights(open_clip: Any, model: str) -> str:  # noqa: ANN401 a module
    """The weights that open_clip lists first for a model."""
    known = open_clip.list_models()
    if model not in known:
        near = difflib.get_close_matches(model, known, 3, 0.5) or known[:3]
        raise ModelError(f"{PREFIX}{model}: open_clip has no such model; near are {', '.join(near)}")
    tags = open_clip.list_pretrained_tags_by_model(model)
    if not tags:
        raise ModelError(f"{PREFIX}{model}: open_clip has no weights for it; name a file: {PREFIX}{model}:PATH")
    return str(tags[0])
