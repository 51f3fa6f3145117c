"""The runner: methods by metrics by photos, which may stop at any moment and go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import SettingError, StudyError
from layerlore.evaluate.choosing import choose_methods, choose_metrics, choose_reference
from layerlore.evaluate.photos import draw, list_photos, study_of
from layerlore.evaluate.results import Evaluation
from layerlore.evaluate.storage import Folder, Identity
from layerlore.evaluate.truths import as_truths
from layerlore.evaluate.working import Plan, evaluate_photo
from layerlore.study.folder import run_lock
from layerlore.study.making import describe_preprocess
from layerlore.study.worker import on_one_thread, other_versions
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from layerlore.evaluate.photos import Item
    from layerlore.evaluate.truths import Truths
    from layerlore.evaluate.working import Done
    from layerlore.network.model import Network


def evaluate(  # noqa: PLR0913 all but the first two by name
    network: Network | nn.Module | str | None,
    photos: Any,  # noqa: ANN401 datasets have no common type
    *,
    methods: Sequence[str] | str | None = None,
    metrics: Sequence[str] | str | None = None,
    seed: int = 0,
    against: str | None = None,
    target: int | str = "predicted",
    truths: str | Path | Truths | Mapping[str, NDArray[Any]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    sample: int | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure methods on the same photos, with intervals and paired differences.

    The same photos, network, options and seed give the same values, whatever the order of methods and photos, the
    number of workers, and however often the run was stopped.

    Args:
        network: As for :func:`layerlore.load_network`; None: a study's own, else the default network.
        photos: A study or its folder; a folder, list or sequence of photos as for a study; or one photo.
        methods: Names of ``layerlore.methods.METHODS``, or "all"; None: the quick ones.
        metrics: Names of ``METRICS``, names of their families, or "all"; None: those that need no second run of the
            method.
        seed: Seed of everything random.
        against: Method that the others are compared with; None: ``gradcam``, or else the first.
        target: ``predicted``, ``label`` (the photo's own class), or one class for all photos.
        truths: Where the object is: see :func:`layerlore.evaluate.truths.as_truths`.
        options: Method to its own options, such as ``{"lime": {"samples": 300}}``.
        sample: Only so many photos, drawn by the seed; a larger sample holds a smaller one.
        out: Folder to keep results in; what is there already is not done again.
        resume: False: begin anew there.
        workers: Processes.
        progress: Told how many of how many maps are measured.
        notice: Told, in one line each, what a person should know.

    Raises:
        SettingError: A name or setting is unknown or out of range, a method refuses an option, or the folder holds
            another evaluation.
        StudyError: No photo could be evaluated; no method gave a map of any; or another run is at work in the folder.
        LayerLoreError: Network or folder is at fault.
        KeyboardInterrupt: As it came; what was done is kept.
    """
    ready = _network(network, photos)
    told = notice or (lambda _line: None)
    chosen, left_out = choose_methods(methods, options or {}, seed)
    given = as_truths(truths, study_of(photos))
    measured, skipped = choose_metrics(metrics, with_truth=given is not None)
    left_out |= skipped
    for name, reason in left_out.items():
        told(f"{name} is left out: {reason}")
    items, failed = list_photos(photos, ready)
    for path, reason in failed.items():
        told(f"{path} is left out: {reason}")
    items = draw(items, sample, seed)
    plan = Plan(
        chosen,
        measured,
        seed,
        _target(ready, target),
        options or {},
        given,
        None if out is None else Path(out).absolute(),
    )
    described = Evaluation(
        photos=(),
        methods=chosen,
        metrics=measured,
        against=choose_reference(against, chosen),
        seed=seed,
        facts=_facts(ready, plan, photos),
        failed=failed,
        left_out=left_out,
        folder=None if out is None else Path(out),
    )
    if not isinstance(workers, int) or workers < 1:
        raise SettingError(f"workers is {workers!r}; give a whole number of at least 1")
    if plan.folder is None:
        return _gathered(described, items, _work(ready, items, plan, workers, progress), told)
    return _kept(described, items, plan, ready, workers=workers, resume=resume, progress=progress, told=told)


