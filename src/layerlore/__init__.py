"""LayerLore explains a convolutional image classifier layer by layer.

The names below are loaded on first use, so that ``import layerlore`` costs next to nothing::

    import layerlore as ll

    network = ll.load_network()
    explanation = ll.explain(network, "cat.jpg")
    explanation.save("cat.html")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.errors import LayerLoreError

__all__ = [
    "Evaluation",
    "Explanation",
    "LayerLoreError",
    "Network",
    "Study",
    "__version__",
    "compare",
    "evaluate",
    "explain",
    "explain_batch",
    "load_evaluation",
    "load_explanation",
    "load_network",
]

if TYPE_CHECKING:
    from layerlore.evaluate.results import Evaluation
    from layerlore.evaluate.running import evaluate
    from layerlore.evaluate.storage import load_evaluation
    from layerlore.local.explain import explain, explain_batch
    from layerlore.local.explanation import Explanation
    from layerlore.local.storage import load_explanation
    from layerlore.network.loading import load_network
    from layerlore.network.model import Network
    from layerlore.study.compare import compare

    __version__: str
else:
    _HOMES = {
        "Evaluation": "layerlore.evaluate.results",
        "Explanation": "layerlore.local.explanation",
        "Network": "layerlore.network.model",
        "Study": "layerlore.study.study",
        "compare": "layerlore.study.compare",
        "explain": "layerlore.local.explain",
        "explain_batch": "layerlore.local.explain",
        "load_evaluation": "layerlore.evaluate.storage",
        "load_explanation": "layerlore.local.storage",
        "load_network": "layerlore.network.loading",
    }

    def __getattr__(name: str) -> object:
        """Load a public name from its module when it is first asked for (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version

            value: object = version("layerlore")
        elif name == "evaluate":
            from importlib import import_module

            value = import_module("layerlore.evaluate")  # the package itself can be called
        elif name in _HOMES:
            from importlib import import_module

            value = getattr(import_module(_HOMES[name]), name)
        else:
            raise AttributeError(f"module 'layerlore' has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
