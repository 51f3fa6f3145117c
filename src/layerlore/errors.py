"""What can go wrong, one class for each kind of input at fault.

Every message is one line that names the thing, the reason and the way out, and is shown to people as it is.
"""

from __future__ import annotations


class LayerLoreError(Exception):
    """Base of every error that LayerLore raises on purpose; the command line prints it and exits with 1."""


class PhotoError(LayerLoreError):
    """A photo that cannot be read or used."""


class ModelError(LayerLoreError):
    """A network that cannot be loaded, or whose output is not ``(N, classes)``."""


class NotACNNError(ModelError):
    """A network without convolutional feature maps, such as a vision transformer."""


class LayerError(LayerLoreError):
    """A layer that does not exist, is ambiguous, or has no feature maps."""


class TargetError(LayerLoreError):
    """A class that the network does not have, or a name that fits several."""


class GradientError(LayerLoreError):
    """Gradients cannot be had, for instance from parameters made under ``torch.inference_mode``."""


class SettingError(LayerLoreError, ValueError):
    """A setting outside its range, such as an unknown method."""


class FileFormatError(LayerLoreError):
    """A saved file that is damaged, of another kind, or from a newer LayerLore."""


class OutputError(LayerLoreError):
    """A result that cannot be written where it was asked for."""


class StudyError(LayerLoreError):
    """A study that cannot be made, found or gone on with."""


class ConceptError(LayerLoreError):
    """A concept that is not there, is ambiguous, or cannot be changed as asked."""


class CompareError(LayerLoreError):
    """Two results that cannot be compared, such as explanations of different photos."""
