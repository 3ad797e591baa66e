"""Columns times weights: the second half of a deformable convolution."""

from __future__ import annotations

from typing import Any

from adapool._jit import device
from adapool.cpu._memory import apart
from adapool.cpu.convolution.matrices import multiply_matrices
from adapool.cpu.convolution.places import COLUMNS

_load, _store = apart("results")


@device
def begin_with(bias: Any, pixels: int, out: Any, first: int) -> None:
    """Give the bias to the results of a tile, which products are added to."""
    for p in range(first, first + pixels):
        for f in range(bias.size):
            _store(out, p * bias.size, f, _load(bias, 0, f))


@device
def multiply(
    blas: Any,
    work: Any,
    pixels: int,
    tile: int,
    shape: Any,
    part: Any,
    weights: Any,
    places: Any,
    out: Any,
    first: int,
) -> None:
    """Add columns times weights: (pixel, column) by (group, column, filter).

    `weights` are flat, and of that `shape`. `part` is (which part of the columns of each group
    the tile holds, number of parts).

    BLAS wins at any size: plain loops took 6.9 ns a pixel for 9 products, 75 for 432 and 336 for
    2304, where it takes 3.2, 8.2 and 36.
    """
    groups, rows, filters = shape
    held = rows // part[1]
    packed = COLUMNS + tile * groups * held
    for group in range(groups):
        begin = COLUMNS
        if groups > 1:
            begin = packed
            for p in range(pixels):
                for r in range(held):
                    place = COLUMNS + p * groups * held + places[group, r]
                    work[packed + p * held + r] = work[place]
        multiply_matrices(
            blas, work, begin, weights, (group * rows + part[0] * held) * filters,
            out, (first * groups + group) * filters, pixels, held, filters, groups * filters, 1,
        )  # fmt: skip


@device
def scale(
    work: Any, pixels: int, depth: int, factors: Any, bias: Any, out: Any, first: int
) -> None:
    """Sum the taps of each channel: (pixel, offset group, tap, channel) by (tap, channel)."""
    channels = bias.size
    taps = factors.size // channels
    begin = COLUMNS
    for p in range(first, first + pixels):
        for group in range(0, channels, depth):
            for tap in range(taps):
                for i in range(depth):
                    place = p * channels + group
                    total = out[place + i] if tap else _load(bias, group, i)
                    factor = _load(factors, tap * channels + group, i)
                    _store(out, place, i, total + _load(work, begin, i) * factor)
                begin += depth
