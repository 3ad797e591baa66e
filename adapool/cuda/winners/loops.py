"""What each maximum is made of, and what it gives back to that: a thread for each result.

Arrays are those of :mod:`adapool.cpu.winners.loops`. Sums are atomic, and so in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda


@cuda_kernel()
def scatter(values: Any, winners: Any, shape: Any, target: Any, part: Any, out: Any) -> None:
    """Add each value to its winner, if that is in the part of the target that `out` has.

    `shape` is (places of an item, channels), `target` (images, places, 1 or channels) and `part`
    (first place, counted through all images, and how many).
    """
    places, channels = shape
    images, volume, depth = target
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        winner = winners[np.uint64(i)]
        if winner >= 0:
            entry, c = divmod(i, channels)
            at = entry // places % images * volume + winner - part[0]
            if at >= 0 and at < part[1]:
                place = at * depth + min(c, depth - 1)
                cuda.atomic.add(out, np.uint64(place), values[np.uint64(i)])


@cuda_kernel()
def multiply_by_winners(
    values: Any, source: Any, winners: Any, shape: Any, extent: Any, out: Any
) -> None:
    """Multiply each value by what its winner holds: 0 where there is none."""
    places, channels = shape
    images, volume, depth = extent
    number = out.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        winner = winners[np.uint64(i)]
        result = number(0)
        if winner >= 0:
            entry, c = divmod(i, channels)
            at = (entry // places % images * volume + winner) * depth + min(c, depth - 1)
            result = values[np.uint64(i)] * number(source[np.uint64(at)])
        out[np.uint64(i)] = result


@cuda_kernel()
def multiply_elements(values: Any, factors: Any, out: Any) -> None:
    """Multiply element by element."""
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        out[i] = values[i] * factors[i]


@cuda_device
def tap_of(winner: int, number: int, window: Any, outputs: Any, volume: Any) -> Any:
    """Return which tap of window `number` of an item its winner is."""
    (_, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    rest, column = divmod(number, outputs[2])
    plane, row = divmod(rest, outputs[1])
    rest, x = divmod(winner, volume[2])
    z, y = divmod(rest, volume[1])
    a, b = (z - plane * sd - od) // dd, (y - row * sh - oh) // dh
    return (a * kh + b) * kw + (x - column * sw - ow) // dw


@cuda_kernel()
def find_taps(
    winners: Any, channels: int, window: Any, outputs: Any, volume: Any, rows: int, out: Any
) -> None:
    """Write for each winner the number of its tap, among all those of `rows` windows."""
    kernel = window[0]
    count, taps = outputs[0] * outputs[1] * outputs[2], kernel[0] * kernel[1] * kernel[2]
    for i in range(cuda.grid(1), winners.size, cuda.gridsize(1)):
        winner = winners[i]
        place = np.int64(-1)
        if winner >= 0:
            number = i // channels
            place = number % rows * taps + tap_of(winner, number % count, window, outputs, volume)
        out[i] = place


@cuda_kernel()
def pick_weights(
    winners: Any, channels: int, window: Any, outputs: Any, volume: Any, span: Any, weights: Any,
    shape: Any, out: Any,
) -> None:  # fmt: skip
    """Write the weight of each winner of the windows `span`, (first, how many): 0 without one."""
    rows, taps, depth = shape
    count = outputs[0] * outputs[1] * outputs[2]
    first, windows = span
    for i in range(cuda.grid(1), windows * channels, cuda.gridsize(1)):
        number, c = divmod(i, channels)
        place = first * channels + i
        winner = winners[np.uint64(place)]
        weight = out.dtype.type(0)
        if winner >= 0:
            tap = tap_of(winner, (first + number) % count, window, outputs, volume)
            at = (number % rows * taps + tap) * depth + min(c, depth - 1)
            weight = out.dtype.type(weights[np.uint64(at)])
        out[np.uint64(place)] = weight
