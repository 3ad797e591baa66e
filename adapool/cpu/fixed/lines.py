"""Lines of pixels under a row of windows: raised to rows of an image, doubled, and read off."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device
from adapool.cpu._memory import apart

_exceeds = device(_formulas.exceeds)
_add_stray = device(_formulas.add_stray)

# Rows of the image are never written to, and results never read. (In slices, one for each pixel,
# 8 channels took 3.1 ns a value and not 0.3.)
_load_row, _store_line = apart("rows")
_load_line, _store_result = apart("lines")


@device
def fill(line: Any, value: Any) -> None:
    """Write one value everywhere."""
    for j in range(line.size):
        line[j] = value


@device
def _absorb(line: Any, row: Any) -> None:
    """Raise `line` to `row` where that is larger."""
    for j in range(line.size):
        value, before = row[j], line[j]
        line[j] = value if _exceeds(value, before) else before


# The next three take two rows at once, which may be one row twice: a line does not fit the first
# cache, and is stored once for two rows. The first two take a `fresh` line as one of nothing but
# `lowest`, without loading it; that is a literal, so that nothing of it is left in a loop.


@device
def _absorb_plain(line: Any, rows: Any, lowest: Any, fresh: bool) -> None:
    """Raise `line` to both rows where they are larger."""
    first, second = rows
    for j in range(line.size):
        value, other = _load_row(first, 0, j), _load_row(second, 0, j)
        before = lowest if fresh else _load_line(line, 0, j)
        before = value if _exceeds(value, before) else before
        _store_line(line, 0, j, other if _exceeds(other, before) else before)


@device
def _absorb_weighted(line: Any, rows: Any, weights: Any, lowest: Any, fresh: bool) -> Any:
    """Raise `line` to ``row * weights`` of both; return whether all weights are finite.

    Checked here, where they are in cache: a pass of its own would read the array from memory once
    more.
    """
    number = line.dtype.type
    (first, second), (heavy, heavier) = rows, weights
    strays = np.int32(0)
    for j in range(line.size):
        weight, share = number(_load_row(heavy, 0, j)), number(_load_row(heavier, 0, j))
        strays = _add_stray(_add_stray(strays, weight), share)
        value = number(_load_row(first, 0, j)) * weight
        other = number(_load_row(second, 0, j)) * share
        before = lowest if fresh else _load_line(line, 0, j)
        before = value if _exceeds(value, before) else before
        _store_line(line, 0, j, other if _exceeds(other, before) else before)
    return strays == 0


@device
def _absorb_shared(line: Any, rows: Any, weights: Any, channels: int) -> Any:
    """Raise `line` to ``row * weights`` of both, a weight for all channels of a pixel."""
    number = line.dtype.type
    (first, second), (heavy, heavier) = rows, weights
    strays = np.int32(0)
    for i in range(heavy.size):
        weight, share = number(_load_row(heavy, 0, i)), number(_load_row(heavier, 0, i))
        strays = _add_stray(_add_stray(strays, weight), share)
        at = i * channels
        for c in range(channels):
            value = number(_load_row(first, at, c)) * weight
            other = number(_load_row(second, at, c)) * share
            before = _load_line(line, at, c)
            before = value if _exceeds(value, before) else before
            _store_line(line, at, c, other if _exceeds(other, before) else before)
    return strays == 0


@device
def _absorb_shares(line: Any, rows: Any, shares: Any, channels: int) -> Any:
    """Do what :func:`_absorb_shared` does, with few channels as literals.

    So that short loops are unrolled: 0.09 ns a value of 4 channels, where a variable takes 0.37,
    and repeating the weights for each channel takes 0.5.
    """
    if channels == 2:
        return _absorb_shared(line, rows, shares, 2)
    if channels == 3:
        return _absorb_shared(line, rows, shares, 3)
    if channels == 4:
        return _absorb_shared(line, rows, shares, 4)
    return _absorb_shared(line, rows, shares, channels)


@device
def _absorb_part(line: Any, rows: Any, weights: Any, lowest: Any, fresh: bool) -> Any:
    """Raise `line` to two rows that are as long, with a weight for each value or without."""
    if weights is not None:
        return _absorb_weighted(line, rows, weights, lowest, fresh)
    _absorb_plain(line, rows, lowest, fresh)
    return True


@device
def absorb_pixels(
    line: Any,
    image: Any,
    weights: Any,
    shares: Any,
    batch: int,
    places: Any,
    columns: Any,
    channels: int,
    lowest: Any,
    fresh: bool,
) -> Any:
    """Raise `line` to two image rows, at the columns that it has in common with the image.

    `places` are (plane, row) of each; `columns` is (first column of the line, columns of the
    image); `fresh` tells that nothing has been written to the line. Returns whether all weights
    are finite.
    """
    (z, y), (other_z, other_y) = places
    origin, width = columns
    begin = max(origin, 0)
    end = min(origin + line.size // channels, width)
    # With weights that channels share it is filled: their loops are many, and took twice as long
    # to compile twice, for less than 0.1 ms of 2 at 1024 x 1024 x 4.
    if fresh and (shares is not None or (end - begin) * channels < line.size):
        fill(line, lowest)
        fresh = False
    if begin >= end:
        return True
    part = line[(begin - origin) * channels : (end - origin) * channels]
    values = slice(begin * channels, end * channels)
    rows = image[batch, z, y, values], image[batch, other_z, other_y, values]
    if shares is not None:
        entry = batch % shares.shape[0]
        shared = shares[entry, z, y, begin:end], shares[entry, other_z, other_y, begin:end]
        return _absorb_shares(part, rows, shared, channels)
    pair = None
    if weights is not None:
        entry = batch % weights.shape[0]
        pair = weights[entry, z, y, values], weights[entry, other_z, other_y, values]
    if fresh:
        return _absorb_part(part, rows, pair, lowest, True)
    return _absorb_part(part, rows, pair, lowest, False)


@device
def larger(left: Any, right: Any, out: Any) -> None:
    """Write the larger of two rows, element by element."""
    for j in range(out.size):
        value, other = left[j], right[j]
        out[j] = other if _exceeds(other, value) else value


@device
def slide(line: Any, spare: Any, taps: int, step: int) -> tuple[Any, int]:
    """Replace each element by a maximum over a power of two of taps, `step` apart.

    Doubling: a pass over contiguous rows for each. It stops where two runs cover the taps: what is
    left to do is to take the larger of two. Returns the line and the power of two.
    """
    reach = 1
    while 2 * reach < taps:
        shift = reach * step
        larger(line, line[shift:], spare[: line.size - shift])
        line, spare = spare, line
        reach *= 2
    return line, reach


@device
def _emit_pixels(line: Any, rest: int, stride: int, channels: int, out: Any) -> None:
    """Write the maximum of two overlapping runs for every window, pixel by pixel."""
    for o in range(out.size // channels):
        begin = o * stride * channels
        for c in range(channels):
            value, other = _load_line(line, begin, c), _load_line(line, begin + rest, c)
            _store_result(out, o * channels, c, other if _exceeds(other, value) else value)


@device
def emit(line: Any, rest: int, stride: int, channels: int, out: Any) -> None:
    """Write the maximum of two overlapping runs, `rest` elements apart, for every window."""
    # A literal, so that loads two elements apart become loads and shuffles of vectors. Literals 3
    # and 4 took half a second to compile, and were not faster.
    if stride == 1:
        larger(line, line[rest:], out)
    elif channels == 1 and stride == 2:
        _emit_pixels(line, rest, 2, 1, out)
    elif channels == 1:
        _emit_pixels(line, rest, stride, 1, out)
    else:
        _emit_pixels(line, rest, stride, channels, out)


@device
def slide_rows(lines: Any, size: int, taps: int, step: int, used: int) -> Any:
    """Do to rows what :func:`slide` does to columns, in place; return the power of two."""
    reach = 1
    while 2 * reach < taps:
        used -= reach * step
        for j in range(2, 2 + used):
            _absorb(lines[j, :size], lines[j + reach * step, :size])
        reach *= 2
    return reach
