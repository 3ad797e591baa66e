"""Maxima over windows of one size, weighted or not: by rows, and window by window.

Images come as (batch, plane, row, column * channel), so that the innermost loops run over long
contiguous rows whatever the number of channels is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device, kernel
from adapool.cpu._memory import apart
from adapool.cpu.fixed.windows import valid

_exceeds = device(_formulas.exceeds)
_add_stray = device(_formulas.add_stray)

# Rows of the image are never written to, and results never read. (In slices, one for each pixel,
# 8 channels took 3.1 ns a value and not 0.3.)
_load_row, _store_line = apart("rows")
_load_line, _store_result = apart("lines")


@device
def _fill(line: Any, value: Any) -> None:
    for j in range(line.size):
        line[j] = value


@device
def _absorb(line: Any, row: Any) -> None:
    """Raise `line` to `row` where that is larger."""
    for j in range(line.size):
        value, before = row[j], line[j]
        line[j] = value if _exceeds(value, before) else before


# The next three take two rows at once, which may be one row twice, and a `fresh` line as one
# of nothing but `lowest`, without loading it: a line does not fit the first cache, and is stored
# once for two rows. `fresh` is a literal, so that nothing of it is left in a loop.


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
def _absorb_shared(
    line: Any, rows: Any, weights: Any, channels: int, lowest: Any, fresh: bool
) -> Any:
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
            before = lowest if fresh else _load_line(line, at, c)
            before = value if _exceeds(value, before) else before
            _store_line(line, at, c, other if _exceeds(other, before) else before)
    return strays == 0


@device
def _absorb_part(
    line: Any, rows: Any, weights: Any, shares: Any, channels: int, lowest: Any, fresh: bool
) -> Any:
    """Raise `line` to two rows that are as long, with what weights there are."""
    if weights is not None:
        return _absorb_weighted(line, rows, weights, lowest, fresh)
    if shares is not None:
        # Literals, so that short loops are unrolled: 0.09 ns a value of 4 channels, where a
        # variable takes 0.37, and repeating the weights for each channel takes 0.5.
        if channels == 2:
            return _absorb_shared(line, rows, shares, 2, lowest, fresh)
        if channels == 3:
            return _absorb_shared(line, rows, shares, 3, lowest, fresh)
        if channels == 4:
            return _absorb_shared(line, rows, shares, 4, lowest, fresh)
        return _absorb_shared(line, rows, shares, channels, lowest, fresh)
    _absorb_plain(line, rows, lowest, fresh)
    return True


@device
def _absorb_pixels(
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
        _fill(line, lowest)
        fresh = False
    if begin >= end:
        return True
    part = line[(begin - origin) * channels : (end - origin) * channels]
    values = slice(begin * channels, end * channels)
    rows = image[batch, z, y, values], image[batch, other_z, other_y, values]
    pair, shared = None, None
    if weights is not None:
        entry = batch % weights.shape[0]
        pair = weights[entry, z, y, values], weights[entry, other_z, other_y, values]
    if shares is not None:
        entry = batch % shares.shape[0]
        shared = shares[entry, z, y, begin:end], shares[entry, other_z, other_y, begin:end]
    if shares is None and fresh:
        return _absorb_part(part, rows, pair, shared, channels, lowest, True)
    return _absorb_part(part, rows, pair, shared, channels, lowest, False)


@device
def _larger(left: Any, right: Any, out: Any) -> None:
    """Write the larger of two rows, element by element."""
    for j in range(out.size):
        value, other = left[j], right[j]
        out[j] = other if _exceeds(other, value) else value


@device
def _slide(line: Any, spare: Any, taps: int, step: int) -> tuple[Any, int]:
    """Replace each element by a maximum over a power of two of taps, `step` apart.

    Doubling: a pass over contiguous rows for each. It stops where two runs cover the taps: what is
    left to do is to take the larger of two. Returns the line and the power of two.
    """
    reach = 1
    while 2 * reach < taps:
        shift = reach * step
        _larger(line, line[shift:], spare[: line.size - shift])
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
def _emit(line: Any, rest: int, stride: int, channels: int, out: Any) -> None:
    """Write the maximum of two overlapping runs, `rest` elements apart, for every window."""
    # A literal, so that loads two elements apart become loads and shuffles of vectors. Literals 3
    # and 4 took half a second to compile, and were not faster.
    if stride == 1:
        _larger(line, line[rest:], out)
    elif channels == 1 and stride == 2:
        _emit_pixels(line, rest, 2, 1, out)
    elif channels == 1:
        _emit_pixels(line, rest, stride, 1, out)
    else:
        _emit_pixels(line, rest, stride, channels, out)


@device
def _block(task: int, shape: Any, tile: Any) -> Any:
    """Return the batch, the plane, the first row and column, and the ends of the task-th tile."""
    _, planes, rows, columns = shape
    bands, strips = -(-rows // tile[0]), -(-columns // tile[1])
    task, strip = divmod(task, strips)
    task, band = divmod(task, bands)
    batch, plane = divmod(task, planes)
    row, column = band * tile[0], strip * tile[1]
    return batch, plane, row, column, min(row + tile[0], rows), min(column + tile[1], columns)


@device
def _tasks(shape: Any, tile: Any) -> Any:
    """Count the tiles of an output of this shape (batch, plane, row, column)."""
    batches, planes, rows, columns = shape
    return batches * planes * -(-rows // tile[0]) * -(-columns // tile[1])


@kernel
def max_rows(
    worker: int,
    image: Any,
    weights: Any,
    shares: Any,
    channels: int,
    window: Any,
    lowest: Any,
    tile: Any,
    out: Any,
    finite: Any,
    room: Any,
) -> None:
    """Pool by rows: the taps of a window along planes and rows first, its columns at the end.

    Each input row is read once for each window row it is in: with windows that do not overlap,
    once.

    Parameters
    ----------
    image, out : (batch, plane, row, column * channel)
    weights : None, or (batch or 1, plane, row, column * channel)
    shares : None, or (batch or 1, plane, row, column)
        Weights that the channels of a pixel share. Of the two, what is None is not compiled.
    window : (kernel, stride, dilation, origin), triples
    lowest : scalar
        Identity of the maximum, in the dtype that is computed in.
    tile : (rows, columns)
        Outputs that one task computes.
    finite : (n,) bool
        An element is set to False where a weight is not finite.
    room : (workers, 2, line)
        Lines to work in, at least as long as the pixels under a row of a tile.
    """
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    depth, height = image.shape[1:3]
    shape = (*out.shape[:3], out.shape[3] // channels)
    for task in range(worker, _tasks(shape, tile), room.shape[0]):
        batch, plane, first, left, last, right = _block(task, shape, tile)
        columns = (left * sw + ow, image.shape[3] // channels)
        size = ((right - left - 1) * sw + (kw - 1) * dw + 1) * channels
        _fill(room[worker, 1, :size], lowest)
        above, below = valid(kd, dd, plane * sd + od, depth)
        for row in range(first, last):
            line, spare = room[worker, 0, :size], room[worker, 1, :size]
            top, bottom = valid(kh, dh, row * sh + oh, height)
            taps = (below - above) * (bottom - top)
            if taps == 0:
                _fill(line, lowest)
            for tap in range(0, taps, 2):
                a, b = divmod(tap, bottom - top)
                c, d = divmod(min(tap + 1, taps - 1), bottom - top)
                places = (
                    (plane * sd + od + (above + a) * dd, row * sh + oh + (top + b) * dh),
                    (plane * sd + od + (above + c) * dd, row * sh + oh + (top + d) * dh),
                )
                if not _absorb_pixels(
                    line, image, weights, shares, batch, places, columns, channels, lowest, tap == 0
                ):
                    finite[task % finite.size] = False
            line, reach = _slide(line, spare, kw, dw * channels)
            pooled = out[batch, plane, row, left * channels : right * channels]
            _emit(line, (kw - reach) * dw * channels, sw, channels, pooled)


@device
def _slide_rows(lines: Any, size: int, taps: int, step: int, used: int) -> Any:
    """Do to rows what :func:`_slide` does to columns, in place; return the power of two."""
    reach = 1
    while 2 * reach < taps:
        used -= reach * step
        for j in range(2, 2 + used):
            _absorb(lines[j, :size], lines[j + reach * step, :size])
        reach *= 2
    return reach


@kernel
def max_bands(
    worker: int,
    image: Any,
    weights: Any,
    shares: Any,
    channels: int,
    window: Any,
    lowest: Any,
    tile: Any,
    out: Any,
    finite: Any,
    room: Any,
) -> None:
    """Pool windows that overlap by bands of rows, doubling rows as well as columns.

    The arguments are those of :func:`max_rows`, which costs a pass for each window row where this
    costs one for each power of two. `room` has two lines to slide along, and then one for each row
    under a tile.
    """
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    depth, height = image.shape[1:3]
    shape = (*out.shape[:3], out.shape[3] // channels)
    for task in range(worker, _tasks(shape, tile), room.shape[0]):
        batch, plane, first, left, last, right = _block(task, shape, tile)
        columns = (left * sw + ow, image.shape[3] // channels)
        size = ((right - left - 1) * sw + (kw - 1) * dw + 1) * channels
        used = (last - first - 1) * sh + (kh - 1) * dh + 1
        lines = room[worker]
        _fill(lines[1, :size], lowest)
        above, below = valid(kd, dd, plane * sd + od, depth)
        for j in range(used):
            y = first * sh + oh + j
            if above == below or y < 0 or y >= height:
                _fill(lines[2 + j, :size], lowest)
                continue
            for tap in range(above, below, 2):
                z, other = (
                    plane * sd + od + tap * dd,
                    plane * sd + od + min(tap + 1, below - 1) * dd,
                )
                places = (z, y), (other, y)
                if not _absorb_pixels(
                    lines[2 + j, :size],
                    image,
                    weights,
                    shares,
                    batch,
                    places,
                    columns,
                    channels,
                    lowest,
                    tap == above,
                ):
                    finite[task % finite.size] = False
        reach = _slide_rows(lines, size, kh, dh, used)
        for row in range(last - first):
            line, spare = lines[0, :size], lines[1, :size]
            _larger(lines[2 + row * sh], lines[2 + row * sh + (kh - reach) * dh], line)
            line, along = _slide(line, spare, kw, dw * channels)
            pooled = out[batch, plane, first + row, left * channels : right * channels]
            _emit(line, (kw - along) * dw * channels, sw, channels, pooled)
