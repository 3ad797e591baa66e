"""Windows of one size, visited one by one: for indices, weights per window, and holes.

`windows` and `wide` are faster where it is values alone that are asked for.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda

_exceeds = cuda_device(_formulas.exceeds)
_inside = cuda_device(_formulas.inside)


@cuda_device
def window_maximum(
    image: Any, size: Any, weights: Any, line: int, share: Any, place: Any, window: Any, one: Any,
    index: Any,
) -> Any:  # fmt: skip
    """Return the maximum over one window, and its pixel in the volume; -1 if there is none.

    Parameters
    ----------
    image : flat (batch, plane, row, column, channel)
    size : (plane, row, column, channel), lengths
    weights : None, or flat (row, 1 or channel)
    line : int
        Row of weights of the volume's first pixel, or of the first tap.
    share : (bool, int)
        Whether rows of weights belong to taps, and how many weights a row has.
    place : (batch, plane, row, column, channel) of the output
    window : (kernel, stride, dilation, origin), triples
    one : scalar
        1 in the dtype that products are taken in.
    index : type
        What holds the number of any element.
    """
    batch, plane, row, column, c = place
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    depth, height, width, channels = size
    by_tap, width_of_row = share
    volume = index(batch * depth * height * width)
    number = type(one)
    best = number(0)
    winner = index(-1)
    for a in range(kd):
        z = index(plane * sd + od + a * dd)
        for b in range(kh):
            y = index(row * sh + oh + b * dh)
            if _inside(z, depth) and _inside(y, height):
                begin = index((z * height + y) * width)
                for d in range(kw):
                    x = index(column * sw + ow + d * dw)
                    if _inside(x, width):
                        # An index without a sign: one with a sign is tested for being negative.
                        at = index((volume + begin + x) * channels + c)
                        value = number(image[np.uint64(at)])
                        if weights is not None:
                            k = index(line + ((a * kh + b) * kw + d if by_tap else begin + x))
                            k = index(k * width_of_row + (c if width_of_row > 1 else 0))
                            value *= number(weights[np.uint64(k)])
                        # In raster order the first of equals, or the first NaN, stands.
                        if winner < 0 or (_exceeds(value, best) and best == best):
                            best = value
                            winner = index(begin + x)
    return best, winner


@functools.cache
def max_windows(weighted: bool, indexed: bool, index: Any) -> Any:
    """Return the kernel that takes the maximum over `count` windows, in raster order.

    A thread takes one channel of one window; neighbours take neighbouring channels, then columns.
    The arguments are those of :func:`window_maximum`; `rows_of_weights` are used again from the
    start where there are fewer, `first` is the first window, `outputs` are the windows of a volume
    along each axis, `out` and `indices` flat (batch, plane, row, column, channel), and `fill` is
    the value of a window without a position. Only if `weighted` are `weights` looked at, and only
    if `indexed` are `indices`. `index` is the type that holds the number of any element.
    """
    place_of = np.uint32 if index is np.int32 else np.uint64

    @cuda_kernel()
    def visit_windows(
        image: Any,
        size: Any,
        weights: Any,
        share: Any,
        rows_of_weights: int,
        first: int,
        count: int,
        window: Any,
        outputs: Any,
        one: Any,
        fill: Any,
        out: Any,
        indices: Any,
    ) -> None:
        planes, rows, columns = outputs
        depth, height, width, channels = size
        (kd, kh, kw), _, _, _ = window
        number = out.dtype.type
        per_item = index(kd * kh * kw if share[0] else depth * height * width)
        i, step = index(cuda.grid(1)), index(cuda.gridsize(1))
        while i < count * channels:
            task = index(place_of(i) // place_of(channels))
            c = index(i - task * channels)
            line = index(place_of(first + task) // place_of(columns))
            column = index(first + task - line * columns)
            above = index(place_of(line) // place_of(rows))
            row = index(line - above * rows)
            batch = index(place_of(above) // place_of(planes))
            place = (batch, index(above - batch * planes), row, column, c)
            if weighted:
                begin = index((task if share[0] else batch) * per_item % rows_of_weights)
                best, winner = window_maximum(
                    image, size, weights, begin, share, place, window, one, index
                )
            else:
                best, winner = window_maximum(
                    image, size, None, 0, share, place, window, one, index
                )
            at = np.uint64(first * channels + i)
            out[at] = fill if winner < 0 else number(best)
            if indexed:
                indices[at] = winner
            i = index(i + step)

    return visit_windows
