"""Deformable convolution: samples in columns, times weights, tile by tile."""

from __future__ import annotations

from typing import Any

from adapool._jit import kernel
from adapool.cpu.convolution.products import begin_with, multiply, scale
from adapool.cpu.convolution.sampling import sample_tile


@kernel
def convolve(
    task: int,
    image: Any,
    offsets: Any,
    mask: Any,
    weights: Any,
    shape: Any,
    factors: Any,
    bias: Any,
    size: Any,
    grid: Any,
    block: Any,
    start: Any,
    stride: Any,
    rule: Any,
    limit: Any,
    depth: int,
    wide: Any,
    narrow: Any,
    table: Any,
    places: Any,
    tile: int,
    finite: Any,
    at: Any,
    work: Any,
    out: Any,
    blas: Any,
) -> None:
    """Convolve all tiles; which ones a thread takes has no influence on the result.

    What a call does not need is None, and is not compiled: one of `weights` and `factors`, and
    one of `wide` and `narrow`. All in one took 4.5 s to compile in parallel.
    """
    pixels, shares = block[0] * block[1] * block[2] * block[3], work.shape[0]
    tiles = (pixels + tile - 1) // tile
    flags, indices, numbers = finite[task], at[task], work[task]
    parts = shape[3]
    for t in range(task * tiles // shares, (task + 1) * tiles // shares):
        first, last = t * tile, min((t + 1) * tile, pixels)
        if weights is not None:
            begin_with(bias, last - first, out, first)
        for part in range(parts):
            sample_tile(
                image, offsets, mask, size, grid, block, start, stride, rule, limit, depth,
                wide, narrow, table, (part, parts), (first, last), flags, indices, numbers,
            )  # fmt: skip
            if factors is not None:
                scale(numbers, last - first, depth, factors, bias, out, first)
            if weights is not None:
                multiply(
                    blas, numbers, last - first, tile, shape[:3], (part, parts), weights,
                    places, out, first,
                )  # fmt: skip
