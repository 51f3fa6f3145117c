"""A network that reads digits among clutter, trained once for all tests of methods."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from layerlore.digits import Canvases
    from layerlore.network.model import Network


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Trained shorter than for the benchmarks, which reach 99 %; processes that test side by side share it."""
    import torch

    from layerlore.digits import DigitNet, digit_network, train_digit_net

    own = tmp_path_factory.getbasetemp()
    kept = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "digits.pt"
    if kept.exists():
        module = DigitNet()
        module.load_state_dict(torch.load(kept, weights_only=True))
        return digit_network(module.eval())
    module = train_digit_net(epochs=5)
    torch.save(module.state_dict(), own / "new.pt")
    (own / "new.pt").replace(kept)
    return digit_network(module)


@pytest.fixture(scope="session")
def canvases() -> Canvases:
    """Test pictures whose digit's box is known."""
    from layerlore.digits import make_cluttered_digits, split_digits

    return make_cluttered_digits(split_digits()[1][:60], 7)
