"""The one call for all methods."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import time
from typing import TYPE_CHECKING, Any

from layerlore.errors import SettingError
from layerlore.methods.registry import METHODS
from layerlore.methods.result import Saliency, scale
from layerlore.methods.subject import Raw, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from layerlore.local.explain import PhotoSource
    from layerlore.network.model import Network

OWN = ("subject", "seed")


def saliency(
    network: Network,
    photo: PhotoSource,
    target: int | str | None = None,
    *,
    method: str = "gradcam",
    seed: int = 0,
    **options: Any,  # noqa: ANN401 each method's own
) -> Saliency:
    """Where a published method says that the evidence for a class lies.

    The same arguments give the same map.

    Args:
        network: The network.
        photo: As for :func:`layerlore.explain`.
        target: The class by index, WordNet id or name; None = the predicted class.
        method: One of ``METHODS``.
        seed: Seed of everything random.
        options: The method's own, such as ``layer`` for Grad-CAM and ``samples`` for LIME; see its ``explain``.

    Raises:
        SettingError: The method or an option is unknown, out of range, or its library is not installed.
        LayerLoreError: Photo, class or network is at fault.
    """
    check_options(method, options, seed)
    return explain_subject(make_subject(network, photo, target), method=method, seed=seed, **options)


def explain_subject(subject: Subject, *, method: str, seed: int = 0, **options: Any) -> Saliency:  # noqa: ANN401
    """The same for a photo that is read and prepared; its ``inputs`` may be changed ones.

    Args:
        subject: Photo and class.
        method: As for :func:`saliency`.
        seed: Likewise.
        options: Likewise.

    Raises:
        LayerLoreError: As for :func:`saliency`.
    """
    explain = check_options(method, options, seed)
    began = time.perf_counter()
    subject.asked = 0  # what was asked before belongs to another method
    raw = explain(subject, seed, **options)
    scaled, constant = scale(raw.values)
    return Saliency(
        map=scaled,
        method=method,
        target=subject.target,
        seed=seed,
        settings=dict(raw.settings),
        seconds=time.perf_counter() - began,
        model_calls=raw.model_calls,
        lowest=float(raw.values.min()),
        highest=float(raw.values.max()),
        signed=raw.signed,
        constant=constant,
    )


def check_method(name: str) -> None:
    """Refuse a method that cannot be used here.

    Raises:
        SettingError: It is unknown, or its library is not installed.
    """
    info = METHODS.get(name)
    if info is None:
        near = difflib.get_close_matches(name, METHODS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(METHODS)}"
        raise SettingError(f"unknown method {name!r}; {hint}")
    if info.library and importlib.util.find_spec(info.library) is None:
        raise SettingError(f"{info.title} needs the package {info.library}; run pip install 'layerlore[peers]'")


def check_options(method: str, options: Mapping[str, object], seed: int) -> Callable[..., Raw]:
    """Refuse what a method cannot do, before any photo is read.

    Returns:
        The method's own function.

    Raises:
        SettingError: The method or an option is unknown, the seed is out of range, or a library is not installed.
    """
    check_method(method)
    explain: Callable[..., Raw] = importlib.import_module(f"layerlore.methods.{method}").explain
    known = {name: one for name, one in inspect.signature(explain).parameters.items() if name not in OWN}
    for name, value in options.items():
        if name not in known:
            raise SettingError(f"{method} has no option {name!r}; it has {', '.join(known)}")
        usual = known[name].default
        takes_words = "str" in str(known[name].annotation)  # such as the name of a layer
        if isinstance(value, str) and isinstance(usual, int | float) and not takes_words:
            raise SettingError(f"{method}: {name} is {value!r}; give a value such as {usual}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise SettingError(f"seed {seed!r} is out of range; give a whole number from 0 to {2**32 - 1}")
    return explain


def make_subject(network: Network, photo: PhotoSource, target: int | str | None = None) -> Subject:
    """A photo read and prepared, with the class to explain; arguments as for :func:`saliency`.

    Raises:
        LayerLoreError: Photo, class or network is at fault.
    """
    from layerlore.network.photos import read_photo

    read = read_photo(photo)
    subject = Subject(network, read, network.prepare(read)[None], -1)
    if target is not None:
        subject.target = network.find_class(target)
        return subject
    with subject.asking():
        subject.target = int(subject.score(subject.pixels()[None], "logit")[0].argmax())
    return subject
