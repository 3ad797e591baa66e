"""Where the samples of a deformable convolution are: between which pixels, and how near to each.

Also how a thread's two arrays are laid out, which the passes over the samples share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device
from adapool.cpu._memory import apart

LINEAR, NEAREST, TRUNCATE = 0, 1, 2

# Samples of a chunk. Buffers take 52 bytes a sample in float32: 1024 did not fit L1 and were no
# faster, 256 took a fifth longer.
CHUNK = 512

# A thread has an array of indices and one of numbers. Both begin with six parts: where in the
# image the pixels before and after the position begin, along each axis, and how much they count.
FRONT, BACK, ABOVE, BELOW, LEFT, RIGHT = range(0, 6 * CHUNK, CHUNK)
PLACES = 6 * CHUNK

# Then, among the numbers: one channel of each sample, and the columns.
LINE = PLACES
COLUMNS = LINE + CHUNK

# Tables of the taps: where the displacement is in the offsets; where the tap is along plane, row
# and column; what its offset group adds to the index of a plane, a row, a column; where it is in
# the mask.
TABLES = 8

_look_up, _note = apart("places")
_clip = device(_formulas.clip)
_inside = device(_formulas.inside)
_into = device(_formulas.into)
_fraction = device(_formulas.fraction)
_rounds_up = device(_formulas.rounds_up)
_truncated = device(_formulas.truncated)
_add_stray = device(_formulas.add_stray)


@device
def all_finite(array: Any, begin: int, n: int) -> Any:
    """Whether `n` elements are finite. They are fetched here, and found in the L1 cache later."""
    strays = np.int32(0)
    for j in range(n):
        strays = _add_stray(strays, _look_up(array, begin, j))
    return strays == 0


@device
def locate(
    offsets: Any,
    begin: int,
    limit: Any,
    table: Any,
    done: int,
    n: int,
    axis: int,
    extent: Any,
    interpolation: int,
    at: Any,
    work: Any,
) -> None:
    """Find along one axis the two pixels that each sample lies between, and their shares.

    `extent` is (position of the first tap, pixels of the axis, distance between them).
    """
    start, size, step = extent
    length = table.size // TABLES
    source, place, shift = done, done + (1 + axis) * length, done + (4 + axis) * length
    near, far = 2 * axis * CHUNK, (2 * axis + 1) * CHUNK
    index, number = at.dtype.type, work.dtype.type
    one, zero = number(1), number(0)
    most = limit[axis]
    if interpolation == LINEAR:
        for j in range(n):
            move = _clip(_look_up(offsets, begin, _look_up(table, source, j)), most)
            whole = np.floor(move)
            low = np.int32(start + _look_up(table, place, j) + np.int32(whole))
            high = np.int32(low + 1)
            part = _fraction(move, whole, one)
            group = _look_up(table, shift, j)
            _note(at, near, j, index(_into(low, size) * step + group))
            _note(at, far, j, index(_into(high, size) * step + group))
            _note(work, near, j, one - part if _inside(low, size) else zero)
            _note(work, far, j, part if _inside(high, size) else zero)
        return
    for j in range(n):
        move = _clip(_look_up(offsets, begin, _look_up(table, source, j)), most)
        tap = start + _look_up(table, place, j)
        if interpolation == NEAREST:
            whole = np.floor(move)
            low = np.int32(tap + np.int32(whole) + (1 if _rounds_up(move, whole) else 0))
        else:
            low = _truncated(tap, move)
        _note(at, near, j, index(_into(low, size) * step + _look_up(table, shift, j)))
        _note(work, near, j, one if _inside(low, size) else zero)
        _note(work, far, j, zero)
