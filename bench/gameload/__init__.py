"""Load on a real server of the game: many players in one thread, the server's processes, and what must hold after."""

import sys
from pathlib import Path

# The small bundle and the PostgreSQL server are those of the tests.
sys.path.append(str(Path(__file__).parents[2] / "tests" / "game" / "server"))
