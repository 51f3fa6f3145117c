"""Explanations as Parquet and back: nothing is lost, the bytes are always the same, and others can read them."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from small import assert_same, explained, network, photo_folder

from layerlore.errors import FileFormatError
from layerlore.study.folder import settings_hash
from layerlore.study.parquet import KEY, parquet_bytes
from layerlore.study.reading import read_shard
from layerlore.study.schema import COLUMNS, decode_explanations, decode_info, encode_shard
from layerlore.study.study import Study

HASH = "0123abcd"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    return Study.create(folder / "study", photo_folder(folder / "photos", 4), network())


def with_settings(study, **changes):
    """The study with other settings, in memory only."""
    settings = dataclasses.replace(study.settings, **changes)
    other = Study(study.folder, study.load_network())
    key = settings_hash(study.network_info, settings)
    other.manifest = dataclasses.replace(study.manifest, current=key, sets={key: settings})
    return other


def encode(study, explanations, failed=None, images=None):
    return encode_shard(
        explanations, images or study.images, failed or {}, settings=study.settings, settings_hash=HASH, shard=3
    )


def decode(study, content):
    table = pq.read_table(io.BytesIO(content))
    names = {image.image_id: image.name for image in study.images}
    return list(decode_explanations(table, decode_info(table.schema.metadata), names=names, view=lambda _: b"view"))


@pytest.mark.parametrize("method", ["stable", "paper"])
@pytest.mark.parametrize("effects", [False, True])
def test_every_field_comes_back(study, method, effects):
    study = with_settings(study, method=method, seed=7, ablation=effects, flow=effects)
    explanations = explained(study, study.images)
    assert any(len(layer.clusters) > 1 for one in explanations for layer in one.layers)
    back = decode(study, encode(study, explanations))
    for one, other in zip(explanations, back, strict=True):
        photo = dataclasses.replace(one.photo, view=b"view")
        assert_same(dataclasses.replace(one, photo=photo), other)


def test_a_layer_with_nothing_to_show_is_kept(study):
    import torch

    silent = network()
    with torch.no_grad():  # no map speaks for class 0
        silent.module.head.weight[0] = -silent.module.head.weight[0].abs()
    other = with_settings(study, target="0", flow=True)
    other._network = silent
    explanations = explained(other, study.images)
    assert explanations[0].layers[-1].clusters == ()
    content = encode(other, explanations)
    back = decode(other, content)
    assert_same(explanations[0].layers, back[0].layers)
    assert_same(explanations[0].flow, back[0].flow)
    rows = pq.read_table(io.BytesIO(content), columns=["layer", "shown", "cluster", "map", "weight"]).to_pylist()
    last = [row for row in rows if row["layer"] == study.settings.layers[-1]]
    assert [(row["shown"], row["cluster"], row["map"], row["weight"]) for row in last] == [(False, -1, None, 0.0)] * 4


def test_same_explanations_same_bytes_in_any_order(study):
    explanations = explained(study, study.images)
    content = encode(study, explanations)
    assert encode(study, explanations[::-1]) == content
    assert encode(study, explained(study, study.images)) == content


def test_a_shard_says_what_it_is_and_who_failed(study):
    first, *rest = explained(study, study.images)
    failed = {first.photo.image_id: "the file is gone", "another": "not of this shard"}
    info = decode_info(pq.read_schema(io.BytesIO(encode(study, rest, failed))).metadata)
    assert (info.settings_hash, info.shard) == (HASH, 3)
    assert info.failed == {first.photo.image_id: "the file is gone"}
    assert info.provenance == first.provenance
    assert info.settings["layers"] == list(study.settings.layers)
    empty = pq.read_table(io.BytesIO(encode(study, [], {image.image_id: "gone" for image in study.images})))
    assert empty.num_rows == 0
    assert empty.schema.equals(COLUMNS)


def test_files_from_before_importance_was_measured_still_open(study, tmp_path):
    study = with_settings(study, ablation=True)
    explanations = explained(study, study.images)
    assert all(cluster.importance is not None for one in explanations for x in one.layers for cluster in x.clusters)
    table = pq.read_table(io.BytesIO(encode(study, explanations)))
    content = {**json.loads(table.schema.metadata[KEY]), "schema": 1}
    path = tmp_path / "part.parquet"
    path.write_bytes(parquet_bytes(table.drop_columns(["importance"]), content))
    rows, info = read_shard(path, set_hash=HASH, number=3)
    assert rows.column_names == COLUMNS.names
    names = {image.image_id: image.name for image in study.images}
    back = list(decode_explanations(rows, info, names=names, view=lambda _: b""))
    for one, other in zip(explanations, back, strict=True):
        for layer, read in zip(one.layers, other.layers, strict=True):
            bare = tuple(dataclasses.replace(cluster, importance=None) for cluster in layer.clusters)
            assert_same(bare, read.clusters)
            assert read.importance_shares is None
    path.write_bytes(parquet_bytes(table.drop_columns(["importance"]), {**content, "schema": 2}))
    with pytest.raises(FileFormatError, match="no column importance"):
        read_shard(path, set_hash=HASH, number=3)


def test_explanations_that_do_not_belong_together_are_refused(study):
    explanations = explained(study, study.images)
    with pytest.raises(ValueError, match="not in shard 3"):
        encode(study, explanations, images=study.images[:2])
    other = dataclasses.replace(explanations[1], provenance={"versions": {"torch": "0"}})
    with pytest.raises(ValueError, match="differ in provenance"):
        encode(study, [explanations[0], other])


def test_pandas_and_hugging_face_read_it_without_us(study, tmp_path, monkeypatch):
    import pandas as pd

    file = tmp_path / "part.parquet"
    explanations = explained(study, study.images)
    file.write_bytes(encode(study, explanations))
    cluster = explanations[0].layers[0].clusters[0]
    row = pd.read_parquet(file).iloc[0]
    assert row["map"].dtype == np.float16
    np.testing.assert_array_equal(row["map"].reshape(row["height"], row["width"]), cluster.map)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    rows = datasets.load_dataset("parquet", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.column_names == COLUMNS.names
    assert rows[0]["map"] == cluster.map.ravel().tolist()
    assert rows[0]["top5"][0]["name"] == explanations[0].predictions[0].name
