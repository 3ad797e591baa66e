"""The weights of an attention network, which is given windows in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from adapool._backends import Array, plain
from adapool._checks import predictions
from adapool._kernels import Kernels
from adapool._networks import predict
from adapool._weights import WindowWeights
from adapool._windows import Windows

# Bytes of windows that an attention network is given at once: large enough that a network is busy
# with arithmetic, small beside the 256 MiB that a call may work in.
_BATCH_BYTES = 32 << 20


def weights_of_network(
    network: Any, kernels: Kernels, image: Array, windows: Windows, bools: bool
) -> Iterator[WindowWeights]:
    """Yield the weights of all windows, in batches of bounded memory.

    `bools` says that the bytes of the image are booleans, as a network is to see them.
    """
    taps, channels = windows.taps, image.shape[-1]
    batch = max(1, _BATCH_BYTES // (taps * channels * image.dtype.itemsize))
    total = len(image) * windows.count
    for first in range(0, total, batch):
        n = min(batch, total - first)
        given = kernels.gather_windows(image, windows, first, n)
        weights = predict("attention_network", network, given.view(np.bool_) if bools else given)
        by_tap = _by_tap(weights, n, taps, channels)
        yield WindowWeights(first, n, by_tap, squeezed=weights.ndim == 1)


def _by_tap(weights: Array, n: int, taps: int, channels: int) -> Array:
    """Bring the weights of `n` windows to (n, taps, 1 or channels)."""
    if taps == 1 and weights.ndim == 1:
        weights = weights[:, np.newaxis]
    rows, columns = weights.shape if weights.ndim == 2 else (0, 0)
    if rows not in (1, n) or columns not in (taps, taps * channels):
        wanted = dict.fromkeys(f"({n}, {width})" for width in (taps, taps * channels))
        predictions.wrong_shape("attention_network", weights.shape, " or ".join(wanted))
    by_tap: Array = plain(weights).reshape(rows, taps, columns // taps)
    return by_tap
