"""Making a study: its network, settings and photos, written beside the folder and renamed when all is there."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import operator
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import LayerLoreError, OutputError, SettingError, StudyError
from layerlore.files import PART, write_whole
from layerlore.study.folder import EXPLANATIONS, NAMES_FILE, PHOTOS, Manifest, settings_hash, write_manifest
from layerlore.study.images import read_photos, target_of, write_images, write_skipped
from layerlore.study.records import ImageRecord, StudySettings
from layerlore.study.sources import find_photos
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import nn

    from layerlore.network.model import Network
    from layerlore.study.images import Progress

OWN_NAMES = "imagenet"
"""In place of a file of class names: those that LayerLore knows."""


@dataclasses.dataclass(frozen=True)
class NetworkChoice:
    """Which network a study explains.

    Attributes:
        network: A name as for :func:`layerlore.load_network`, a module, or a ready network.
        pretrained: As for :func:`layerlore.load_network`.
        weights: Likewise.
        class_names: Likewise.
    """

    network: str | nn.Module | Network | None = None
    pretrained: bool = True
    weights: Path | str | None = None
    class_names: Sequence[str] | Path | str | None = None

    def load(self) -> Network:
        """Load it."""
        from layerlore.network.loading import load_network

        return load_network(
            self.network, pretrained=self.pretrained, weights=self.weights, class_names=self.class_names
        )


def create_study(
    folder: Path,
    images: Any,  # noqa: ANN401 datasets have no common type
    choice: NetworkChoice,
    *,
    copies: bool,
    settings: Mapping[str, Any],
    progress: Progress | None,
) -> Network:
    """Make a study.

    Args:
        folder: Where; it must not exist, or be empty.
        images: As for :func:`layerlore.study.sources.find_photos`.
        choice: The network.
        copies: Copy the photos into the study.
        settings: Those that are not the usual ones, as for :func:`choose_settings`.
        progress: Told how many of how many photos were read.

    Returns:
        The network.

    Raises:
        LayerLoreError: Something is at fault; nothing is left behind.
    """
    with _temporary_sibling(folder) as temporary:
        source = find_photos(images)
        network = choice.load()
        chosen = choose_settings(network, None, settings)
        copies = copies or source.in_memory
        (temporary / EXPLANATIONS).mkdir()
        if copies:
            (temporary / PHOTOS).mkdir()
        records, skipped = read_photos(
            source, network, copies_to=temporary / PHOTOS if copies else None, progress=progress
        )
        check_targets(records, chosen)
        table = _network_table(network, choice, temporary)
        key = settings_hash(table, chosen)
        write_images(temporary, records)
        write_skipped(temporary, skipped)
        manifest = Manifest(
            created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            network=table,
            images={
                "source": source.text,
                "root": PHOTOS if copies else str(source.root),
                "copies": copies,
                "count": len(records),
                "skipped": len(skipped),
            },
            current=key,
            sets={key: chosen},
            versions={**present_versions(), "pyarrow": version("pyarrow")},
        )
        write_manifest(temporary, manifest)
    return network


@contextlib.contextmanager
def _temporary_sibling(folder: Path) -> Iterator[Path]:
    """A hidden folder that takes the name of ``folder`` when all went well, and else disappears.

    Raises:
        StudyError: There is something under that name.
        OutputError: The place cannot be written.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(f"{folder}: not an empty folder; choose a new name, or go on with `layerlore study run`")
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name[:80]}.", suffix=PART, dir=folder.parent))
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)  # a temporary folder is private
        temporary.rename(folder)  # also onto an empty folder, but never onto a full one
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; choose another place") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def choose_settings(network: Network, base: StudySettings | None, changes: Mapping[str, Any]) -> StudySettings:
    """Settings with some changed, each checked against the network.

    Args:
        network: Knows its layers and classes.
        base: The settings to change; None: the usual ones.
        changes: Name of a setting to what a person gave: ``layers`` as for :func:`layerlore.explain`, ``target`` as
            ``predicted``, ``label``, or a class. None leaves a setting as it is.

    Raises:
        LayerLoreError: There is no such setting, layer or class, or a value is out of range.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    known = [field.name for field in dataclasses.fields(StudySettings)]
    if strange := sorted(set(given) - set(known)):
        raise SettingError(f"a study has no setting {strange[0]!r}; settings are {', '.join(known)}")
    if base is None or "layers" in given:
        given["layers"] = tuple(layer.name for layer in network.layers.select(given.get("layers")))
    if "target" in given:
        given["target"] = _target(network, given["target"])
    for name in ("ablation", "flow"):
        if not isinstance(given.get(name, False), bool):
            raise SettingError(f"{name} is {given[name]!r}; give True or False")
    for name in ("batch", "shard"):
        if name in given:
            given[name] = _positive(name, given[name])
    settings = (
        StudySettings(**{"method": "stable", "seed": 0, **given})
        if base is None
        else dataclasses.replace(base, **given)
    )
    from layerlore.local.explain import Settings

    # Refuses what `explain` would refuse, and turns a NumPy seed into a plain one.
    checked = Settings(method=settings.method, seed=settings.seed)  # type: ignore[arg-type]
    return dataclasses.replace(settings, seed=checked.seed)


def _target(network: Network, target: Any) -> str:  # noqa: ANN401 whatever a person gave
    """``predicted``, ``label``, or the index of a class as text."""
    if isinstance(target, str) and target in {"predicted", "label"}:
        return target
    return str(network.find_class(target))


def _positive(name: str, value: Any) -> int:  # noqa: ANN401 whatever a person gave
    """A whole number of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise SettingError(f"{name} is {value!r}; give a whole number of at least 1")
    return number


