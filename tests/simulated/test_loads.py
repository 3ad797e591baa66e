"""Loads, counted where they happen: what dynamic windows cost as they grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import cuda
from numba.cuda.simulator.cudadrv.devicearray import FakeWithinKernelCUDAArray

import adapool
from adapool.cuda import sliding
from adapool.cuda.dynamic import measuring, pooling, widening
from adapool.cuda.dynamic.tables import plan_tables


class Named:
    """A kernel that notes that it is launched."""

    def __init__(self, kernel: Any, note: Callable[[], None]) -> None:
        self.kernel, self.note = kernel, note

    def __getitem__(self, configuration: Any) -> Any:
        def launch(*arguments: Any) -> None:
            self.note()
            self.kernel[configuration](*arguments)

        return launch


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("size", [3, 5, 9])
def test_counted_loads_are_those_of_the_plan(
    size: int, axes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a pixel far from the border, whose window is not cut."""
    image = np.random.default_rng(0).random((2 * size + 4, 2 * size + 5, 1)).astype(np.float32)
    sizes = np.full((*image.shape[:2], axes), size, np.float32)
    loads: Counter[str] = Counter()
    launches: list[str] = []
    get = FakeWithinKernelCUDAArray.__getitem__

    def counted(array: Any, index: Any) -> Any:
        value = get(array, index)
        # Of arrays in memory: what a block shares is an array of NumPy here.
        if isinstance(value, np.float32):
            loads[launches[-1]] += 1
        return value

    for where, name in (
        (sliding, "slide"), (widening, "widen"), (pooling, "look_up_pixels"),
        (measuring, "measure_sizes"),
    ):  # fmt: skip
        made = getattr(where, name)

        def make(*constants: Any, made: Any = made, name: str = name) -> Any:
            return Named(made(*constants), lambda: launches.append(name))

        monkeypatch.setattr(where, name, make)
    monkeypatch.setattr(FakeWithinKernelCUDAArray, "__getitem__", counted)
    adapool.dynamic_pooling(cuda.to_device(image), cuda.to_device(sizes), max_kernel_size=size)

    pixels = image.shape[0] * image.shape[1]
    plan = plan_tables((1, size, size), axes == 1)
    passes = list(plan.passes())
    assert launches.count("slide") == sum(len(each.axes) == 1 for each in passes)
    assert launches.count("widen") == sum(each.levels - 1 for each in passes if len(each.axes) > 1)
    # Nor are tables read more than once along an axis, but where blocks overlap.
    inner = (image.shape[0] - size + 1) * (image.shape[1] - size + 1)
    assert loads["look_up_pixels"] >= inner * plan.look_ups((1, size, size))
    for name, several in (("slide", False), ("widen", True)):
        planned = sum(
            each.sources * (each.levels - 1 << len(each.axes) if several else 1)
            for each in passes
            if (len(each.axes) > 1) == several
        )
        assert planned * pixels <= loads[name] <= 1.5 * planned * pixels
