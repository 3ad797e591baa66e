"""How samples change with displacements: products of gradients with the pixels around a sample.

For each sample four sums over the channels of its offset group are taken, of the gradient of the
sample times each of the pixels between which it lies (eight in volumes, four at a time). Gradients
by displacement and by mask are small combinations of those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import intrinsic

from adapool import _formulas
from adapool._jit import device
from adapool.cpu._memory import apart
from adapool.cpu.convolution.places import ABOVE, BELOW, CHUNK, LEFT, RIGHT, TABLES

# Parts of a thread's numbers, from one place on: the sums of four pixels; the change of the six
# shares of `places` with a displacement; what displacements and mask change.
DOTS = 0
SLOPES = 4 * CHUNK
MOVES = 10 * CHUNK
VALUES = 13 * CHUNK
EXTRA = 14 * CHUNK

_load, _store = apart("slopes")
_inside = device(_formulas.inside)
_move_is_free = device(_formulas.move_is_free)


@intrinsic
def _add_product(typing: Any, total: Any, left: Any, right: Any) -> Any:
    """Return ``total + left * right``, summed in any order: otherwise no sum is vectorised."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        product = builder.fmul(values[1], values[2], flags=("contract",))
        return builder.fadd(values[0], product, flags=("reassoc", "contract"))

    return total(total, total, total), generate


@device
def find_slopes(
    offsets: Any, begin: int, limit: Any, table: Any, done: int, n: int, axis: int, extent: Any,
    work: Any, extra: int,
) -> None:  # fmt: skip
    """Write how the shares along an axis change with the displacement of each sample.

    By -1 and 1 where the pixels are inside; not at all where the displacement is clipped.
    """
    start, size = extent
    length = table.size // TABLES
    source, place = done, done + (1 + axis) * length
    near = extra + SLOPES + 2 * axis * CHUNK
    far = near + CHUNK
    number = work.dtype.type
    most = limit[axis]
    one, zero = number(1), number(0)
    for j in range(n):
        given = _load(offsets, begin, _load(table, source, j))
        free = _move_is_free(given, most)
        move = given if free else most
        low = np.int32(start + _load(table, place, j) + np.int32(np.floor(move)))
        high = np.int32(low + 1)
        _store(work, near, j, -one if free and _inside(low, size) else zero)
        _store(work, far, j, one if free and _inside(high, size) else zero)


@device
def sum_wide(
    image: Any, columns: Any, first: int, n: int, depth: int, half: int, at: Any, work: Any,
    extra: int,
) -> None:  # fmt: skip
    """Take the four sums of each sample, vectorised over channels."""
    dots = extra + DOTS
    number = work.dtype.type
    for j in range(n):
        plane = _load(at, half * CHUNK, j)
        above, below = plane + _load(at, ABOVE, j), plane + _load(at, BELOW, j)
        left, right = _load(at, LEFT, j), _load(at, RIGHT, j)
        a, b, c, d = number(0), number(0), number(0), number(0)
        begin = first + j * depth
        for i in range(depth):
            gradient = _load(columns, begin, i)
            a = _add_product(a, gradient, number(_load(image, above + left, i)))
            b = _add_product(b, gradient, number(_load(image, above + right, i)))
            c = _add_product(c, gradient, number(_load(image, below + left, i)))
            d = _add_product(d, gradient, number(_load(image, below + right, i)))
        _store(work, dots, j, a)
        _store(work, dots + CHUNK, j, b)
        _store(work, dots + 2 * CHUNK, j, c)
        _store(work, dots + 3 * CHUNK, j, d)


@device
def sum_narrow(
    image: Any, columns: Any, first: int, n: int, depth: int, half: int, at: Any, work: Any,
    extra: int,
) -> None:  # fmt: skip
    """Take the four sums of each sample, vectorised over samples."""
    dots = extra + DOTS
    number = work.dtype.type
    for channel in range(depth):
        for j in range(n):
            gradient = _load(columns, first + channel, np.int32(j * depth))
            plane = _load(at, half * CHUNK, j)
            above, below = plane + _load(at, ABOVE, j), plane + _load(at, BELOW, j)
            left, right = _load(at, LEFT, j), _load(at, RIGHT, j)
            a = gradient * number(_load(image, channel, above + left))
            b = gradient * number(_load(image, channel, above + right))
            c = gradient * number(_load(image, channel, below + left))
            d = gradient * number(_load(image, channel, below + right))
            if channel == 0:
                _store(work, dots, j, a)
                _store(work, dots + CHUNK, j, b)
                _store(work, dots + 2 * CHUNK, j, c)
                _store(work, dots + 3 * CHUNK, j, d)
            else:
                _store(work, dots, j, work[dots + j] + a)
                _store(work, dots + CHUNK, j, work[dots + CHUNK + j] + b)
                _store(work, dots + 2 * CHUNK, j, work[dots + 2 * CHUNK + j] + c)
                _store(work, dots + 3 * CHUNK, j, work[dots + 3 * CHUNK + j] + d)


_recall, _note = apart("moves")


@device
def _part(share: Any, total: Any) -> Any:
    """Return a share of a sum: 0 where it is none, whatever pixels there are in the sum."""
    return share * total if share != 0 else share


@device
def combine(n: int, half: int, work: Any, extra: int) -> None:
    """Write what displacements and mask of each sample change, or add it for the second plane."""
    dots, slopes, moves, values = extra + DOTS, extra + SLOPES, extra + MOVES, extra + VALUES
    for j in range(n):
        a, b = _recall(work, dots, j), _recall(work, dots + CHUNK, j)
        c, d = _recall(work, dots + 2 * CHUNK, j), _recall(work, dots + 3 * CHUNK, j)
        above, below = _recall(work, ABOVE, j), _recall(work, BELOW, j)
        left, right = _recall(work, LEFT, j), _recall(work, RIGHT, j)
        up, down = _recall(work, slopes + ABOVE, j), _recall(work, slopes + BELOW, j)
        west, east = _recall(work, slopes + LEFT, j), _recall(work, slopes + RIGHT, j)
        plane, turn = _recall(work, half * CHUNK, j), _recall(work, slopes + half * CHUNK, j)
        top, bottom = _part(left, a) + _part(right, b), _part(left, c) + _part(right, d)
        sideways = _part(above, _part(west, a) + _part(east, b))
        sideways += _part(below, _part(west, c) + _part(east, d))
        value = _part(above, top) + _part(below, bottom)
        of_z = _part(turn, value)
        of_y = _part(plane, _part(up, top) + _part(down, bottom))
        of_x = _part(plane, sideways)
        value = _part(plane, value)
        if half == 1:
            of_z += work[moves + j]
            of_y += work[moves + CHUNK + j]
            of_x += work[moves + 2 * CHUNK + j]
            value += work[values + j]
        _note(work, moves, j, of_z)
        _note(work, moves + CHUNK, j, of_y)
        _note(work, moves + 2 * CHUNK, j, of_x)
        _note(work, values, j, value)
