"""Windows of one shape: plain max pooling, and attention."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .common import (
    Array,
    Layout,
    PerAxis,
    Position,
    ask,
    counted_dtype,
    flat_index,
    per_axis,
    winner,
)


def output_length(
    length: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """How many windows fit along one axis; torch's rule, in `ceil_mode` too."""
    room = length + 2 * padding - (dilation * (kernel - 1) + 1)
    if not ceil_mode:
        return room // stride + 1
    count = math.ceil(room / stride) + 1
    starts_outside = (count - 1) * stride >= length + padding
    return count - 1 if starts_outside else count


@dataclass(frozen=True)
class Grid:
    """Windows of one shape, regularly spaced over an image."""

    spatial: Position
    kernel: Position
    stride: Position
    padding: Position
    dilation: Position
    ceil_mode: bool = False

    @property
    def taps(self) -> int:
        return math.prod(self.kernel)

    @property
    def sites(self) -> Position:
        """Shape of the output."""
        axes = zip(self.spatial, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        return tuple(output_length(*axis, self.ceil_mode) for axis in axes)

    def positions(self, site: Position) -> list[Position]:
        """Where each tap of the window at `site` lies, inside the image or not."""
        start = [s * step - p for s, step, p in zip(site, self.stride, self.padding, strict=True)]
        return [
            tuple(s + t * d for s, t, d in zip(start, tap, self.dilation, strict=True))
            for tap in np.ndindex(self.kernel)
        ]


def make_grid(
    spatial: Position,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
    ceil_mode: bool = False,
) -> Grid:
    stride = kernel_size if stride is None else stride
    axes = len(spatial)
    return Grid(
        spatial,
        per_axis(kernel_size, axes),
        per_axis(stride, axes),
        per_axis(padding, axes),
        per_axis(dilation, axes),
        ceil_mode,
    )


def gather_windows(images: Array, grid: Grid) -> tuple[Array, Array]:
    """All windows (batch, *sites, taps, channel), 0 outside, and flat indices (*sites, taps)."""
    batch, channels = images.shape[0], images.shape[-1]
    windows = np.zeros((batch, *grid.sites, grid.taps, channels), images.dtype)
    indices = np.full((*grid.sites, grid.taps), -1)
    for site in np.ndindex(grid.sites):
        for tap, position in enumerate(grid.positions(site)):
            index = flat_index(position, grid.spatial)
            if index >= 0:
                indices[(*site, tap)] = index
                for n in range(batch):
                    windows[(n, *site, tap)] = images[(n, *position)]
    return windows, indices


def window_maxima(windows: Array, indices: Array) -> tuple[Array, Array]:
    """Winner of each window and channel, and its flat index."""
    batch, *sites, _, channels = windows.shape
    values = np.empty((batch, *sites, channels), windows.dtype)
    winners = np.empty(values.shape, np.int64)
    for n, *site, c in np.ndindex(values.shape):
        candidates = zip(windows[(n, *site, slice(None), c)], indices[tuple(site)], strict=True)
        values[(n, *site, c)], winners[(n, *site, c)] = winner(candidates, windows.dtype)
    return values, winners


def max_pooling(
    feature_map: Array,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    layout = Layout(feature_map.ndim, channel_axis, batch_axis)
    images = layout.canonical(feature_map)
    grid = make_grid(images.shape[1:-1], kernel_size, stride, padding, dilation, ceil_mode)
    values, indices = map(layout.restored, window_maxima(*gather_windows(images, grid)))
    return (values, indices) if return_indices else values


def attention_weights(network: Any, windows: Array, grid: Grid, batched: bool) -> Array:
    """Weights that broadcast to the windows (batch, *sites, taps, channel)."""
    rows = windows.reshape(-1, grid.taps * windows.shape[-1])
    weights, predicted = ask(network, rows)
    axes = len(grid.spatial)
    if predicted:
        same_for_all = len(weights) == 1
        lead = (1,) * (axes + 1) if same_for_all else (len(windows), *grid.sites)
        return weights.reshape(*lead, grid.taps, -1)
    if not batched:
        weights = weights[np.newaxis]
    if weights.ndim - 1 < 2 * axes:  # one weight for each pixel, whichever windows it is in
        per_pixel = weights.reshape(*weights.shape[: axes + 1], -1)
        return gather_windows(per_pixel, grid)[0]
    return weights.reshape(len(weights), *grid.sites, grid.taps, -1)


def attention_pooling(
    feature_map: Array,
    kernel_size: PerAxis,
    attention_network: Any,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    layout = Layout(feature_map.ndim, channel_axis, batch_axis)
    images = layout.canonical(feature_map)
    grid = make_grid(images.shape[1:-1], kernel_size, stride, padding, dilation, ceil_mode)
    windows, indices = gather_windows(images, grid)
    weights = attention_weights(attention_network, windows, grid, layout.has_batch)
    # Products are compared before they are rounded to the result's dtype, which may be narrower.
    fits_float32 = all(np.can_cast(a.dtype, np.float32) for a in (images, weights))
    precision = np.float32 if fits_float32 else np.float64
    with np.errstate(all="ignore"):
        products = windows.astype(precision) * weights.astype(precision)
        values, winners = window_maxima(products, indices)
        values = values.astype(np.result_type(images.dtype, counted_dtype(attention_network)))
    values, winners = layout.restored(values), layout.restored(winners)
    return (values, winners) if return_indices else values
