"""Importing adapool is light, and everything public is reachable."""

from __future__ import annotations

import subprocess
import sys

import adapool

HEAVY = ("numba", "scipy", "skimage", "llvmlite", "matplotlib")


def loaded_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after running `code`."""
    report = "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", code + report], check=True, capture_output=True, text=True
    )
    return set(result.stdout.split())


def test_importing_loads_nothing_heavy() -> None:
    assert loaded_after("import adapool").isdisjoint(HEAVY)


def test_looking_a_function_up_loads_nothing_heavy() -> None:
    names = ", ".join(adapool.__all__)
    assert loaded_after(f"from adapool import {names}").isdisjoint(HEAVY)


def test_errors_in_arguments_load_nothing_heavy() -> None:
    code = "import adapool\ntry: adapool.max_pooling(1j, 2)\nexcept TypeError: pass\npass"
    assert "numpy" in loaded_after(code)


def test_dask_is_not_imported_for_arrays_in_memory() -> None:
    code = "import numpy, adapool; adapool.max_pooling(numpy.eye(8), 4, channel_axis=None)"
    assert loaded_after(code).isdisjoint(("dask", "distributed"))


def test_every_public_name_is_there() -> None:
    for name in adapool.__all__:
        assert getattr(adapool, name).__doc__, name
    assert adapool.__version__
