"""What a worker does: the files of a shard's photos come in, the bytes of its Parquet file go out.

A worker needs no access to the study's folder, so it may run anywhere. It works on one thread: many workers fill a
machine better than many threads, and the sums in a network come out the same everywhere.
"""

from __future__ import annotations

import mmap
import os
import pickle
import sys
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from layerlore.errors import LayerLoreError, PhotoError, StudyError
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch

    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo
    from layerlore.study.records import ImageRecord, StudySettings

Parcel: TypeAlias = "Network | Path | bytes"
"""How the network comes: itself in the driver's own process, else pickled, in a file or in memory."""

Ready: TypeAlias = "tuple[Photo, torch.Tensor, int | None]"
"""A photo, the network's input of shape (3, H, W), and the index of the class to explain (None: the predicted one)."""


@dataclass(frozen=True)
class Task:
    """One shard to make.

    Attributes:
        shard: Its number.
        images: Its photos.
        files: The content of each photo's file, or one line that says why it cannot be had.
    """

    shard: int
    images: tuple[ImageRecord, ...]
    files: tuple[bytes | str, ...] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """What is the same for all shards of a run.

    Attributes:
        settings: How to explain.
        settings_hash: Their hash.
        key: Tells one pickled network from another, so that a process unpickles each once.
        versions: Of LayerLore and what it calculates with; workers that have others would give other bytes.
        paths: Where the driver finds Python modules; workers on the same machine look there too.
        claims: Folder in which the processes of this machine share out its GPUs; None where a scheduler does.
        slots: Number of these processes.
    """

    settings: StudySettings
    settings_hash: str
    key: str
    versions: dict[str, str]
    paths: tuple[str, ...] = ()
    claims: Path | None = None
    slots: int = 1


@dataclass(frozen=True)
class Result:
    """One shard that is made: its number, the bytes of its file, and image_id to reason for photos left out."""

    shard: int
    content: bytes = field(repr=False)
    failed: dict[str, str]


