"""JSON of an explanation: the same bytes for the same seed, a full way back, and clear refusals."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from tiny import TwiceUsed, network

from layerlore.errors import FileFormatError
from layerlore.local.explain import explain
from layerlore.local.storage import explanation_from_dict, explanation_to_dict, explanation_to_json, load_explanation


@pytest.fixture(scope="module")
def photo():
    return torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("method", ["stable", "paper"])
def test_same_seed_same_bytes_and_the_way_back(photo, method, tmp_path):
    texts = [explanation_to_json(explain(network(TwiceUsed()), photo, method=method, seed=5)) for _ in range(2)]
    assert texts[0] == texts[1]
    path = tmp_path / "e.json"
    path.write_text(texts[0], encoding="utf-8")
    loaded = load_explanation(path)
    assert explanation_to_json(loaded) == texts[0]
    original = explain(network(TwiceUsed()), photo, method=method, seed=5)
    assert loaded.photo == original.photo
    first = original.layers[0].clusters[0]
    assert loaded.layers[0].clusters[0].ablation == first.ablation
    assert loaded.layers[0].clusters[0].importance == first.importance
    assert (first.importance is not None) == (method == "stable")
    for a, b in zip(loaded.layers, original.layers, strict=True):
        assert dataclasses.replace(a, clusters=()) == dataclasses.replace(b, clusters=())
        for one, other in zip(a.clusters, b.clusters, strict=True):
            np.testing.assert_array_equal(one.map, other.map)


def test_a_file_of_before_importance_was_measured_still_opens(photo):
    content = explanation_to_dict(explain(network(TwiceUsed()), photo))
    for layer in content["layers"]:
        for cluster in layer["clusters"]:
            assert cluster.pop("importance") is not None
    loaded = explanation_from_dict({**content, "version": 1})
    assert all(layer.importance_shares is None and layer.ranked == layer.clusters for layer in loaded.layers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="other"), "not a LayerLore explanation"),
        (lambda c: c.update(version=99), "format version 99"),
        (lambda c: c["layers"][0].pop("name"), "damaged"),
        (lambda c: c["layers"].pop(), "damaged"),
        (lambda c: c["layers"][0]["clusters"][0].update(map=[[1, "x"]]), "damaged"),
        (lambda c: c["photo"].update(view="%%%"), "damaged"),
        (lambda c: c.update(layers=None), "damaged"),
    ],
)
def test_wrong_files_are_refused_in_one_line_that_names_them(photo, tmp_path, change, message):
    content = explanation_to_dict(explain(network(TwiceUsed()), photo))
    change(content)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FileFormatError, match=message) as caught:
        load_explanation(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_explanation(tmp_path / "missing.json")
    (tmp_path / "text.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileFormatError, match="not JSON"):
        load_explanation(tmp_path / "text.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="not JSON"):
        load_explanation(tmp_path / "bytes.json")
