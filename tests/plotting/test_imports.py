"""Matplotlib is imported when something is drawn, and pyplot only where it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapool import _install
from plotting.scenes import plot


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_matplotlib_is_imported_when_something_is_drawn() -> None:
    code = "import sys, adapool; from adapool import plot; print('matplotlib' in sys.modules)"
    assert run(code) == "False"


def test_pyplot_is_left_alone_where_axes_are_given() -> None:
    code = (
        "import sys, numpy; from matplotlib.figure import Figure; from adapool import plot\n"
        "axes = Figure().subplots(1, 2); image = numpy.eye(9)\n"
        "plot.show_attention(image, image, ax=axes[0]); plot.compare(image, [image], axes=axes)\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert run(code) == "False"


def test_matplotlib_is_missing() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; import adapool\n"
        "assert sorted(adapool.plot.__all__) == sorted(dir(adapool.plot))\n"
        "try: adapool.plot.compare\n"
        "except ImportError as error: print(error)"
    )
    assert run(code) == f"adapool.plot needs matplotlib: {_install.command('plot')}"


def test_every_function_is_there() -> None:
    assert sorted(plot.__all__) == [
        "compare", "show_attention", "show_offsets", "show_peaks", "show_sites", "show_windows",
        "tune_peaks",
    ]  # fmt: skip
    for name in plot.__all__:
        assert getattr(plot, name).__doc__
    with pytest.raises(AttributeError):
        _ = plot.show_everything
