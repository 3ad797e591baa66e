"""One pass over an image: extrema or sums, areas, centroids and boxes of all regions.

The image is cut into bands of rows, each with a table of its own; then the tables are put together
in the order of the bands. How many there are depends on the image alone, and so do all bits of the
result. Work is done run by run: a table is touched once for each row of a region, not for each
pixel.
"""

from __future__ import annotations

from typing import Any

from adapool import _formulas
from adapool._jit import device, kernel
from adapool.cpu._memory import apart

_beats = device(_formulas.beats)
_load, _ = apart("regions")

# Pixels of background that are looked at together.
_BLOCK = 8


@device
def _past_background(owner: Any, i: int, end: int) -> int:
    """Return the first pixel from i on that belongs to a region, or the end."""
    while i + _BLOCK <= end:
        every = _load(owner, 0, i)
        for j in range(i, i + _BLOCK):
            every &= _load(owner, 0, j)
        if every >= 0:
            break
        i += _BLOCK
    while i < end and _load(owner, 0, i) < 0:
        i += 1
    return i


@device
def _extend(areas: Any, boxes: Any, band: int, own: int, z: int, y: int, x: int, n: int) -> None:
    """Count a run of n pixels from (z, y, x) on.

    `boxes`, (band, region, 9), has the sums, the least and the largest of z, y, x.
    """
    new, last = areas[band, own] == 0, x + n - 1
    areas[band, own] += n
    boxes[band, own, 0] += z * n
    boxes[band, own, 1] += y * n
    boxes[band, own, 2] += x * n + n * (n - 1) // 2
    if new:
        boxes[band, own, 3], boxes[band, own, 4], boxes[band, own, 5] = z, y, x
        boxes[band, own, 6], boxes[band, own, 7], boxes[band, own, 8] = z, y, last
        return
    # Planes only grow within a band, and rows within a plane.
    boxes[band, own, 4] = min(boxes[band, own, 4], y)
    boxes[band, own, 5] = min(boxes[band, own, 5], x)
    boxes[band, own, 6] = z
    boxes[band, own, 7] = max(boxes[band, own, 7], y)
    boxes[band, own, 8] = max(boxes[band, own, 8], last)


@kernel
def pool_extrema(
    task: int,
    image: Any,
    weights: Any,
    depth: int,
    one: Any,
    shape: Any,
    owner: Any,
    rows: Any,
    least: bool,
    areas: Any,
    boxes: Any,
    values: Any,
    where: Any,
) -> None:
    """Find the maxima, or the minima if `least`, of the regions in a band.

    Parameters
    ----------
    image : (pixel * channel,)
    weights : (pixel * depth,) or None
        Weights of the values; `depth` is 1, or the number of channels.
    one : scalar
        Of the dtype that products are in.
    shape : (plane, row, column, channel) of the image
    owner : (pixel,) int32
    rows : (b + 1,) int64
        First rows of the bands, counted through all planes, and the end of them.
    areas : (b, n) int64, zeros
    boxes : (b, n, 9) int64, zeros
    values, where : (b, n, channel)
    """
    _, height, width, channels = shape
    for row in range(rows[task], rows[task + 1]):
        z, y = divmod(row, height)
        i, last = row * width, (row + 1) * width
        while i < last:
            own, begin = owner[i], i
            if own < 0:
                i = _past_background(owner, i, last)
                continue
            new = areas[task, own] == 0
            for c in range(channels):
                k = c if depth > 1 else 0
                at, best = where[task, own, c], values[task, own, c]
                if new:
                    at, best = begin, type(one)(image[begin * channels + c])
                    if weights is not None:
                        best *= type(one)(weights[begin * depth + k])
                i = begin
                while i < last and _load(owner, 0, i) == own:
                    value = type(one)(_load(image, 0, i * channels + c))
                    if weights is not None:
                        value *= type(one)(_load(weights, 0, i * depth + k))
                    # Most pixels are neither better nor NaN: one comparison tells. (Looking at
                    # eight pixels at a time took a third longer.)
                    ordinary = value >= best if least else value <= best
                    if not ordinary and _beats(value, best, least):
                        best, at = value, i
                    i += 1
                values[task, own, c], where[task, own, c] = best, at
            _extend(areas, boxes, task, own, z, y, begin - row * width, i - begin)


@kernel
def pool_sums(
    task: int,
    image: Any,
    weights: Any,
    depth: int,
    one: Any,
    shape: Any,
    owner: Any,
    rows: Any,
    areas: Any,
    boxes: Any,
    values: Any,
) -> None:
    """Add up the values of the regions in a band, each sum in two parts.

    As `pool_extrema`; `one` is of float64, and `values`, (b, n, channel, 2), are zeros.
    """
    _, height, width, channels = shape
    for row in range(rows[task], rows[task + 1]):
        z, y = divmod(row, height)
        i, last = row * width, (row + 1) * width
        while i < last:
            own, begin = owner[i], i
            if own < 0:
                i = _past_background(owner, i, last)
                continue
            for c in range(channels):
                k = c if depth > 1 else 0
                total, rest = values[task, own, c, 0], values[task, own, c, 1]
                i = begin
                while i < last and _load(owner, 0, i) == own:
                    value = type(one)(_load(image, 0, i * channels + c))
                    if weights is not None:
                        value *= type(one)(_load(weights, 0, i * depth + k))
                    # What `more` lacks of the sum is kept (Knuth's two-sum).
                    more = total + value
                    part = more - total
                    rest += (total - (more - part)) + (value - part)
                    total = more
                    i += 1
                values[task, own, c, 0], values[task, own, c, 1] = total, rest
            _extend(areas, boxes, task, own, z, y, begin - row * width, i - begin)


@device
def _unite(areas: Any, boxes: Any, band: int, own: int) -> bool:
    """Put what a band has of a region to what the first one has; whether that was nothing."""
    new = areas[0, own] == 0
    for axis in range(3):
        boxes[0, own, axis] += boxes[band, own, axis]
        low, high = boxes[band, own, 3 + axis], boxes[band, own, 6 + axis]
        boxes[0, own, 3 + axis] = low if new else min(boxes[0, own, 3 + axis], low)
        boxes[0, own, 6 + axis] = high if new else max(boxes[0, own, 6 + axis], high)
    areas[0, own] += areas[band, own]
    return new


@kernel
def unite_extrema(
    task: int, parts: int, least: bool, areas: Any, boxes: Any, values: Any, where: Any
) -> None:
    """Put the tables of all bands together in that of the first one, for a part of the regions."""
    bands, n = areas.shape
    for own in range(task * n // parts, (task + 1) * n // parts):
        for band in range(1, bands):
            if areas[band, own] > 0:
                new = _unite(areas, boxes, band, own)
                for c in range(values.shape[2]):
                    value = values[band, own, c]
                    if new or _beats(value, values[0, own, c], least):
                        values[0, own, c], where[0, own, c] = value, where[band, own, c]


@kernel
def unite_sums(task: int, parts: int, areas: Any, boxes: Any, values: Any) -> None:
    """Put the tables of all bands together in that of the first one, for a part of the regions."""
    bands, n = areas.shape
    for own in range(task * n // parts, (task + 1) * n // parts):
        for band in range(1, bands):
            if areas[band, own] > 0:
                _unite(areas, boxes, band, own)
                for c in range(values.shape[2]):
                    total, value = values[0, own, c, 0], values[band, own, c, 0]
                    more = total + value
                    part = more - total
                    rest = (total - (more - part)) + (value - part)
                    values[0, own, c, 0] = more
                    values[0, own, c, 1] += rest + values[band, own, c, 1]
