"""Maxima over windows of one size, weighted or not: by rows, and window by window.

Images come as (batch, plane, row, column * channel), so that the innermost loops run over long
contiguous rows whatever the number of channels is.
"""

from __future__ import annotations

from typing import Any

from adapool._jit import device, kernel
from adapool.cpu.fixed.lines import absorb_pixels, emit, fill, larger, slide, slide_rows
from adapool.cpu.fixed.windows import valid


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
        fill(room[worker, 1, :size], lowest)
        above, below = valid(kd, dd, plane * sd + od, depth)
        for row in range(first, last):
            line, spare = room[worker, 0, :size], room[worker, 1, :size]
            top, bottom = valid(kh, dh, row * sh + oh, height)
            taps = (below - above) * (bottom - top)
            if taps == 0:
                fill(line, lowest)
            for tap in range(0, taps, 2):
                a, b = divmod(tap, bottom - top)
                c, d = divmod(min(tap + 1, taps - 1), bottom - top)
                places = (
                    (plane * sd + od + (above + a) * dd, row * sh + oh + (top + b) * dh),
                    (plane * sd + od + (above + c) * dd, row * sh + oh + (top + d) * dh),
                )
                if not absorb_pixels(
                    line, image, weights, shares, batch, places, columns, channels, lowest, tap == 0
                ):
                    finite[task % finite.size] = False
            line, reach = slide(line, spare, kw, dw * channels)
            pooled = out[batch, plane, row, left * channels : right * channels]
            emit(line, (kw - reach) * dw * channels, sw, channels, pooled)


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
        fill(lines[1, :size], lowest)
        above, below = valid(kd, dd, plane * sd + od, depth)
        for j in range(used):
            y = first * sh + oh + j
            if above == below or y < 0 or y >= height:
                fill(lines[2 + j, :size], lowest)
                continue
            for tap in range(above, below, 2):
                z, other = (
                    plane * sd + od + tap * dd,
                    plane * sd + od + min(tap + 1, below - 1) * dd,
                )
                places = (z, y), (other, y)
                if not absorb_pixels(
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
        reach = slide_rows(lines, size, kh, dh, used)
        for row in range(last - first):
            line, spare = lines[0, :size], lines[1, :size]
            larger(lines[2 + row * sh], lines[2 + row * sh + (kh - reach) * dh], line)
            line, along = slide(line, spare, kw, dw * channels)
            pooled = out[batch, plane, first + row, left * channels : right * channels]
            emit(line, (kw - along) * dw * channels, sw, channels, pooled)
