"""What ``import layerlore`` gives, and what it does not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import layerlore


def test_importing_is_light() -> None:
    code = (
        "import sys, layerlore, layerlore.errors\n"
        "heavy = {'numpy', 'torch', 'timm', 'sklearn', 'scipy', 'matplotlib', 'skimage', 'PIL', 'typer'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"imported: {done.stderr}"


@pytest.mark.parametrize("name", layerlore.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(layerlore, name) is getattr(layerlore, name)
    assert name in dir(layerlore)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="explian"):
        _ = layerlore.explian


def test_errors_share_one_base() -> None:
    from layerlore import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 5
    assert all(issubclass(kind, layerlore.LayerLoreError) for kind in kinds)


def test_the_package_is_typed() -> None:
    from importlib.resources import files

    assert files("layerlore").joinpath("py.typed").is_file()
