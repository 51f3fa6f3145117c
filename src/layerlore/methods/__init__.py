"""Other published methods that say where a network looks: one file each, one call, one kind of result.

>>> from layerlore.methods import METHODS, saliency
>>> "gradcam" in METHODS
True
"""

from layerlore.methods.registry import METHODS, MethodInfo
from layerlore.methods.result import Saliency
from layerlore.methods.run import saliency

__all__ = ["METHODS", "MethodInfo", "Saliency", "saliency"]
