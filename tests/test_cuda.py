"""The CUDA backend as far as it can be proved without a GPU.

What runs on one is in ``tests/test_cuda_gpu.py``.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numba import cuda, types

import adapool
import cuda_floors
from adapool.cuda.dynamic.tables import plan_tables
from cuda_gate import ARCHITECTURES, Report, compile_kernel, line, link_kernel
from cuda_kernels import Kernel
from cuda_machine_code import loops

TESTS = Path(__file__).parent


# The simulator ------------------------------------------------------------------------------------


@pytest.mark.simulator
@pytest.mark.parametrize(
    "files",
    [
        ("test_kernels.py",),
        ("test_arrays.py", "test_dask.py", "test_loads.py"),
        pytest.param(
            ("test_tensors.py",),
            marks=pytest.mark.skipif(
                importlib.util.find_spec("torch") is None, reason="needs the extra 'torch'"
            ),
        ),
    ],
    ids="+".join,
)
def test_in_the_simulator(files: tuple[str, ...]) -> None:
    """A process has the simulator from its start or not at all."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += [str(TESTS / "simulated" / file) for file in files]
    result = subprocess.run(
        command,
        cwd=TESTS.parent,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert "passed" in result.stdout


# The gate on compiled kernels ---------------------------------------------------------------------


@pytest.mark.simulator
def test_kernels_pass_the_gate() -> None:
    """Those with a budget of instructions, and a quarter of the others: another each day."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.cuda_gate", "--share", "4"],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    for architecture in ARCHITECTURES:
        assert len(re.findall(f"^{architecture} ", result.stdout, re.MULTILINE)) > 50
    page = (TESTS.parent / "docs" / "cuda.md").read_text()
    rows = re.findall(r"^\|.*", result.stdout, re.MULTILINE)
    assert len(rows) > 10
    assert all(row in page for row in rows)


def stacked(out: Any) -> None:
    values = cuda.local.array(64, types.float32)
    i = cuda.grid(1)
    for j in range(64):
        values[j] = out[j + i]
    out[i] = values[out.size % 64]


def widened(out: Any) -> None:
    i = cuda.grid(1)
    out[i] = out[i] / out.size


def plain(out: Any) -> None:
    i = cuda.grid(1)
    out[i] = out[i] + out[i]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("function", "fault"), [(stacked, "stack frame"), (widened, "float64"), (plain, "")]
)
def test_the_gate_can_fail(function: Any, fault: str, architecture: str) -> None:
    signature = types.void(types.Array(types.float32, 1, "C"))
    probe = Kernel("probe", function, signature, 256)
    report = link_kernel(compile_kernel(probe), probe, architecture)
    faults = report.faults()
    assert (fault in faults[0] and fault in line(report)) if fault else not faults
    over = report.faults(budget=report.registers - 1)
    assert over[-1].startswith(f"{report.registers} registers")


def test_loops_of_machine_code() -> None:
    """An outer loop of five instructions, in which there is one of two; the last is no loop."""
    text = "\n".join(
        f"{label}:" if label.startswith(".") else f"        /*{n:04x}*/    {label} ;"
        for n, label in enumerate(
            ("MOV", ".L_x_1", "MOV", ".L_x_2", "FADD", "@P0 BRA `(.L_x_2)", "MOV",
             "@P1 BRA `(.L_x_1)", "EXIT", ".L_x_3", "BRA `(.L_x_3)")
        )
    )  # fmt: skip
    assert loops(text) == [3, 2]


def test_the_gate_sees_instructions() -> None:
    image = types.Array(types.float32, 1, "C")

    def summed(out: Any) -> None:
        total = out[0]
        for j in range(out.size):
            total += out[j] * total
        out[0] = total

    probe = Kernel("probe", summed, types.void(image), 256, weights=(1,), budget=1)
    report = link_kernel(compile_kernel(probe), probe, "sm_90a")
    assert "budget" in report.faults()[-1] or "weights" in report.faults()[-1]
    assert not link_kernel(compile_kernel(probe), probe, "sm_80").faults()


def test_the_gate_sees_spills() -> None:
    from adapool.cuda.convolution.products import product_kernel

    function = product_kernel(np.dtype(np.float32), 4, 4, True).py_func
    squeezed = cuda.jit(max_registers=32)(function)
    matrix, vector = types.Array(types.float32, 2, "A"), types.Array(types.float32, 1, "C")
    signature = types.void(matrix, matrix, vector, matrix)
    probe = Kernel("probe", squeezed, signature, 256)
    report = link_kernel(compile_kernel(probe), probe, "sm_90a")
    assert any("spilled" in fault for fault in report.faults())


@pytest.mark.parametrize(
    ("registers", "shared", "threads", "occupancy"),
    [(32, 0, 256, 1.0), (80, 0, 256, 0.375), (128, 0, 256, 0.25), (32, 100_000, 256, 0.25)],
)
def test_occupancy(registers: int, shared: int, threads: int, occupancy: float) -> None:
    report = Report("probe", "float32", "sm_90a", registers, 0, 0, shared, 0, threads)
    assert report.occupancy == occupancy


# How much is loaded -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("planes", "same"), [(1, True), (1, False), (5, False), (65, True), (65, False)], ids=str
)
def test_large_windows_load_at_most_four_times_what_small_ones_do(planes: int, same: bool) -> None:
    small, large = (
        plan_tables((min(planes, size), size, size), same).loads((min(planes, size), size, size))
        for size in (5, 65)
    )
    assert large <= 4 * small


def test_the_worst_rectangles_too() -> None:
    def worst(most: int) -> int:
        plan = plan_tables((1, most, most), same=False)
        sides = range(1, most + 1)
        return max(plan.loads((1, height, width)) for height in sides for width in sides)

    assert worst(65) <= 4 * worst(5)
    assert worst(65) < 65 * 65 / 50


@pytest.mark.parametrize("extents", [(1, 1, 1), (1, 65, 65), (7, 33, 9), (64, 64, 64), (2, 1, 9)])
@pytest.mark.parametrize("same", [False, True])
def test_a_plan_makes_each_table_once_from_one_that_is_there(
    extents: tuple[int, int, int], same: bool
) -> None:
    plan = plan_tables(extents, same)
    made = 1
    for each in plan.passes():
        # Tables are numbered in the order of passes: the sources are those that are there.
        assert each.sources == made
        for axis in each.axes:
            assert plan.levels[axis] == each.levels
            assert plan.weights[axis] == made or plan.tied[axis]
        assert max(plan.weights[axis] for axis in each.axes) == made
        made *= each.levels
    assert made == plan.count


def test_the_page_quotes_the_command() -> None:
    page = (TESTS.parent / "docs" / "cuda.md").read_text()
    assert cuda_floors.table() in page
    assert cuda_floors.loads() in page


# Without a driver, without the extra --------------------------------------------------------------


class OnDevice:
    """What adapool looks at before it looks for a driver."""

    __cuda_array_interface__: dict[str, Any] = {}  # noqa: RUF012


CALLS: dict[str, tuple[str, ...]] = {
    "max_pooling": (),
    "attention_pooling": ("attention_network",),
    "dynamic_pooling": ("param_network",),
    "dynamic_stride_pooling": ("param_network",),
    "region_pooling": ("region_network",),
    "deformable_conv": ("conv_weights", "offset_network"),
    "deformable_conv_and_pool": ("conv_weights", "offset_network"),
}


def call(name: str, image: Any, other: Any) -> Any:
    options = dict.fromkeys(CALLS[name], other)
    if name in ("max_pooling", "attention_pooling", "deformable_conv_and_pool"):
        options["kernel_size"] = 2
    return getattr(adapool, name)(image, **options)


@pytest.mark.parametrize("name", CALLS)
def test_without_a_driver(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(ImportError, match=r"feature_map is an array on a GPU.*driver"):
        call(name, OnDevice(), OnDevice())


def test_with_a_numpy_that_numba_cuda_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """As numba-cuda 0.30 ends with NumPy 2.5, when its first kernel is compiled."""

    def missing(name: str) -> Any:
        raise AttributeError("module 'numpy' has no attribute 'row_stack'")

    monkeypatch.setattr(cuda, "is_available", lambda: True)
    importing = SimpleNamespace(import_module=missing)
    monkeypatch.setattr("adapool.cuda.target.importlib", importing)
    with pytest.raises(ImportError, match=r"this NumPy \(.*row_stack.*\): pip install 'numpy<2.5'"):
        call("max_pooling", OnDevice(), OnDevice())


@pytest.mark.parametrize("name", CALLS)
def test_without_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(ImportError, match=r"numba-cuda is not installed: pip install .*\[cuda\]'"):
        call(name, OnDevice(), OnDevice())


@pytest.mark.parametrize("name", [name for name, others in CALLS.items() if others])
def test_sides_do_not_mix(name: str) -> None:
    others = ", ".join(CALLS[name])
    with pytest.raises(TypeError, match=f"got feature_map on the device and {others} in host"):
        call(name, OnDevice(), np.ones(3))
    with pytest.raises(TypeError, match=f"got {others} on the device and feature_map in host"):
        call(name, np.ones((4, 4, 1)), OnDevice())


def test_the_compiler_is_imported_in_one_place() -> None:
    """So that a successor of numba-cuda can take its place."""
    package = Path(adapool.__file__).parent
    imports = re.compile(r"^\s*(from numba import .*\bcuda\b|(from|import) numba\.cuda)", re.M)
    found = [file.name for file in package.rglob("*.py") if imports.search(file.read_text())]
    assert found == ["target.py"]


def test_host_arrays_import_nothing_of_cuda() -> None:
    code = (
        "import sys, numpy, adapool; adapool.max_pooling(numpy.eye(8), 4, channel_axis=None); "
        "print([name for name in sys.modules if 'adapool.cuda' in name or 'numba_cuda' in name])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "adapool.cuda" not in result.stdout
