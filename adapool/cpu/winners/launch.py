"""Gradients of maxima: allocate results, choose bands, launch the loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Array, Triple
from adapool._jit import workers_for
from adapool._weights import WindowWeights
from adapool._windows import Windows
from adapool.cpu.winners import loops

# Results of a chunk that is passed over as a whole where it does not reach a band: long enough that
# looking at its reach costs nothing.
_CHUNK = 256

# Bytes of a band where windows are small: it is still in a cache when values are added to the zeros
# that it was filled with. Every row of windows is asked whether it reaches a band.
_BAND_BYTES = 1 << 20
_MOST_BANDS = 256


def scatter_winners(
    values: Array,
    winners: Array,
    target: Triple,
    windows: Windows | None = None,
    part: tuple[int, int] | None = None,
    onto: Array | None = None,
) -> Array:
    """Add values (item, ..., channel) to their winners in a target of that shape.

    `target` is (1 or items, places, 1 or channels). `part` is the first of those places, counted
    through all images, that are wanted, and how many; all by default. How far `windows` of one size
    reach is known, and where there are none is looked up. The sums are added to `onto`, if given.
    """
    items, channels = len(values), values.shape[-1]
    places = values.size // (items * channels)
    part = (0, target[0] * target[1]) if part is None else part
    out = np.empty((part[1], target[2]), values.dtype) if onto is None else onto
    flat = winners.reshape(-1)
    bands = workers_for(values.size + out.size, part[1])
    length = _CHUNK if windows is None else windows.outputs[2]
    if windows is not None:
        reach = np.tile(_reach(windows), (items, 1))
        bands = max(bands, min(out.nbytes // _BAND_BYTES, _MOST_BANDS, part[1]))
    elif bands > 1:
        reach = np.empty((items * -(-places // length), 2), np.int64)
        workers = workers_for(values.size, len(reach))
        loops.find_reach(
            flat, places, length, channels, workers, reach, work=values.size, tasks=workers
        )
    else:
        length = places
        reach = np.array([[0, target[1] - 1]] * items)
    loops.scatter(
        values.reshape(-1), flat, reach, places, length, channels, target, part, bands,
        onto is None, out.reshape(-1), work=values.size + out.size, tasks=bands,
    )  # fmt: skip
    return out


def _reach(windows: Windows) -> Array:
    """Return the first and the last pixel that each row of windows can reach: (row, 2)."""
    ends = []
    for axis in (0, 1):
        start = np.arange(windows.outputs[axis]) * windows.stride[axis] + windows.origin[axis]
        last = np.minimum(start + windows.span[axis], windows.volume[axis]) - 1
        ends.append((np.maximum(start, 0), last))
    _, height, width = windows.volume
    first, last = (
        (plane[:, None] * height + row) * width for plane, row in zip(*ends, strict=True)
    )
    return np.stack([first.ravel(), last.ravel() + width - 1], axis=-1)


def times_winners(values: Array, source: Array, winners: Array) -> Array:
    """Multiply values by what their winners hold: `source` is (1 or items, ..., 1 or channels)."""
    items, channels = len(values), values.shape[-1]
    extent = (len(source), math.prod(source.shape[1:-1]), source.shape[-1])
    out = np.empty(values.shape, values.dtype)
    loops.multiply_by_winners(
        values.reshape(-1), source.reshape(-1), winners.reshape(-1),
        (values.size // (items * channels), channels), extent, out.reshape(-1),
        work=2 * out.size, tasks=loops.TASKS,
    )  # fmt: skip
    return out


def winning_taps(winners: Array, windows: Windows, rows: int) -> Array:
    """Return the numbers of the winners among the taps of `rows` windows, of the shape given."""
    out = np.empty(winners.shape, np.int64)
    loops.find_taps(
        winners.reshape(-1), winners.shape[-1], _geometry(windows), windows.outputs,
        windows.volume, rows, out.reshape(-1), work=8 * out.size, tasks=loops.TASKS,
    )  # fmt: skip
    return out


def pick_weights(
    weights: WindowWeights,
    winners: Array,
    windows: Windows,
    dtype: np.dtype[Any],
    picked: Array | None,
) -> Array:
    """Write the weights of the winners of some windows to `picked`, made where it is None."""
    out = np.empty(winners.shape, dtype) if picked is None else picked
    loops.pick_weights(
        winners.reshape(-1), winners.shape[-1], _geometry(windows), windows.outputs,
        windows.volume, (weights.first, weights.count), weights.values.reshape(-1),
        weights.values.shape, out.reshape(-1), work=8 * weights.count, tasks=loops.TASKS,
    )  # fmt: skip
    return out


def zeros(like: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros beside an array."""
    return np.zeros(shape, dtype)


def times(values: Array, factors: Array) -> Array:
    """Multiply element by element."""
    product: Array = values * factors
    return product


def _geometry(windows: Windows) -> tuple[Triple, Triple, Triple, Triple]:
    return windows.kernel, windows.stride, windows.dilation, windows.origin