def check_targets(images: Iterable[ImageRecord], settings: StudySettings) -> None:
    """Check that every photo has the class that is to be explained.

    Raises:
        StudyError: Some have none.
    """
    if settings.target != "label":
        return
    without = [image for image in images if image.class_index is None]
    if without:
        try:
            target_of(without[0], settings)
        except StudyError as error:
            more = f"{len(without)} photos have no class to explain: " if len(without) > 1 else ""
            raise StudyError(more + str(error)) from None


def describe_preprocess(network: Network) -> str:
    """The preprocessing in words that are the same each time."""
    preprocess = network.preprocess
    function = getattr(preprocess, "function", preprocess)
    text = repr(function)
    if " at 0x" not in text:
        return text
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def check_network(network: Network, table: Mapping[str, Any], folder: Path) -> None:
    """Check that a network is the one of the study.

    Args:
        network: The network.
        table: Table ``network`` of ``study.toml``.
        folder: The study's, for the message.

    Raises:
        StudyError: It is another, or prepares photos in another way.
    """
    way_out = "create a new study, then compare with `layerlore study diff`"
    if network.fingerprint != table["fingerprint"]:
        raise StudyError(
            f"{folder}: {network.name} has other weights ({network.fingerprint[:8]}) than the study's "
            f"{table['name']} ({table['fingerprint'][:8]}); {way_out}"
        )
    if describe_preprocess(network) != table["preprocess"] or list(network.input_size) != table["input_size"]:
        raise StudyError(f"{folder}: {network.name} prepares photos in another way than the study's; {way_out}")


def load_study_network(table: Mapping[str, Any], folder: Path) -> Network:
    """Load a study's network again.

    Raises:
        StudyError: It cannot be loaded, or is another one by now.
    """
    weights = table["weights"]
    choice = NetworkChoice(
        table["spec"],
        pretrained=table["pretrained"],
        weights=Path(weights) if weights else None,
        class_names=_names_of(table, folder),
    )
    try:
        network = choice.load()
    except LayerLoreError as error:
        raise StudyError(f"{folder}: its network cannot be loaded by itself ({error}); give it: network=") from error
    check_network(network, table, folder)
    return network


def fit_network(network: nn.Module | Network, table: Mapping[str, Any], folder: Path) -> Network:
    """A ready network with the study's names of the classes, once it is found to be the study's.

    Raises:
        StudyError: It is another, or prepares photos in another way.
    """
    from layerlore.network.names import read_class_names

    ready = NetworkChoice(network).load()
    check_network(ready, table, folder)
    names = _names_of(table, folder)
    if names is None or read_class_names(names).names == ready.class_names:
        return ready
    return NetworkChoice(ready, class_names=names).load()


def _names_of(table: Mapping[str, Any], folder: Path) -> Path | str | None:
    """Class names to load a study's network with; None: its own."""
    names = str(table["class_names"])
    return (names if names == OWN_NAMES else folder / names) if names else None


def _network_table(network: Network, choice: NetworkChoice, folder: Path) -> dict[str, Any]:
    """Table ``network`` of ``study.toml``; class names that lie in no file are written into the study."""
    return {
        "spec": network.spec,
        "name": network.name,
        "pretrained": choice.pretrained,
        "weights": "" if choice.weights is None else os.path.abspath(choice.weights),  # noqa: PTH100 keep links
        "class_names": _names_entry(network, choice, folder),
        "fingerprint": network.fingerprint,
        "input_size": list(network.input_size),
        "background": list(network.background),
        "preprocess": describe_preprocess(network),
        "classes": len(network.class_names),
        "layers": [layer.name for layer in network.layers.select(None)],
    }


def _names_entry(network: Network, choice: NetworkChoice, folder: Path) -> str:
    """Where the class names are: "" with the network, ``imagenet``, or a file."""
    from layerlore.network.names import imagenet_names

    given = choice.class_names
    if isinstance(given, str) and given.lower().startswith(OWN_NAMES):
        return OWN_NAMES
    if isinstance(given, str | Path):
        return os.path.abspath(given)  # noqa: PTH100 keep links
    by_name = given is None and (choice.network is None or isinstance(choice.network, str))
    if by_name or network.class_names == imagenet_names().names:
        return ""
    entries = zip(network.wnids, network.class_names, strict=True) if network.wnids else network.class_names
    write_whole(folder / NAMES_FILE, (json.dumps(list(entries), ensure_ascii=False, indent=0) + "\n").encode())
    return NAMES_FILE
