"""Loops over winners: what each maximum is made of, and what it gives back to that.

Results of a pooling come as (item, place, channel), flat, with the place of each winner: a number
of a pixel, or of a tap of a window; -1 where there is none. Sources and targets are (image, place,
1 or channel), flat; one image may serve all items, and one channel all channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel
from adapool.cpu._memory import apart

# Values and winners are loaded, and what is summed stored; that is loaded by the other pair. With
# plain indexing, which tests every index for being negative, a result took twice as long.
_load, _store = apart("winners")
_recall, _ = apart("sums")


@device
def _chunk(k: int, places: int, length: int) -> Any:
    """Return item, first and end of a chunk of `length` results, the last of an item shorter."""
    chunks = (places + length - 1) // length
    item, number = divmod(k, chunks)
    begin = number * length
    return item, item * places + begin, item * places + min(begin + length, places)


@kernel
def find_reach(
    worker: int, winners: Any, places: int, length: int, channels: int, workers: int, reach: Any
) -> None:
    """Write the least and the largest winner of each chunk of results: (chunk, 2)."""
    for k in range(worker, reach.shape[0], workers):
        _, begin, end = _chunk(k, places, length)
        least, most = np.int64(1 << 62), np.int64(-1)
        for i in range(begin * channels, end * channels):
            winner = winners[i]
            # What has no winner reaches nothing.
            least = min(least, winner if winner >= 0 else least)
            most = max(most, winner)
        reach[k, 0], reach[k, 1] = least, most


@device
def _add_line(values: Any, winners: Any, begin: int, n: int, shift: int, out: Any) -> None:
    """Add `n` values of one channel to their winners."""
    for j in range(n):
        winner = _load(winners, begin, j)
        if winner >= 0:
            at = winner + shift
            _store(out, at, 0, _recall(out, at, 0) + _load(values, begin, j))


@device
def _add_lines(
    values: Any, winners: Any, begin: int, n: int, shift: int, channels: int, out: Any
) -> None:
    """Add the values of `n` results to their winners, channel by channel."""
    for j in range(begin * channels, (begin + n) * channels, channels):
        for c in range(channels):
            winner = _load(winners, j, c)
            if winner >= 0:
                at = (winner + shift) * channels
                _store(out, at, c, _recall(out, at, c) + _load(values, j, c))


@kernel
def scatter(
    task: int,
    values: Any,
    winners: Any,
    reach: Any,
    places: int,
    length: int,
    channels: int,
    target: Any,
    part: Any,
    bands: int,
    fresh: bool,
    out: Any,
) -> None:
    """Add each value to its winner, in a band of the target.

    A band is written by one task, which goes through the results in their order: so no sum depends
    on how many bands there are. Chunks of results that do not reach a band are passed over.

    Parameters
    ----------
    reach : (chunk, 2)
        Least and largest winner of each chunk of `length` results.
    places : int
        Results of an item.
    target : (images, places of an image, 1 or channels)
    part : (first, how many)
        The places of the target, counted through all images, that `out` has.
    bands : int
        Of about the same size, into which that part is cut.
    fresh : bool
        Whether `out` is to be cleared first.
    """
    images, volume, depth = target
    begin_of_part, count = part
    zero = out.dtype.type(0)
    low = begin_of_part + task * count // bands
    high = begin_of_part + (task + 1) * count // bands
    if fresh:
        for i in range((low - begin_of_part) * depth, (high - begin_of_part) * depth):
            _store(out, 0, i, zero)
    for k in range(reach.shape[0]):
        item, begin, end = _chunk(k, places, length)
        base = item % images * volume
        if base + reach[k, 1] < low or base + reach[k, 0] >= high:
            continue
        within = base + reach[k, 0] >= low and base + reach[k, 1] < high
        shift = base - begin_of_part
        if within and depth == channels:
            # Most chunks, and fewer questions.
            if channels == 1:
                _add_line(values, winners, begin, end - begin, shift, out)
            else:
                _add_lines(values, winners, begin, end - begin, shift, channels, out)
            continue
        for i in range(begin, end):
            for c in range(channels):
                winner = winners[i * channels + c]
                at = base + winner
                if winner >= 0 and at >= low and at < high:
                    place = (winner + shift) * depth + min(c, depth - 1)
                    out[place] += values[i * channels + c]


@kernel
def multiply_by_winners(
    task: int, values: Any, source: Any, winners: Any, shape: Any, extent: Any, out: Any
) -> None:
    """Multiply each value by what its winner holds: 0 where there is none.

    `shape` is (places of an item, channels), `extent` that of the source.
    """
    places, channels = shape
    images, volume, depth = extent
    number = out.dtype.type
    chunk = (winners.size // channels + _TASKS - 1) // _TASKS
    for i in range(task * chunk, min((task + 1) * chunk, winners.size // channels)):
        base = i // places % images * volume
        for c in range(channels):
            winner = winners[i * channels + c]
            result = number(0)
            if winner >= 0:
                at = (base + winner) * depth + min(c, depth - 1)
                result = values[i * channels + c] * number(source[at])
            out[i * channels + c] = result


# Tasks of the loops over all results: more than there are threads, so that they are shared out.
_TASKS = 64
TASKS = _TASKS


@device
def _tap(winner: int, number: int, window: Any, outputs: Any, volume: Any) -> Any:
    """Return which tap of window `number` of an item its winner is."""
    (_, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    rest, column = divmod(number, outputs[2])
    plane, row = divmod(rest, outputs[1])
    rest, x = divmod(winner, volume[2])
    z, y = divmod(rest, volume[1])
    a, b = (z - plane * sd - od) // dd, (y - row * sh - oh) // dh
    return (a * kh + b) * kw + (x - column * sw - ow) // dw


@kernel
def find_taps(
    task: int, winners: Any, channels: int, window: Any, outputs: Any, volume: Any, rows: int,
    out: Any,
) -> None:  # fmt: skip
    """Write for each winner the number of its tap, among all those of `rows` windows."""
    kernel = window[0]
    count, taps = outputs[0] * outputs[1] * outputs[2], kernel[0] * kernel[1] * kernel[2]
    chunk = (winners.size // channels + _TASKS - 1) // _TASKS
    for i in range(task * chunk, min((task + 1) * chunk, winners.size // channels)):
        for c in range(channels):
            winner = winners[i * channels + c]
            place = np.int64(-1)
            if winner >= 0:
                place = i % rows * taps + _tap(winner, i % count, window, outputs, volume)
            out[i * channels + c] = place


@kernel
def pick_weights(
    task: int, winners: Any, channels: int, window: Any, outputs: Any, volume: Any, span: Any,
    weights: Any, shape: Any, out: Any,
) -> None:  # fmt: skip
    """Write the weight of each winner of the windows `span`, (first, how many): 0 without one.

    `weights` are (row, tap, 1 or channel), which is `shape`, flat, from the first window on; they
    are used again from the start where there are fewer rows.
    """
    rows, taps, depth = shape
    count = outputs[0] * outputs[1] * outputs[2]
    first, number = span
    chunk = (number + _TASKS - 1) // _TASKS
    for i in range(task * chunk, min((task + 1) * chunk, number)):
        for c in range(channels):
            place = (first + i) * channels + c
            winner = winners[place]
            weight = out.dtype.type(0)
            if winner >= 0:
                tap = _tap(winner, (first + i) % count, window, outputs, volume)
                at = (i % rows * taps + tap) * depth + min(c, depth - 1)
                weight = out.dtype.type(weights[at])
            out[place] = weight
