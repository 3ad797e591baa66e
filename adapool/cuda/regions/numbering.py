"""Which pixels belong to which region."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import cuda_kernel
from adapool.cuda.target import cuda


@cuda_kernel()
def number(labels: Any, extremes: Any, owner: Any) -> None:
    """Give pixels their labels less one, as far as 32 bits go.

    `extremes`, two zeros of 64 bits, get the least and the largest label.
    """
    wide = extremes.dtype.type
    low = high = wide(0)
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        label = wide(labels[i])
        low = label if label < low else low
        high = label if label > high else high
        owner[i] = np.int32(labels[i]) - np.int32(1)
    # Extremes only grow: a stale one costs an atomic operation, and no more.
    if low < extremes[0]:
        cuda.atomic.min(extremes, 0, low)
    if high > extremes[1]:
        cuda.atomic.max(extremes, 1, high)


@cuda_kernel()
def mark(owner: Any, seen: Any) -> None:
    """Set `seen`, uint8, for the numbers that occur; many threads may write the same."""
    for i in range(cuda.grid(1), owner.size, cuda.gridsize(1)):
        own = owner[i]
        if own >= 0 and seen[np.uint64(own)] == 0:
            seen[np.uint64(own)] = 1


@cuda_kernel()
def renumber(ranks: Any, owner: Any, renumbered: Any) -> None:
    """Give the pixels that have an owner its rank."""
    for i in range(cuda.grid(1), owner.size, cuda.gridsize(1)):
        own = owner[i]
        renumbered[i] = own if own < 0 else ranks[np.uint64(own)]


@cuda_kernel()
def repeat(owner: Any, repeated: Any) -> None:
    """Write the owner of each pixel once for each channel: (pixel, channel)."""
    pixels, channels = repeated.shape
    for i in range(cuda.grid(1), pixels * channels, cuda.gridsize(1)):
        repeated[i // channels, i % channels] = owner[i // channels]