def other_versions(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """The packages of which two places have other versions, such as "torch 2.9 (here 2.14)", or ""."""
    return ", ".join(
        f"{package} {theirs.get(package, 'none')} (here {version})"
        for package, version in ours.items()
        if theirs.get(package) != version
    )


def work(task: Task, plan: Plan, parcel: Parcel) -> Result | Exception:
    """Make one shard in a worker; an exception is returned, since each backend would wrap it in its own way."""
    try:
        if others := other_versions(present_versions(), plan.versions):
            raise StudyError(  # noqa: TRY301 told like every other fault
                f"a worker has {others}; install the same versions on the cluster"
            )
        return explain_shard(task, plan, _network(plan, parcel))
    except Exception as error:  # noqa: BLE001 whatever it is, the driver raises it
        told = _out_of_memory(error) or error
        told.add_note("".join(traceback.format_exception(error)))  # tracebacks do not travel
        return told


def explain_shard(task: Task, plan: Plan, network: Network) -> Result:
    """Explain the photos of one shard in batches of fixed size.

    Args:
        task: The photos.
        plan: Settings.
        network: The network.

    Raises:
        LayerLoreError: Something is wrong with the network or the settings. A photo at fault raises nothing: it is
            listed in the result, and stands in its batch as zeros, so that the numbers of the others stay the same.
    """
    from layerlore.study.schema import encode_shard

    settings = plan.settings
    explanations: list[Explanation] = []
    failed: dict[str, str] = {}
    for start in range(0, len(task.images), settings.batch):
        images = task.images[start : start + settings.batch]
        files = task.files[start : start + settings.batch]
        ready = [prepare(network, settings, image, file) for image, file in zip(images, files, strict=True)]
        explained, ready = _explain_good(network, settings, ready)
        explanations += explained
        failed |= {image.image_id: one for image, one in zip(images, ready, strict=True) if isinstance(one, str)}
    content = encode_shard(
        explanations, task.images, failed, settings=settings, settings_hash=plan.settings_hash, shard=task.shard
    )
    return Result(task.shard, content, failed)


def prepare(network: Network, settings: StudySettings, image: ImageRecord, file: bytes | str) -> Ready | str:
    """Read and preprocess one photo.

    Args:
        network: The network.
        settings: Settings, for the class to explain.
        image: What the study knows of the photo.
        file: The content of its file, or one line that says why it cannot be had.

    Returns:
        What goes into the network; or one line that says why nothing does.
    """
    from layerlore.network.photos import Photo, read_photo
    from layerlore.study.images import target_of

    if isinstance(file, str):
        return file
    try:
        target = target_of(image, settings)
        photo = read_photo(file)
        if photo.image_id != image.image_id:
            return "the file has changed since the study was created"
        photo = Photo(photo.image, image.name, photo.image_id)
        return photo, network.prepare(photo), target
    except PhotoError as error:
        return str(error).removeprefix("bytes: ")
    except LayerLoreError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 somebody's own preprocessing; the other photos may go through it
        return " ".join(f"its preprocessing failed ({type(error).__name__}: {error})".split())


def _explain_good(
    network: Network, settings: StudySettings, ready: list[Ready | str]
) -> tuple[list[Explanation], list[Ready | str]]:
    """Explain one batch without the photos that the network cannot take, such as one for which it gives NaN.

    Returns:
        The explanations, and ``ready`` with a line instead of each of these photos.

    Raises:
        LayerLoreError: The network takes none of several photos, so the fault is its own.
    """
    try:
        return _explain(network, settings, ready), ready
    except LayerLoreError:
        alone = [_tried(network, settings, ready, place) for place in range(len(ready))]
        faults = sum(isinstance(one, str) and not isinstance(was, str) for one, was in zip(alone, ready, strict=True))
        if faults == 0 or (faults > 1 and all(isinstance(one, str) for one in alone)):
            raise
    return _explain(network, settings, alone), alone


def _tried(network: Network, settings: StudySettings, ready: Sequence[Ready | str], place: int) -> Ready | str:
    """One photo of a batch, or why the network cannot take it, tried with zeros in place of the others."""
    if isinstance(ready[place], str):
        return ready[place]
    try:
        _explain(network, settings, [one if number == place else "" for number, one in enumerate(ready)])
    except LayerLoreError as error:
        return str(error)
    return ready[place]


def _explain(network: Network, settings: StudySettings, ready: Sequence[Ready | str]) -> list[Explanation]:
    """Explain one batch; photos that could not be prepared go through as zeros and are left out of the result."""
    import torch

    from layerlore.local.explain import Settings, explain_inputs

    good = [one for one in ready if not isinstance(one, str)]
    if not good:
        return []
    nothing: Ready = (good[0][0], torch.zeros_like(good[0][1]), 0)
    filled = [nothing if isinstance(one, str) else one for one in ready]
    explained = explain_inputs(
        network,
        [photo for photo, _, _ in filled],
        torch.stack([inputs for _, inputs, _ in filled]),
        [target for _, _, target in filled],
        network.layers.select(list(settings.layers)),
        Settings(cast("Any", settings.method), settings.seed, settings.ablation, settings.flow),
        processes=False,
    )
    return [one for one, was in zip(explained, ready, strict=True) if not isinstance(was, str)]


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Calculate on one thread and reproducibly; what the process had before is restored."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    cudnn = torch.backends.cudnn
    with threadpool_limits(1), cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


@contextmanager
def placed(network: Network, device: str) -> Iterator[None]:
    """Have the network on a device, and where it was afterwards."""
    import torch

    before = network.device
    if before.type == torch.device(device).type:
        yield
        return
    network.module.to(device)
    network.device = torch.device(device)
    try:
        yield
    finally:
        network.module.to(before)
        network.device = before


_loaded: dict[str, Network] = {}
_loading = threading.Lock()
_claimed: list[Any] = []


def _network(plan: Plan, parcel: Parcel) -> Network:
    """The network in this process, unpickled when it is first asked for; one at a time is kept."""
    import torch
    from threadpoolctl import threadpool_limits

    with _loading:  # a Dask worker may have several threads
        torch.set_num_threads(1)  # counts for each thread apart
        if plan.key not in _loaded:
            threadpool_limits(1)
            torch.backends.cudnn.deterministic = True
            sys.path += [path for path in plan.paths if path not in sys.path and Path(path).is_dir()]
            network = _unpickle(parcel)
            device = choose_device(plan, torch.cuda.device_count())
            network.module.to(device)
            network.device = torch.device(device)
            _loaded.clear()
            _loaded[plan.key] = network
        return _loaded[plan.key]


def _unpickle(parcel: Parcel) -> Network:
    """The network that a parcel holds; the driver, which made it, is trusted with this process anyway.

    Raises:
        StudyError: The network's own code is not there.
    """
    try:
        if isinstance(parcel, bytes):
            return cast("Network", pickle.loads(parcel))  # noqa: S301
        if isinstance(parcel, Path):
            with parcel.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return cast("Network", pickle.loads(content))  # noqa: S301
    except (ImportError, AttributeError) as error:
        raise StudyError(f"a worker cannot load the network ({error}); install its code on the workers, too") from error
    return parcel


def choose_device(plan: Plan, devices: int) -> str:
    """The device of this process: its own GPU as far as there are GPUs, else the CPU.

    Args:
        plan: Says whether the processes share out the devices among themselves.
        devices: Number of GPUs that this process sees.
    """
    if not devices:
        return "cpu"
    return "cuda:0" if plan.claims is None else f"cuda:{_claim(plan.claims, plan.slots) % devices}"


def _claim(folder: Path, slots: int) -> int:
    """Take the first free slot, for as long as this process lives.

    A lock of the system's, not the file, is the claim: it goes when the process goes, however it ends.
    """
    import fcntl

    for slot in range(slots):
        file = (folder / f".device-{slot}.part").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        _claimed.append(file)  # closing it would give the claim back
        return slot
    return os.getpid() % slots


def _out_of_memory(error: BaseException | None) -> StudyError | None:
    """A plain sentence for the errors that mean too little memory, also where they caused another."""
    import torch

    while error is not None:
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            return StudyError("a worker has too little memory for this network; run again with fewer --workers")
        error = error.__cause__
    return None
