"""``python -m layerlore`` is the command ``layerlore``."""

from __future__ import annotations

from layerlore.cli import main

if __name__ == "__main__":
    main()
