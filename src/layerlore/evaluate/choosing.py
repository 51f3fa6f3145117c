"""Which methods and metrics are meant, and which of them cannot be had here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.errors import SettingError
from layerlore.evaluate.registry import METRICS, check_metrics
from layerlore.methods.registry import METHODS
from layerlore.methods.run import check_method, check_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALL = "all"
QUICK = ("inv", "gradcam", "gradcampp", "layercam", "random", "gaussian")
"""Methods that are taken where none is named: our own, and those that need a few calls of the network each."""
USUAL_REFERENCE = "gradcam"
WANTS_TRUTH = "it needs masks or boxes (--truth)"


def choose_methods(
    names: Sequence[str] | str | None, options: Mapping[str, Mapping[str, Any]], seed: int
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The methods that are meant.

    Args:
        names: Theirs, or "all"; None: the quick ones.
        options: Method to its own options.
        seed: Seed of everything random.

    Returns:
        Those that can be had, in the order of ``METHODS``; and name to reason for those whose library is not there.

    Raises:
        SettingError: One is unknown, an option does not fit, or none is left.
    """
    asked = list(QUICK) if names is None else _split(names)
    if ALL in asked:
        asked = list(METHODS)
    for name in (*asked, *options):
        if name not in METHODS:
            check_method(name)  # tells what was meant
    for name in options:
        if name not in asked:
            raise SettingError(f"{name} has options but is not among the methods; add it to them")
    chosen, left_out = [], {}
    for name in METHODS:
        if name not in asked:
            continue
        try:
            check_method(name)
        except SettingError as error:
            left_out[name] = str(error)
            continue
        check_options(name, options.get(name, {}), seed)
        chosen.append(name)
    if not chosen:
        reason = next(iter(left_out.values()), f"choose among {', '.join(METHODS)}, or {ALL}")
        raise SettingError(f"no method is left to evaluate; {reason}")
    return tuple(chosen), left_out


def choose_metrics(names: Sequence[str] | str | None, *, with_truth: bool) -> tuple[tuple[str, ...], dict[str, str]]:
    """The metrics that are meant.

    Args:
        names: Theirs, names of families, or "all"; None: those that run a method only once.
        with_truth: It is known where the objects are.

    Returns:
        Those that can be had, in the order of ``METRICS``; and name to reason for the others.

    Raises:
        SettingError: One is unknown, or none is left.
    """
    asked: list[str] = []
    if names is None:
        asked = [name for name, info in METRICS.items() if info.needs <= ({"truth"} if with_truth else set())]
    else:
        for name in _split(names):
            asked += [one for one, info in METRICS.items() if name in (info.family, ALL)] or [name]
    chosen = check_metrics(asked)
    missing = [name for name in chosen if "truth" in METRICS[name].needs and not with_truth]
    kept = tuple(name for name in chosen if name not in missing)
    if not kept:
        raise SettingError(f"no metric is left: of {', '.join(missing)}, {WANTS_TRUTH}")
    return kept, dict.fromkeys(missing, WANTS_TRUTH)


def choose_reference(name: str | None, methods: Sequence[str]) -> str:
    """The method that the others are compared with.

    Raises:
        SettingError: It is not among the methods.
    """
    if name is None:
        return USUAL_REFERENCE if USUAL_REFERENCE in methods else methods[0]
    if name not in methods:
        raise SettingError(f"{name} is to be compared with, but the methods are {', '.join(methods)}; add it to them")
    return name


def _split(names: Sequence[str] | str) -> list[str]:
    """Names from a sequence or from ``a,b``."""
    parts = names.split(",") if isinstance(names, str) else names
    return [part.strip() for part in parts if part.strip()]