def _kept(
    described: Evaluation,
    items: Sequence[Item],
    plan: Plan,
    network: Network,
    *,
    workers: int,
    resume: bool,
    progress: Callable[[int, int], None] | None,
    told: Callable[[str], None],
) -> Evaluation:
    """The same with a folder, which is held for this run alone."""
    if plan.folder is None:
        raise ValueError("a folder is needed")
    folder = Folder(plan.folder)
    folder.make()
    identity = Identity(network.fingerprint, describe_preprocess(network), plan.seed, plan.target)
    with run_lock(plan.folder):
        earlier = [one for one in folder.begin(identity, resume=resume) if one != present_versions()]
        for others in earlier:
            text = other_versions(others, present_versions())
            told(f"a part of this was measured with {text}: its numbers may differ in the last digits")
        described = replace(described, facts={**described.facts, "earlier_versions": earlier})
        ids = [item.image_id for item in items]
        folder.write_settings(identity, described, ids)
        found = _gathered(described, items, _work(network, items, plan, workers, progress), told)
        folder.write_settings(identity, found, ids)
    return found


def _gathered(
    described: Evaluation, items: Sequence[Item], done: Iterable[tuple[Item, Done]], told: Callable[[str], None]
) -> Evaluation:
    """Everything together, in the order of the photos."""
    failed = dict(described.failed)
    results, views = {}, {}
    for item, one in done:
        if one.result is None:
            failed[item.path] = one.problem
            told(f"{item.path} is left out: {one.problem}")
            continue
        runs = {name: run for name, run in one.result.runs.items() if name in described.methods}
        results[item.image_id] = replace(one.result, runs=runs)
        if one.view:
            views[item.image_id] = one.view
    if not results:
        path, reason = next(iter(failed.items()))
        raise StudyError(f"none of {len(items)} photos could be evaluated; {path}: {reason}")
    problems = {run.method: run.problem for one in results.values() for run in one.runs.values()}
    if all(run.problem for one in results.values() for run in one.runs.values()):
        told_by = "; ".join(f"{method}: {reason}" for method, reason in problems.items())
        raise StudyError(f"no method gave a map of any photo; {told_by}")
    photos = tuple(results[item.image_id] for item in items if item.image_id in results)
    return replace(described, photos=photos, failed=dict(sorted(failed.items())), views=views)


def _work(
    network: Network,
    items: Sequence[Item],
    plan: Plan,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[Item, Done]]:
    """Evaluate the photos, here or in processes; in the latter case in the order in which they are done."""
    total, count = len(items) * len(plan.methods), 0

    def step(amount: int = 1) -> None:
        nonlocal count
        count += amount
        if progress is not None:
            progress(count, total)

    step(0)
    if workers > 1 and len(items) > 1:
        from layerlore.evaluate.pool import in_processes

        for item, done in in_processes(network, items, plan, min(workers, len(items))):
            step(len(plan.methods))
            yield item, done
        return
    first = True
    with on_one_thread():
        for item in items:
            told_before = count
            done = evaluate_photo(network, item, plan, step, first=first)
            first = first and done.result is None
            if left := len(plan.methods) - (count - told_before):
                step(left)  # a photo that failed is done, too
            yield item, done


def _network(network: Network | nn.Module | str | None, photos: Any) -> Network:  # noqa: ANN401
    """The network that is meant.

    Raises:
        LayerLoreError: It cannot be loaded, or is not the study's.
    """
    from layerlore.network.loading import load_network
    from layerlore.network.model import Network as Ready

    study = study_of(photos)
    if network is None and study is not None:
        return study.load_network()
    return network if isinstance(network, Ready) else load_network(network)


def _target(network: Network, target: int | str) -> str:
    if isinstance(target, str) and target in {"predicted", "label"}:
        return target
    return str(network.find_class(target))


def _facts(network: Network, plan: Plan, photos: Any) -> dict[str, Any]:  # noqa: ANN401
    """What else made the values, for people."""
    study = study_of(photos)
    source = str(study.folder if study is not None else photos) if study or isinstance(photos, str | Path) else "photos"
    return {
        "network": network.name,
        "fingerprint": network.fingerprint,
        "input_size": list(network.input_size),
        "photos": source,
        "target": plan.target,
        "truth": "" if plan.truths is None else plan.truths.text,
        "options": {name: plan.options_text(name) for name, own in plan.options.items() if own},
        "versions": present_versions(),
        "earlier_versions": [],
    }
