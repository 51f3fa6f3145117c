"""Names of classes and finding a class by what was typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from layerlore.errors import ModelError, TargetError
from layerlore.network.names import ClassNames, check_count, imagenet_names, numbered_names, read_class_names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def imagenet() -> ClassNames:
    return imagenet_names()


def test_imagenet_names_agree_with_an_independent_list(imagenet: ClassNames) -> None:
    from torchvision.models import ResNet18_Weights

    theirs = ResNet18_Weights.DEFAULT.meta["categories"]
    assert len(imagenet) == len(theirs) == 1000
    known = [
        {name.casefold() for name in (own, own.partition(" (")[0], *more)}
        for own, more in zip(imagenet.names, imagenet.synonyms, strict=True)
    ]
    different = [(index, name) for index, name in enumerate(theirs) if name.casefold() not in known[index]]
    assert different == [(134, "crane bird"), (639, "maillot tank suit")]


def test_every_name_and_id_finds_its_own_class(imagenet: ClassNames) -> None:
    assert imagenet.wnids is not None
    for index in range(1000):
        assert imagenet.find(index) == imagenet.find(str(index)) == index
        assert imagenet.find(imagenet.wnids[index]) == index
        assert imagenet.find(imagenet.names[index].upper()) == index


@pytest.mark.parametrize(
    ("target", "index"),
    [
        (np.int64(7), 7),
        ("tabby cat", 281),
        ("tabby, tabby cat", 281),
        ("  Tabby   CAT ", 281),
        ("great_white_shark", 2),
        ("Carcharodon carcharias", 2),
        ("N02123045", 281),
    ],
)
def test_ways_to_ask(imagenet: ClassNames, target: Any, index: int) -> None:
    assert imagenet.find(target) == index


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("crane", ["134 crane", "wading bird", "517 crane", "ask by index"]),
        ("maillot", ["638", "639"]),
        ("cardigan", ["264", "474", "corgi", "jacket"]),
        ("panther", ["286 cougar", "290 jaguar"]),
        ("tabbby", ["281 tabby"]),
        ("cat", ["281 tabby", "283 Persian cat"]),
        ("goldfsh", ["1 goldfish"]),
        ("zzzzzz", ["ask by index (0 to 999) or name"]),
        ("", ["ask by index"]),
        (1000, ["classes 0 to 999"]),
        ("1000", ["classes 0 to 999"]),
        (-1, ["class -1 does not exist"]),
        ("n99999999", ["no class"]),
        (None, ["NoneType"]),
        (2.0, ["float"]),
    ],
)
def test_misses_and_ambiguity_are_told(imagenet: ClassNames, target: Any, words: list[str]) -> None:
    with pytest.raises(TargetError) as caught:
        imagenet.find(target)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


def test_own_names_go_before_parts_of_others() -> None:
    names = read_class_names(["chair, wooden", "wooden", "3", "red", "Red"])
    assert names.names == ("chair, wooden", "wooden", "3", "red", "Red")
    assert names.find("wooden") == 1
    assert names.find("CHAIR") == 0
    assert names.find("3") == 2  # a name goes before an index as text
    with pytest.raises(TargetError, match="fits 2 classes"):
        names.find("red")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "ant\nbee\n\n", ("ant", "bee")),
        ("a.txt", "\ufeffant\r\nbee", ("ant", "bee")),
        ("a.txt", "n02219486 ant\nn02206856\tbee\n", ("ant", "bee")),
        ("a.txt", "n02219486\nn02206856\n", ("ant", "bee")),
        ("a.json", json.dumps(["ant", "bee"]), ("ant", "bee")),
        ("a.json", json.dumps({"1": "bee", "0": "ant"}), ("ant", "bee")),
        ("a.json", json.dumps({"0": ["n02219486", "ant"], "1": ["n02206856", "bee"]}), ("ant", "bee")),
        ("a.JSON", json.dumps(["Ameise 🐜", "Biene"]), ("Ameise 🐜", "Biene")),
    ],
)
def test_files_of_names(tmp_path: Path, name: str, content: str, expected: tuple[str, ...]) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    names = read_class_names(path)
    assert names.names == expected
    assert read_class_names(str(path)) == names
    if "n02219486" in content:
        assert names.wnids == ("n02219486", "n02206856")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "no class names"),
        ("a.txt", b"\xff\xfe\xfa", "UTF-8"),
        ("a.json", b"{", "not valid JSON"),
        ("a.json", b"3", "JSON list"),
        ("a.json", b'{"0": "ant", "2": "bee"}', "indices 0 to 1"),
        ("a.json", b'["ant", 3]', "3 is no class name"),
        ("a.json", b'["ant", ""]', "no class name"),
        ("a.txt", b"n00000000\n", "unknown WordNet id"),
    ],
)
def test_bad_files_of_names(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        read_class_names(path)


def test_missing_file_of_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.txt: class names cannot be read"):
        read_class_names(tmp_path / "none.txt")


def test_imagenet_by_word_and_numbers_and_count(imagenet: ClassNames) -> None:
    assert read_class_names("imagenet") == imagenet
    assert numbered_names(3).names == ("class 0", "class 1", "class 2")
    assert numbered_names(3).find("Class 2") == 2
    with pytest.raises(ModelError, match="3 class names were given, but net has 4 classes"):
        check_count(numbered_names(3), 4, "net")
