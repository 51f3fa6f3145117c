"""A network that reads digits among clutter, trained once for all tests of methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from layerlore.digits import Canvases
    from layerlore.network.model import Network


@pytest.fixture(scope="session")
def digits() -> Network:
    """Trained shorter than for the benchmarks, which reach 99 %."""
    from layerlore.digits import digit_network, train_digit_net

    return digit_network(train_digit_net(epochs=5))


@pytest.fixture(scope="session")
def canvases() -> Canvases:
    """Test pictures whose digit's box is known."""
    from layerlore.digits import make_cluttered_digits, split_digits

    return make_cluttered_digits(split_digits()[1][:60], 7)
