"""One photo with all methods and metrics: what is done is kept, what is missing is done, and written at once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from layerlore.errors import LayerLoreError, PhotoError, SettingError
from layerlore.evaluate.case import make_case
from layerlore.evaluate.measuring import measure
from layerlore.evaluate.memory import peak_since, reset_peak
from layerlore.evaluate.photos import photo_seed
from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.results import MethodRun, PhotoFacts, PhotoResult
from layerlore.evaluate.storage import Folder, shown
from layerlore.evaluate.truths import seen_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from layerlore.evaluate.case import Case
    from layerlore.evaluate.photos import Item
    from layerlore.evaluate.truths import Truths
    from layerlore.methods.subject import Subject
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo

VIEW_SIDE = 224


@dataclass(frozen=True)
class Plan:
    """What is done with every photo.

    Attributes:
        methods: Names.
        metrics: Names.
        seed: Seed of everything random.
        target: ``predicted``, ``label``, or the index of a class as text.
        options: Method to its own options.
        truths: Where the object is.
        folder: Where results are kept; None: nowhere.
    """

    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    seed: int
    target: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    truths: Truths | None = None
    folder: Path | None = None

    def options_text(self, method: str) -> str:
        """A method's options in one form only."""
        return json.dumps(self.options.get(method, {}), sort_keys=True, default=_told)


def _told(value: object) -> str:
    """An option that JSON does not know, such as a support photo: arrays by content, others as people write them."""
    content = value.tobytes() if hasattr(value, "tobytes") else None
    return str(value) if content is None else hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Done:
    """What came of a photo.

    Attributes:
        result: What was found; None where the photo failed.
        view: The part that the network sees, as a JPEG file; empty where it failed, or the folder has it.
        problem: Why it failed, or "".
    """

    result: PhotoResult | None
    view: bytes = b""
    problem: str = ""


def evaluate_photo(
    network: Network, item: Item, plan: Plan, tell: Callable[[], None] = lambda: None, *, first: bool = False
) -> Done:
    """Run the methods on one photo and measure them.

    Args:
        network: The network.
        item: The photo.
        plan: What is to be done.
        tell: Called after each method.
        first: None was evaluated here before it: a method that fails with options of its own would fail everywhere.

    Returns:
        What was found, or why nothing could be.

    Raises:
        SettingError: A method failed on the first photo, with options of its own.
        FileFormatError: The photo's file of results is damaged.
        OutputError: It cannot be written.
    """
    folder = None if plan.folder is None else Folder(plan.folder)
    before = None if folder is None else folder.read(item.image_id)
    if before is not None and plan.truths is None and not _missing(before, plan):
        for _ in plan.methods:
            tell()
        return Done(before)
    try:
        photo = _read(item)
        subject, facts, mask = _facts(network, item, photo, plan)
        view = _view(network, photo)
    except LayerLoreError as error:
        return Done(None, problem=str(error).removeprefix(f"{item.file}: "))
    except Exception as error:  # noqa: BLE001 somebody's own network or preprocessing; the other photos may go through
        return Done(None, problem=_line(error))
    facts, runs = _kept(before, facts, plan)
    if folder is not None:
        folder.write_view(item.image_id, view)
    for method in plan.methods:
        run = _run(subject, method, plan, mask, runs.get(method), first=first)
        if run is not runs.get(method):
            runs[method] = run
            if folder is not None:
                folder.write(PhotoResult(facts, runs))
        tell()
    return Done(PhotoResult(facts, runs), b"" if folder else view)


def _missing(before: PhotoResult, plan: Plan) -> bool:
    """Whether anything is left to do for a photo."""
    return any(_todo(before.runs.get(method), method, plan) for method in plan.methods)


def _todo(run: MethodRun | None, method: str, plan: Plan) -> tuple[str, ...]:
    """Metrics that a method is still to be measured by; all of them where it failed: it may work by now."""
    if run is None or run.problem or run.options != plan.options_text(method):
        return plan.metrics
    return tuple(name for name in plan.metrics if name not in run.measured)


