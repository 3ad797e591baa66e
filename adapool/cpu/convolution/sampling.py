"""Samples of an image at displaced taps: the columns that a deformable convolution multiplies.

A sample is one tap of one offset group of one output pixel, and has one value for each channel of
the group. Samples of consecutive pixels of a row are taken in chunks that stay in the L1 cache, in
two passes: between which pixels each one lies (`locate`), and their weighted sum (`_blend_...`).
All samples take the same straight path, indices moved into the image and weights set to zero where
a pixel is outside, so that the passes are vectorised over samples, or over channels where there
are many.

Device functions get whole arrays and where to begin in them, and neither slices nor tuples of
arrays: counting the references of those took a fifth of the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._memory import apart
from adapool.cpu.convolution.places import (
    ABOVE,
    BACK,
    BELOW,
    CHUNK,
    COLUMNS,
    FRONT,
    LEFT,
    LINE,
    LINEAR,
    RIGHT,
    TABLES,
    all_finite,
    locate,
)

# From this many channels on, channels fill the vectors better than samples do: 4.3 ns a sample of
# 4 channels against 5.4, and 9.9 against 6.0 of 8.
WIDE = 8

# Of another name than the pair that the places are found with, and stored: here they are loaded.
_load, _store = apart("columns")


@device
def _corner(image: Any, begin: int, at: Any, share: Any, number: Any) -> Any:
    """One weighted pixel. With a weight of zero it does not count, whatever it holds."""
    value = share * number(_load(image, begin, at))
    return value if share != 0 else share


@device
def _square(image: Any, begin: int, at: Any, work: Any, j: int, plane: Any, scale: Any) -> Any:
    """Four weighted corners in the plane that begins at `plane` and has the weight `scale`."""
    number, index = work.dtype.type, at.dtype.type
    above, below = plane + _load(at, ABOVE, j), plane + _load(at, BELOW, j)
    left, right = _load(at, LEFT, j), _load(at, RIGHT, j)
    upper, lower = scale * _load(work, ABOVE, j), scale * _load(work, BELOW, j)
    west, east = _load(work, LEFT, j), _load(work, RIGHT, j)
    top = _corner(image, begin, index(above + left), upper * west, number)
    top += _corner(image, begin, index(above + right), upper * east, number)
    bottom = _corner(image, begin, index(below + left), lower * west, number)
    return top + (bottom + _corner(image, begin, index(below + right), lower * east, number))


@device
def blend_narrow(
    image: Any,
    begin: int,
    mask: Any,
    masked: int,
    n: int,
    corners: int,
    at: Any,
    work: Any,
    target: int,
) -> None:
    """Sum the corners of each sample, of one channel, vectorised over samples."""
    number, index = work.dtype.type, at.dtype.type
    if corners == 1:
        for j in range(n):
            here = _load(at, FRONT, j) + _load(at, ABOVE, j) + _load(at, LEFT, j)
            share = _load(work, FRONT, j) * _load(work, ABOVE, j) * _load(work, LEFT, j)
            value = _corner(image, begin, index(here), share, number)
            _store(work, target, j, number(_load(mask, masked, j)) * value)
    elif corners == 4:
        for j in range(n):
            value = _square(image, begin, at, work, j, index(0), number(1))
            _store(work, target, j, number(_load(mask, masked, j)) * value)
    else:
        for j in range(n):
            front, back = _load(at, FRONT, j), _load(at, BACK, j)
            value = _square(image, begin, at, work, j, front, _load(work, FRONT, j))
            value += _square(image, begin, at, work, j, back, _load(work, BACK, j))
            _store(work, target, j, number(_load(mask, masked, j)) * value)


@device
def _mix(image: Any, pixels: Any, shares: Any, i: int, number: Any) -> Any:
    top = shares[0] * number(_load(image, pixels[0], i))
    top += shares[1] * number(_load(image, pixels[1], i))
    bottom = shares[2] * number(_load(image, pixels[2], i))
    return top + (bottom + shares[3] * number(_load(image, pixels[3], i)))


@device
def blend_wide(
    image: Any,
    begin: int,
    mask: Any,
    masked: int,
    n: int,
    depth: int,
    corners: int,
    at: Any,
    work: Any,
    target: int,
) -> None:
    """Sum the corners of each sample, vectorised over its channels."""
    number = work.dtype.type
    for j in range(n):
        first = target + j * depth
        factor = number(_load(mask, masked, j))
        left, right = _load(at, LEFT, j), _load(at, RIGHT, j)
        west, east = _load(work, LEFT, j), _load(work, RIGHT, j)
        for half in range(2 if corners == 8 else 1):
            plane = begin + _load(at, half * CHUNK, j)
            scale = _load(work, half * CHUNK, j)
            above, below = plane + _load(at, ABOVE, j), plane + _load(at, BELOW, j)
            upper, lower = scale * _load(work, ABOVE, j), scale * _load(work, BELOW, j)
            pixels = above + left, above + right, below + left, below + right
            shares = upper * west, upper * east, lower * west, lower * east
            if shares[0] * shares[3] != 0 and shares[1] * shares[2] != 0:
                p, q, r, s = shares
                shares = p * factor, q * factor, r * factor, s * factor
                if half == 0:
                    for i in range(depth):
                        _store(work, first, i, _mix(image, pixels, shares, i, number))
                else:
                    for i in range(depth):
                        total = work[first + i] + _mix(image, pixels, shares, i, number)
                        _store(work, first, i, total)
                continue
            # Some pixel does not count: the offset is whole or leads outside, or takes one pixel.
            empty = half == 0
            for k in range(min(corners, 4)):
                if shares[k] != 0:
                    share = shares[k] * factor
                    if empty:
                        for i in range(depth):
                            value = share * number(_load(image, pixels[k], i))
                            _store(work, first, i, value)
                    else:
                        for i in range(depth):
                            value = share * number(_load(image, pixels[k], i))
                            _store(work, first, i, work[first + i] + value)
                    empty = False
            if empty:
                for i in range(depth):
                    work[first + i] = 0


@device
def sample_tile(
    image: Any,
    offsets: Any,
    mask: Any,
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
    part: Any,
    pixels: Any,
    finite: Any,
    at: Any,
    work: Any,
) -> None:
    """Fill the columns of a tile, `pixels` (first, after the last) of the block, run by run.

    `size` is that of the image, channels last; `grid` (batch, plane, row, column, offsets of a
    pixel, samples of a pixel, first point of the block, whether there is a mask); `start` where
    the first tap of the block is; `rule` (interpolation, displacements of a tap). Where there is
    no mask, it is CHUNK ones. `part` is (which part of the taps is
    sampled, number of parts). One of `wide` and
    `narrow` is None, and is not compiled.
    What is not finite among offsets and mask makes the first or second of `finite` False.
    """
    interpolation, ndim = rule
    width, samples = grid[4], grid[5]
    corners = 1 << ndim if interpolation == LINEAR else 1
    index, number = at.dtype.type, work.dtype.type
    steps = index(size[1] * size[2] * size[3]), index(size[2] * size[3]), index(size[3])
    # Of the tables, and of the samples of a pixel, those of this part.
    length = table.size // TABLES // part[1]
    taken = samples // part[1]
    pixel = pixels[0]
    while pixel < pixels[1]:
        # A run is what the tile has of an output row, as far as the table reaches.
        row = pixel // block[3]
        x, y = pixel - row * block[3], row % block[2]
        z, item = row // block[2] % block[1], row // (block[2] * block[1])
        run = min(block[3] - x, pixels[1] - pixel, length // taken)
        point = ((item % grid[0] * grid[1] + z) * grid[2] + y) * grid[3] + x + grid[6]
        begin = item * size[0] * size[1] * size[2] * size[3]
        origin = (
            np.int32(z * stride[0] + start[0]),
            np.int32(y * stride[1] + start[1]),
            np.int32(x * stride[2] + start[2]),
        )
        if part[0] == 0:
            finite[0] &= all_finite(offsets, point * width, run * width)
            finite[1] &= all_finite(mask, point * samples * grid[7], min(run * samples, mask.size))
        for done in range(0, run * taken, CHUNK):
            n = min(CHUNK, run * taken - done)
            entry = part[0] * length + done
            target = COLUMNS + ((pixel - pixels[0]) * taken + done) * depth
            masked = (point * samples + done) * grid[7]
            for axis in range(3 - ndim, 3):
                locate(
                    offsets,
                    point * width + axis - (3 - ndim),
                    limit,
                    table,
                    entry,
                    n,
                    axis,
                    (origin[axis], size[axis], steps[axis]),
                    interpolation,
                    at,
                    work,
                )
            if wide is not None:
                # The mask of a part of the taps does not lie together: it is gathered.
                where = (TABLES - 1) * part[1] * length + entry
                for j in range(n):
                    place = (point * samples + table[where + j]) * grid[7]
                    work[LINE + j] = number(_load(mask, place, 0))
                blend_wide(image, begin, work, LINE, n, depth, corners, at, work, target)
            if narrow is not None:
                for channel in range(depth):
                    line = target if depth == 1 else LINE
                    blend_narrow(image, begin + channel, mask, masked, n, corners, at, work, line)
                    if depth > 1:
                        for j in range(n):
                            work[target + j * depth + channel] = work[LINE + j]
        pixel += run
