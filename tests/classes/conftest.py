"""Studies whose maps and labels are written by hand, so that every number of a class explanation can be worked out."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "study"))