def _read(item: Item) -> Photo:
    from layerlore.network.photos import Photo, read_photo

    photo = read_photo(item.file)
    if photo.image_id != item.image_id:
        raise PhotoError(f"{item.file}: the file has changed; put the photo back, or make the study again")
    return Photo(photo.image, item.name, photo.image_id)


def _facts(
    network: Network, item: Item, photo: Photo, plan: Plan
) -> tuple[Subject, PhotoFacts, NDArray[np.bool_] | None]:
    """The photo ready for the methods, what is written down of it, and where its object is."""
    from layerlore.methods.run import make_subject

    subject = make_subject(network, photo, _target(item, plan.target))
    with subject.asking():
        probability = float(subject.score(subject.pixels()[None])[0, subject.target])
    drawn = None if plan.truths is None else plan.truths.of(item, photo.image.size)
    mask = None if drawn is None else seen_mask(drawn, network.seen_box(photo), network.input_size)
    facts = PhotoFacts(
        item.image_id,
        item.path,
        item.name,
        item.label,
        subject.target,
        network.class_names[subject.target],
        probability,
        "" if mask is None else hashlib.sha256(mask.tobytes()).hexdigest()[:16],
    )
    return subject, facts, mask


def _target(item: Item, target: str) -> int | None:
    """The class to explain; None: the predicted one."""
    if target == "predicted":
        return None
    if target != "label":
        return int(target)
    if item.class_index is None:
        named = "no class" if item.label is None else f"class {item.label!r}, which the network does not know"
        raise PhotoError(f"{item.file}: has {named}; evaluate with the target predicted, or name one class for all")
    return item.class_index


def _view(network: Network, photo: Photo) -> bytes:
    from layerlore.network.view import view_jpeg

    return view_jpeg(network.view(photo, side=VIEW_SIDE))


def _kept(before: PhotoResult | None, facts: PhotoFacts, plan: Plan) -> tuple[PhotoFacts, dict[str, MethodRun]]:
    """What is true of the photo now, and what still holds of what was found before.

    Nothing holds for another class. What was said of the object stays where it is not asked for this time, and goes
    where the object is another one.
    """
    if before is None or before.photo.target != facts.target:
        return facts, {}
    if plan.truths is None:
        facts = replace(facts, truth=before.photo.truth)
    if before.photo.truth == facts.truth:
        return facts, dict(before.runs)
    return facts, {
        method: replace(
            run,
            measured={name: one for name, one in run.measured.items() if "truth" not in METRICS[name].needs},
        )
        for method, run in before.runs.items()
    }


def _run(
    subject: Subject,
    method: str,
    plan: Plan,
    truth: NDArray[np.bool_] | None,
    before: MethodRun | None,
    *,
    first: bool,
) -> MethodRun:
    """Run a method and measure it; or give back what was found before, where nothing is missing."""
    todo = _todo(before, method, plan)
    if before is not None and not before.problem and not todo:
        return before
    options = plan.options_text(method)
    held = reset_peak()
    try:
        case = make_case(
            subject,
            method,
            seed=photo_seed(plan.seed, subject.photo.image_id),
            truth=truth,
            options=plan.options.get(method, {}),
        )
    except LayerLoreError as error:
        if first and plan.options.get(method):
            raise SettingError(f"{method}: {error}") from error
        return MethodRun(method, options, str(error))
    except Exception as error:  # noqa: BLE001 another library's way of not fitting this network; the others may
        return MethodRun(method, options, _line(error))
    memory = peak_since(held)
    saliency = case.saliency
    known = before.measured if before is not None and before.options == options and not before.problem else {}
    return MethodRun(
        method,
        options,
        map=shown(saliency.map),
        constant=saliency.constant,
        seconds=saliency.seconds,
        memory=memory,
        model_calls=saliency.model_calls,
        measured={**known, **_measured(case, todo)},
    )


def _measured(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """All metrics together; where something unforeseen stops them, one by one, so that only one is lost."""
    try:
        return measure(case, names) if names else {}
    except Exception as error:  # noqa: BLE001 told in a note; the other metrics may work
        if len(names) == 1:
            return {names[0]: Measurement(None, _line(error))}
    return {name: one for single in names for name, one in _measured(case, [single]).items()}


def _line(error: BaseException) -> str:
    """An error of somebody else's in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
