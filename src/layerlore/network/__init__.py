"""What is explained: networks by name, their layers after the non-linearity, and photos read safely."""

from __future__ import annotations

from layerlore.network.loading import load_network
from layerlore.network.model import Network
from layerlore.network.names import ClassNames
from layerlore.network.photos import Photo, read_photo
from layerlore.network.preprocess import CallablePreprocess, Preprocess

__all__ = ["CallablePreprocess", "ClassNames", "Network", "Photo", "Preprocess", "load_network", "read_photo"]
