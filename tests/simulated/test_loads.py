"""Loads, counted where they happen: what dynamic windows cost as they grow."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numba import cuda
from numba.cuda.simulator.cudadrv.devicearray import FakeWithinKernelCUDAArray

import adapool
from adapool.cuda.dynamic import measuring, pooling
from adapool.cuda.dynamic.tables import plan_tables


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("size", [3, 5, 9])
def test_counted_loads_are_those_of_the_plan(
    size: int, axes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a pixel far from the border, whose window is not cut."""
    image = np.random.default_rng(0).random((2 * size + 4, 2 * size + 5, 1)).astype(np.float32)
    sizes = np.full((*image.shape[:2], axes), size, np.float32)
    loads: Counter[str] = Counter()
    get = FakeWithinKernelCUDAArray.__getitem__

    def counted(array: Any, index: Any) -> Any:
        value = get(array, index)
        if isinstance(value, np.float32):
            loads[kernel[0]] += 1
        return value

    kernel = [""]
    launches = []
    for name in ("load_slab", "widen", "look_up_pixels", "measure_sizes"):
        where: Any = measuring if name == "measure_sizes" else pooling
        launched = getattr(where, name)

        class Named:
            """Note which kernel runs, and how often."""

            def __init__(self, launched: Any, name: str) -> None:
                self.launched, self.name = launched, name

            def __getitem__(self, configuration: Any) -> Any:
                def launch(*arguments: Any) -> None:
                    kernel[0] = self.name
                    launches.append(self.name)
                    self.launched[configuration](*arguments)

                return launch

        if name == "measure_sizes":
            monkeypatch.setattr(where, name, Named(launched, name))
        else:  # made for tables of values, or of winners

            def make(indexed: bool, launched: Any = launched, name: str = name) -> Any:
                return Named(launched(indexed), name)

            monkeypatch.setattr(where, name, make)
    monkeypatch.setattr(FakeWithinKernelCUDAArray, "__getitem__", counted)
    adapool.dynamic_pooling(cuda.to_device(image), cuda.to_device(sizes), max_kernel_size=size)

    pixels = image.shape[0] * image.shape[1]
    plan = plan_tables((1, size, size), axes == 1)
    assert launches.count("widen") == plan.count - 1
    assert loads["load_slab"] == pixels
    # Near the end of the image parts of a block are missing, and windows are cut.
    parts = sum(_parts(plan))
    assert 0.5 * pixels * parts <= loads["widen"] <= 1.5 * pixels * parts
    inner = (image.shape[0] - size + 1) * (image.shape[1] - size + 1)
    assert loads["look_up_pixels"] >= inner * plan.look_ups((1, size, size))


def _parts(plan: Any) -> list[int]:
    return [step.parts[0] * step.parts[1] * step.parts[2] for step in plan.steps()]
