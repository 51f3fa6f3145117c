"""Where a photo stands in the site of its study."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What the page of a photo says about the study around it.

    Attributes:
        image_id: The photo.
        version: Query that shared files are asked for with, so that an old copy is never used; "?v=..." or "".
        study: Name of the study.
        group: What the photo is walked with: its class, or "" where all photos are.
        group_address: Address of that grid in ``index.html``, such as ``class/tench``.
        position: The photo's place in the group, from 1.
        size: Number of photos of the group that have a page.
        previous: image_id of the photo before, or "".
        following: image_id of the photo after, or "".
        truth: The photo's own class in readable words, or "" where it has none.
        known: The network knows that class.
        right: Whether the answer is that class; None where it cannot be told.
        missing: A sentence where the photo's file is gone, else "".
    """

    image_id: str
    version: str
    study: str
    group: str
    group_address: str
    position: int
    size: int
    previous: str
    following: str
    truth: str
    known: bool
    right: bool | None
    missing: str = ""

    @property
    def home(self) -> str:
        """What every address of this photo begins with."""
        return f"photo/{self.image_id}"
