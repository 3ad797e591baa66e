"""Fractional sizes on the device: allocate, and launch."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._backends import Triple
from adapool.cuda import grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.dynamic import fractions
from adapool.cuda.winners.launch import zeros


def corner_sizes(params: DeviceArray, limits: tuple[int, ...], corner: int) -> DeviceArray:
    """Return the whole sizes of a corner: (batch or 1, plane, row, column, size)."""
    out = params.empty((*params.shape[:-1], len(limits)), np.int32)
    grids.over_elements(
        fractions.corner_sizes, out.size, params, params.reshape(-1), params.shape[-1],
        _bounds(limits), corner, out.reshape(-1),
    )  # fmt: skip
    return out


def add_corner(
    maxima: DeviceArray, params: DeviceArray, limits: tuple[int, ...], corner: int,
    stride: Triple, dtype: np.dtype[Any], total: Any,
) -> Any:  # fmt: skip
    """Add the share of a corner to `total`, which is made for the first one."""
    out = maxima.empty(maxima.shape, dtype) if total is None else total
    grids.over_elements(
        fractions.add_corner, out.size, maxima, maxima.reshape(-1), params.reshape(-1),
        params.shape, _bounds(limits), corner, stride, out.shape, out.reshape(-1),
    )  # fmt: skip
    return out


def pull_corner(
    cotangent: DeviceArray, image: DeviceArray, winners: DeviceArray, params: DeviceArray,
    limits: tuple[int, ...], corner: int, stride: Triple, of_params: Any,
) -> tuple[DeviceArray, Any]:  # fmt: skip
    """Return the cotangent of a corner; and the gradient of the parameters, it being added."""
    scaled = cotangent.empty(cotangent.shape, cotangent.dtype)
    total = zeros(params, params.shape, cotangent.dtype) if of_params is None else of_params
    grids.over_elements(
        fractions.pull_corner, cotangent.size // cotangent.shape[-1], cotangent,
        cotangent.reshape(-1), image.reshape(-1), winners.reshape(-1), params.reshape(-1),
        params.shape, _bounds(limits), corner, stride, cotangent.shape, scaled.reshape(-1),
        total.reshape(-1),
    )  # fmt: skip
    return scaled, total


def _bounds(limits: tuple[int, ...]) -> tuple[int, Triple]:
    """Return the number of limits, and a triple of them: kernels take tuples of one length."""
    first, second, third = (*limits, 0, 0, 0)[:3]
    return len(limits), (first, second, third)
