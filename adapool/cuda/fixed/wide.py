"""Large windows of one size, without indices: maxima along one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._backends import lowest_value
from adapool._jit import cuda_device, cuda_kernel
from adapool._windows import Windows
from adapool.cuda import sliding
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.sliding import Axis
from adapool.cuda.target import cuda

_add_stray = cuda_device(_formulas.add_stray)


@cuda_kernel()
def weigh(image: Any, weights: Any, shared: Any, one: Any, out: Any, flags: Any) -> None:
    """Multiply values by weights, in the dtype of `one`.

    `shared` is (how many weights there are, how many neighbouring values share one).
    """
    number = type(one)
    count, together = shared
    stray = np.int32(0)
    i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
    while i < out.size:
        at = i if together == 1 else i // together
        weight = weights[np.uint64(at if at < count else at % count)]
        stray = _add_stray(stray, weight)
        out[np.uint64(i)] = number(image[np.uint64(i)]) * number(weight)
        i += step
    if stray != 0:
        flags[0] = 1


def is_wide(image: DeviceArray, geometry: Windows, dtype: np.dtype[Any]) -> bool:
    """Whether windows are pooled axis by axis: all have a position, and a block holds some."""
    if any(geometry.empty_outputs(axis) for axis in range(3)):
        return False
    return all(sliding.fits(axis, steps, dtype) for axis, steps, _ in _passes(image, geometry))


def pool_wide(image: DeviceArray, geometry: Windows, out: DeviceArray) -> None:
    """Pool an image into an array that is there already."""
    passes = list(_passes(image, geometry))
    lowest = lowest_value(image.dtype)
    for number, (axis, steps, shape) in enumerate(passes):
        last = number == len(passes) - 1
        target = out if last else image.empty(shape, image.dtype)
        written = (False,) * (len(steps) - 1) + (True,)
        sliding.over_axis(axis, steps, written, image.reshape(-1), target.reshape(-1), lowest)
        image = target


def _passes(
    image: DeviceArray, geometry: Windows
) -> Iterator[tuple[Axis, tuple[sliding.Step, ...], tuple[int, ...]]]:
    """Yield the axes that windows are along, rows first, with their steps and what they leave."""
    shape = list(image.shape)
    axes = [a for a in (1, 0, 2) if geometry.kernel[a] > 1 or geometry.outputs[a] != shape[a + 1]]
    for a in axes or [1]:
        length, outputs = shape[a + 1], geometry.outputs[a]
        outer, inner = math.prod(shape[: a + 1]), math.prod(shape[a + 2 :])
        middle = shape[a] if a == 2 else 1  # rows, which a grid has as many of as it needs
        steps = sliding.steps_to(geometry.kernel[a], geometry.dilation[a]) or ((0, 2),)
        shape[a + 1] = outputs
        yield (
            Axis(
                (outer // middle, middle, length, inner),
                (middle * length * inner, length * inner, inner),
                (middle * outputs * inner, outputs * inner, inner),
                outputs, geometry.stride[a], geometry.origin[a],
            ),
            steps, tuple(shape),
        )  # fmt: skip
