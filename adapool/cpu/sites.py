"""Where per-pixel strides lead: the sites, and the pixels that each of them owns.

The scan is sequential by definition (a pixel is a site if no earlier site has claimed it), so it
keeps only what it needs to decide that: how far down each column is claimed. Painting the owners
is the larger part of the work, and runs in parallel afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from adapool import _formulas
from adapool._jit import device, kernel

_add_stray = device(_formulas.add_stray)
_to_size = device(_formulas.to_size)

# What strides saturate at.
_FAR = (1 << 63) - 1

# A pixel that no site has claimed.
UNCLAIMED = -(1 << 31)


@kernel
def check_strides(params: Any, finite: Any, positive: Any) -> None:
    """Check (n, 2d) sizes and strides by chunks: that all are finite, every stride at least 1."""
    n, width = params.shape
    chunk = -(-n // finite.size)
    for index in prange(finite.size):
        task = np.int64(index)  # prange counts in uint64, and that plus int64 is a float
        strays = np.int32(0)
        small = np.int32(0)
        for i in range(task * chunk, min((task + 1) * chunk, n)):
            for j in range(width):
                value = params[i, j]
                strays = _add_stray(strays, value)
                small |= np.int32(j >= width // 2 and value < 1)
        finite[task] = strays == 0
        positive[task] = small == 0


@kernel
def find_sites(
    params: Any, limits: Any, positions: Any, sizes: Any, strides: Any, owner: Any
) -> Any:
    """Scan the pixels in raster order; return the number of sites and of those with a window.

    Parameters
    ----------
    params : (plane, row, column, 2d)
        Sizes, then strides, along the last d of the axes.
    limits : (d,) int64
        What sizes are clipped to.
    positions, sizes, strides : (n, d) int64
        Filled, unless n is 0, with the sites that have a window, their sizes before windows are
        cut to the image.
    owner : (plane, row, column) int32
        Where n is not 0: expects `UNCLAIMED` everywhere, and gets the claims of the sites without
        a window, as :func:`paint_owners` reads them.
    """
    depth, height, width, columns = params.shape
    d = columns // 2
    # First plane and first row, below a pixel, that no site so far has claimed. With one plane
    # there is nothing below it to remember.
    planes_until = np.zeros((height, width) if depth > 1 else (0, 0), np.int32)
    rows_until = np.empty(width, np.int64)
    found = 0
    kept = 0
    for z in range(depth):
        rows_until[:] = 0
        for y in range(height):
            for x in range(width):
                if rows_until[x] > y or (depth > 1 and planes_until[y, x] > z):
                    continue
                pixel = params[z, y, x]
                last_plane = z + min(_to_size(pixel[d], _FAR), depth - z) if d == 3 else 1
                last_row = y + min(_to_size(pixel[columns - 2], _FAR), height - y)
                last_column = x + min(_to_size(pixel[columns - 1], _FAR), width - x)
                for i in range(x, last_column):
                    rows_until[i] = max(rows_until[i], last_row)
                if depth > 1:
                    for j in range(y, last_row):
                        for i in range(x, last_column):
                            planes_until[j, i] = max(planes_until[j, i], last_plane)
                empty = False
                for axis in range(d):
                    empty |= _to_size(pixel[axis], limits[axis]) < 1
                found += 1
                if empty:
                    if positions.shape[0] > 0:
                        _paint(owner, (z, y, x), (last_plane, last_row, last_column), -2 - kept)
                    continue
                if positions.shape[0] > 0:
                    positions[kept, d - 2] = y
                    positions[kept, d - 1] = x
                    if d == 3:
                        positions[kept, 0] = z
                    for axis in range(d):
                        sizes[kept, axis] = _to_size(pixel[axis], limits[axis])
                        strides[kept, axis] = _to_size(pixel[d + axis], _FAR)
                kept += 1
    return found, kept


@device
def _paint(owner: Any, begin: Any, end: Any, claim: int) -> None:
    """Give the pixels of a box to `claim`, where no claim that is older stands.

    A site's claim is its number. Sites without a window have none: the claim of one that comes
    after `n` numbered sites is ``-2 - n``, older than the claims of number `n` and beyond.
    """
    older = -2 - claim if claim >= 0 else UNCLAIMED + 1
    for z in range(begin[0], end[0]):
        for y in range(begin[1], end[1]):
            row = owner[z, y, begin[2] : end[2]]
            for i in range(row.size):
                row[i] = claim if row[i] < older else row[i]


@kernel
def paint_owners(positions: Any, strides: Any, bands: int, owner: Any) -> None:
    """Give each pixel to the first site that claimed it; -1 where that site has no window.

    Bands of rows are painted side by side. `owner` is what :func:`find_sites` has left in it.
    """
    depth, height, width = owner.shape
    d = positions.shape[1]
    for index in prange(bands):
        band = np.int64(index)
        begin = band * depth * height // bands
        end = (band + 1) * depth * height // bands
        for i in range(positions.shape[0]):
            z = positions[i, 0] if d == 3 else 0
            y, x = positions[i, d - 2], positions[i, d - 1]
            if z * height + y >= end:
                break
            last_plane = z + min(strides[i, 0], depth - z) if d == 3 else 1
            last_row = y + min(strides[i, d - 2], height - y)
            last_column = x + min(strides[i, d - 1], width - x)
            if (last_plane - 1) * height + last_row <= begin:
                continue
            for plane in range(max(z, begin // height), last_plane):
                first = max(y, begin - plane * height)
                last = min(last_row, end - plane * height)
                _paint(owner, (plane, first, x), (plane + 1, last, last_column), i)
        for line in range(begin, end):
            row = owner[line // height, line % height]
            for i in range(row.size):
                row[i] = max(row[i], -1)
