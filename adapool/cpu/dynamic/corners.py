"""Fractional sizes: allocate, and launch the loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._backends import Array, Triple
from adapool.cpu.dynamic import fractions


def corner_sizes(params: Array, limits: tuple[int, ...], corner: int) -> Array:
    """Return the whole sizes of a corner: (batch or 1, plane, row, column, size)."""
    out = np.empty((*params.shape[:-1], len(limits)), np.int32)
    chunk = -(-params[..., 0].size // fractions.TASKS)
    fractions.corner_sizes(
        params.reshape(-1), params.shape[-1], _bounds(limits), corner, chunk, out.reshape(-1),
        work=4 * out.size, tasks=fractions.TASKS,
    )  # fmt: skip
    return out


def add_corner(
    maxima: Array,
    params: Array,
    limits: tuple[int, ...],
    corner: int,
    stride: Triple,
    dtype: np.dtype[Any],
    total: Array | None,
) -> Array:
    """Add the share of a corner to `total`, which is made for the first one."""
    out = np.empty(maxima.shape, dtype) if total is None else total
    items, planes, rows, *_ = out.shape
    fractions.add_corner(
        maxima.reshape(-1), params.reshape(-1), params.shape, _bounds(limits), corner, stride,
        out.shape, out.reshape(-1), work=4 * out.size, tasks=items * planes * rows,
    )  # fmt: skip
    return out


def pull_corner(
    cotangent: Array,
    image: Array,
    winners: Array,
    params: Array,
    limits: tuple[int, ...],
    corner: int,
    stride: Triple,
    of_params: Array | None,
) -> tuple[Array, Array]:
    """Return the cotangent of a corner; and the gradient of the parameters, it being added."""
    scaled = np.empty(cotangent.shape, cotangent.dtype)
    total = np.zeros(params.shape, cotangent.dtype) if of_params is None else of_params
    _, planes, rows, *_ = cotangent.shape
    fractions.pull_corner(
        cotangent.reshape(-1), image.reshape(-1), winners.reshape(-1), params.reshape(-1),
        params.shape, _bounds(limits), corner, stride, cotangent.shape, scaled.reshape(-1),
        total.reshape(-1), work=6 * cotangent.size, tasks=planes * rows,
    )  # fmt: skip
    return scaled, total


def _bounds(limits: tuple[int, ...]) -> tuple[int, Triple]:
    """Return the number of limits, and a triple of them, as a kernel takes tuples of one length."""
    first, second, third = (*limits, 0, 0, 0)[:3]
    return len(limits), (first, second, third)
