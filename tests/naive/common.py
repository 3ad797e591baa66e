"""What all methods share: layouts, networks, dtypes, and the rules of a maximum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Position = tuple[int, ...]
PerAxis = int | Sequence[int]


class Layout:
    """Where the caller keeps the batch and the channels."""

    def __init__(self, ndim: int, channel_axis: int | None, batch_axis: int | None) -> None:
        self.has_batch = batch_axis is not None
        self.has_channels = channel_axis is not None
        # The two axes once those that are missing have been added, as the first and the last.
        self.batch = 0 if batch_axis is None else batch_axis % ndim
        self.channel = ndim if channel_axis is None else channel_axis % ndim
        if not self.has_batch:
            self.channel += 1

    def canonical(self, array: Array) -> Array:
        """The caller's array as (batch, *spatial, channel), in native byte order."""
        array = array.astype(array.dtype.newbyteorder("="))
        if not self.has_channels:
            array = array[..., np.newaxis]
        if not self.has_batch:
            array = array[np.newaxis]
        return np.ascontiguousarray(np.moveaxis(array, (self.batch, self.channel), (0, -1)))

    def restored(self, array: Array) -> Array:
        """An array (batch, *spatial, channel) with its axes where the caller keeps them."""
        array = np.moveaxis(array, (0, -1), (self.batch, self.channel))
        if not self.has_channels:
            array = array[..., 0]
        return array if self.has_batch else array[0]


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    return (value,) * axes if np.ndim(value) == 0 else tuple(value)


def ask(network: Any, given: Array) -> tuple[Array, bool]:
    """What the network says, and whether it was predicted: an array is its own answer."""
    if hasattr(network, "predict"):
        return np.asarray(network.predict(given)), True
    if callable(network):
        return np.asarray(network(given)), True
    return np.asarray(network), False


def ask_per_point(network: Any, images: Array, points: Position, batched: bool) -> Array:
    """The answer as (batch, *points, outputs); one row for all, and a single output, may lack."""
    answer, _ = ask(network, images)
    if answer.ndim < 2:  # what one point has is had by all
        answer = np.broadcast_to(answer.reshape(-1), (1, *points, answer.size))
    if answer.shape == (1, *points):  # of all images, one output
        answer = answer[..., np.newaxis]
    axes_of_one_output = len(points) + (1 if batched else 0)
    if answer.ndim == axes_of_one_output:
        answer = answer[..., np.newaxis]
    if answer.ndim == len(points) + 1:
        answer = answer[np.newaxis]
    return np.broadcast_to(answer, (len(images), *answer.shape[1:]))


def counted_dtype(weights: Any) -> np.dtype[Any]:
    """The dtype that weights count as: their own only where they are an array of floats."""
    floats = isinstance(weights, np.ndarray) and weights.dtype.kind == "f"
    return np.dtype(weights.dtype.newbyteorder("=") if floats else np.float32)


def empty_value(dtype: np.dtype[Any]) -> Any:
    """The maximum of no pixels."""
    if dtype.kind == "f":
        return dtype.type(np.nan)
    return dtype.type(False) if dtype.kind == "b" else np.iinfo(dtype).min


def winner(candidates: Iterable[tuple[Any, int]], dtype: np.dtype[Any]) -> tuple[Any, int]:
    """The largest of (value, index) pairs: the first on ties, and the first NaN if there is one.

    A negative index marks a position outside the image, which never wins.
    """
    best, best_index = empty_value(dtype), -1
    for value, index in candidates:
        if index < 0:
            continue
        first_nan = np.isnan(value) and not np.isnan(best)
        if best_index < 0 or value > best or first_nan:
            best, best_index = value, index
    return best, best_index


def flat_index(position: Position, spatial: Position) -> int:
    """Place of a position in the raster order of the image; -1 outside of it."""
    if not all(0 <= p < length for p, length in zip(position, spatial, strict=True)):
        return -1
    return int(np.ravel_multi_index(position, spatial))
