"""Gradients of maxima on the device: allocate results, launch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Triple
from adapool._weights import WindowWeights
from adapool._windows import Windows
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.winners import loops


def zeros(like: DeviceArray, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return zeros beside an array."""
    return copying.zeros(like, math.prod(shape), dtype).reshape(shape)


def scatter_winners(
    values: DeviceArray,
    winners: DeviceArray,
    target: Triple,
    windows: Windows | None = None,
    part: tuple[int, int] | None = None,
    onto: Any = None,
) -> Any:
    """Add values (item, ..., channel) to their winners: see :mod:`adapool.cpu.winners.launch`."""
    items, channels = len(values), values.shape[-1]
    part = (0, target[0] * target[1]) if part is None else part
    out = zeros(values, (part[1], target[2]), values.dtype) if onto is None else onto
    grids.over_elements(
        loops.scatter, values.size, values, values.reshape(-1), winners.reshape(-1),
        (values.size // (items * channels), channels), target, part, out.reshape(-1),
    )  # fmt: skip
    return out


def times_winners(values: DeviceArray, source: DeviceArray, winners: DeviceArray) -> Any:
    """Multiply values by what their winners hold: `source` is (1 or items, ..., 1 or channels)."""
    items, channels = len(values), values.shape[-1]
    extent = (len(source), math.prod(source.shape[1:-1]), source.shape[-1])
    out = values.empty(values.shape, values.dtype)
    grids.over_elements(
        loops.multiply_by_winners, values.size, values, values.reshape(-1), source.reshape(-1),
        winners.reshape(-1), (values.size // (items * channels), channels), extent,
        out.reshape(-1),
    )  # fmt: skip
    return out


def times(values: DeviceArray, factors: DeviceArray) -> DeviceArray:
    """Multiply element by element."""
    out = values.empty(values.shape, values.dtype)
    grids.over_elements(
        loops.multiply_elements, values.size, values, values.reshape(-1), factors.reshape(-1),
        out.reshape(-1),
    )  # fmt: skip
    return out


def winning_taps(winners: DeviceArray, windows: Windows, rows: int) -> DeviceArray:
    """Return the numbers of the winners among the taps of `rows` windows, of the shape given."""
    out = winners.empty(winners.shape, np.int64)
    grids.over_elements(
        loops.find_taps, winners.size, winners, winners.reshape(-1), winners.shape[-1],
        _geometry(windows), windows.outputs, windows.volume, rows, out.reshape(-1),
    )  # fmt: skip
    return out


def pick_weights(
    weights: WindowWeights, winners: DeviceArray, windows: Windows, dtype: np.dtype[Any],
    picked: Any,
) -> Any:  # fmt: skip
    """Write the weights of the winners of some windows to `picked`, made where it is None."""
    out = winners.empty(winners.shape, dtype) if picked is None else picked
    channels = winners.shape[-1]
    grids.over_elements(
        loops.pick_weights, weights.count * channels, winners, winners.reshape(-1), channels,
        _geometry(windows), windows.outputs, windows.volume, (weights.first, weights.count),
        weights.values.reshape(-1), weights.values.shape, out.reshape(-1),
    )  # fmt: skip
    return out


def _geometry(windows: Windows) -> tuple[Triple, Triple, Triple, Triple]:
    return windows.kernel, windows.stride, windows.dilation, windows.origin
