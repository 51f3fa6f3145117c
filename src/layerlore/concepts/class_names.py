"""What the classes of a study are called, so that answers which only name the class can be told."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from layerlore.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.network.names import ClassNames
    from layerlore.study.study import Study

OTHER_LANGUAGES = "campaign/classes.*.toml"
"""Names that a campaign's players may not type, in each of its languages."""


def class_names(study: Study) -> dict[int, tuple[str, ...]]:
    """Class to its names: the network's with their synonyms, the photos', and a campaign's in its languages.

    Args:
        study: The study; classes that it explains are in the result.

    Raises:
        FileFormatError: A campaign's file of names is damaged.
    """
    table = study.to_arrow(["target", "target_name"]).group_by(["target", "target_name"]).aggregate([])
    own = dict(zip(table["target"].to_pylist(), table["target_name"].to_pylist(), strict=True))
    names = {target: [name, name.partition(" (")[0]] for target, name in sorted(own.items())}
    for image in study.images:
        if image.class_index in names and image.label:
            names[image.class_index].append(image.label)
    known = _imagenet(own)
    if known:
        for target, some in names.items():
            some.extend(known.synonyms[target])
    elsewhere = _in_campaign(study.folder)
    for target, name in own.items():
        names[target] += elsewhere.get(name, ())
    return {target: tuple(dict.fromkeys(some)) for target, some in names.items()}


def _imagenet(own: dict[int, str]) -> ClassNames | None:
    """ImageNet's names, where they are the network's: only these have synonyms."""
    from layerlore.network.names import imagenet_names

    known = imagenet_names()
    same = all(target < len(known) and known.names[target] == name for target, name in own.items())
    return known if own and same else None


def _in_campaign(folder: Path) -> dict[str, list[str]]:
    """Name of a class to its names in the languages of the study's campaign."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob(OTHER_LANGUAGES)):
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8")).get("names", {})
            for name, words in table.items():
                some = [words] if isinstance(words, str) else list(words)
                found.setdefault(name, []).extend(str(word) for word in some)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise FileFormatError(f"{path}: cannot be read ({reason}); mend it, or move it away") from error
    return found
