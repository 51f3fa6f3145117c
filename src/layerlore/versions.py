"""Versions of what has a say in the numbers of an explanation."""

from __future__ import annotations

from importlib.metadata import version

PACKAGES = ("layerlore", "torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pillow")


def present_versions() -> dict[str, str]:
    """Package to version, in this process."""
    return {package: version(package) for package in PACKAGES}
