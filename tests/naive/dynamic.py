"""Windows whose size is given per pixel, on a grid and at sites that strides lead to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .common import (
    Array,
    Layout,
    PerAxis,
    Position,
    ask_per_point,
    empty_value,
    flat_index,
    per_axis,
    winner,
)


def whole_numbers(values: Array) -> NDArray[np.int64]:
    """Truncated toward zero, and saturated."""
    limits = np.iinfo(np.int64)
    whole = [min(max(int(value), limits.min), limits.max) for value in values.ravel().tolist()]
    return np.array(whole, np.int64).reshape(values.shape)


def window_sizes(parameters: Array, axes: int, max_kernel_size: PerAxis | None) -> Array:
    """Sizes (..., axes) from 1 (isotropic), `axes`, or 2 * `axes` (sizes, strides) parameters."""
    sizes = np.broadcast_to(parameters[..., :axes], (*parameters.shape[:-1], axes))
    if max_kernel_size is not None:
        sizes = np.minimum(sizes, per_axis(max_kernel_size, axes))
    return sizes


def pixels_in_window(
    pixel: Position, size: Sequence[int], spatial: Position, anchor: str
) -> Iterator[Position]:
    """The window of one pixel, cut to the image, in raster order."""
    ranges = []
    for p, extent, length in zip(pixel, size, spatial, strict=True):
        start = p - extent // 2 if anchor == "center" else p
        ranges.append(range(max(start, 0), min(start + extent, length)))
    return itertools.product(*ranges)


def in_ellipse(steps: Sequence[int], size: Sequence[float]) -> bool:
    """Whether a pixel so many steps from another is in its window."""
    if len(size) == 3 and len(steps) == 2:
        major, minor, angle = size
        if min(major, minor) <= 0:
            return False
        if major == minor:
            angle = 0.0  # of a circle, which pixels may lie on to the bit
        down, right = steps
        along = down * math.cos(angle) + right * math.sin(angle)
        across = right * math.cos(angle) - down * math.sin(angle)
        return bool((2 * along / major) ** 2 + (2 * across / minor) ** 2 <= 1)
    if min(size) <= 0:
        return False
    total = 0.0
    for step, extent in zip(steps, size, strict=True):
        with np.errstate(over="ignore"):
            total += np.square(2 * np.float64(step) / np.float64(extent))
    return bool(total <= 1)


def pixels_in_ellipse(
    pixel: Position, size: Sequence[float], spatial: Position
) -> Iterator[Position]:
    """The window of one pixel, cut to the image, in raster order."""
    for other in np.ndindex(spatial):
        if in_ellipse([o - p for o, p in zip(other, pixel, strict=True)], size):
            yield other


def ellipse_sizes(parameters: Array, axes: int, max_kernel_size: PerAxis | None) -> Array:
    """Sizes (..., axes), or the lengths of two axes and an angle, as real numbers."""
    turned = (axes, parameters.shape[-1]) == (2, 3)
    sizes = parameters.astype(np.float64)
    if turned:
        if max_kernel_size is not None:
            sizes[..., :2] = np.minimum(sizes[..., :2], np.min(max_kernel_size))
        return sizes
    return window_sizes(sizes, axes, max_kernel_size)


def pool_pixel(
    image: Array, pixel: Position, size: Array, anchor: str, footprint: str = "box"
) -> tuple[Array, Array]:
    """The maxima of each channel over the window of one pixel, and their flat indices."""
    *spatial, channels = image.shape
    if footprint == "ellipse":
        window = list(pixels_in_ellipse(pixel, size.tolist(), tuple(spatial)))
    else:
        window = list(pixels_in_window(pixel, size.tolist(), tuple(spatial), anchor))
    indices = [flat_index(position, tuple(spatial)) for position in window]
    values = np.empty(channels, image.dtype)
    winners = np.empty(channels, np.int64)
    for c in range(channels):
        candidates = zip((image[(*p, c)] for p in window), indices, strict=True)
        values[c], winners[c] = winner(candidates, image.dtype)
    return values, winners


def mixture(
    parameters: Array, axes: int, max_kernel_size: PerAxis | None, slopes: bool = False
) -> list[tuple[Array, float, list[float]]]:
    """The windows that a pixel with fractional sizes has: size, share, and how that changes.

    Those of share 0 are left out, unless their `slopes` are asked for. None where one is empty.
    """
    count = axes if len(parameters) > 1 else 1
    most = per_axis(max_kernel_size, axes)
    whole = whole_numbers(parameters[:count]).tolist()
    if min(whole) < 1:
        return []
    choices = []
    for a, (size, k) in enumerate(zip(parameters[:count].tolist(), whole, strict=True)):
        bounds = [math.inf if m is None else m for m in (most if count == 1 else most[a : a + 1])]
        fraction, slope = (
            (float(size) - math.trunc(size), 1.0) if size < max(bounds) else (0.0, 0.0)
        )
        k = min(k, 1 << 31)  # more than any image
        choices.append([(k, 1.0 - fraction, -slope), (k + 1, fraction, slope)])
    found = []
    for corner in itertools.product(*choices):
        share = math.prod(part for _, part, _ in corner)
        changes = [
            slope * math.prod(part for b, (_, part, _) in enumerate(corner) if b != a)
            for a, (_, _, slope) in enumerate(corner)
        ]
        size = window_sizes(np.array([k for k, _, _ in corner]), axes, max_kernel_size)
        if share != 0 or (slopes and any(changes)):
            found.append((size, share, changes))
    return found


def pool_fractions(
    image: Array, pixel: Position, parameters: Array, most: PerAxis | None, anchor: str
) -> Array:
    """The mixture of maxima over the whole sizes around fractional ones."""
    windows = mixture(parameters, image.ndim - 1, most)
    total = np.full(image.shape[-1], 0.0 if windows else np.nan)
    with np.errstate(all="ignore"):
        for size, share, _ in windows:
            total += share * pool_pixel(image, pixel, size, anchor)[0].astype(np.float64)
        return total


def dynamic_pooling(
    feature_map: Array,
    param_network: Any,
    *,
    stride: PerAxis = 1,
    max_kernel_size: PerAxis | None = None,
    anchor: str | None = None,
    footprint: str = "box",
    fractional: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    layout = Layout(feature_map.ndim, channel_axis, batch_axis)
    images = layout.canonical(feature_map)
    spatial = images.shape[1:-1]
    every = tuple(slice(None, None, step) for step in per_axis(stride, len(spatial)))
    parameters = ask_per_point(param_network, images, spatial, layout.has_batch)
    if fractional:
        mixed = np.empty(images.shape, np.result_type(images.dtype, np.float32))
        for n, *pixel in np.ndindex(images.shape[:-1]):
            mixed[(n, *pixel)] = pool_fractions(
                images[n],
                tuple(pixel),
                parameters[(n, *pixel)],
                max_kernel_size,
                anchor or "corner",
            )
        return layout.restored(mixed[(slice(None), *every)])
    if footprint == "ellipse":
        sizes = ellipse_sizes(parameters, len(spatial), max_kernel_size)
    else:
        sizes = window_sizes(whole_numbers(parameters), len(spatial), max_kernel_size)
    values = np.empty(images.shape, images.dtype)
    winners = np.empty(images.shape, np.int64)
    for n, *pixel in np.ndindex(images.shape[:-1]):
        at = (n, *pixel)
        values[at], winners[at] = pool_pixel(
            images[n], tuple(pixel), sizes[at], anchor or "corner", footprint
        )
    values, winners = (layout.restored(a[(slice(None), *every)]) for a in (values, winners))
    return (values, winners) if return_indices else values


@dataclass(frozen=True, eq=False)
class Sites:
    values: Array
    positions: Array
    sizes: Array
    strides: Array
    owner: Array
    layout: Layout

    @property
    def labels(self) -> Array:
        return self.owner + 1

    def to_map(self) -> Array:
        channels = self.values.shape[1:]
        painted = np.full(
            self.owner.shape + channels, empty_value(self.values.dtype), self.values.dtype
        )
        for pixel in np.ndindex(self.owner.shape):
            if self.owner[pixel] >= 0:
                painted[pixel] = self.values[self.owner[pixel]]
        return self.layout.restored(painted[np.newaxis]) if channels else painted


def claim_boxes(strides: Array) -> tuple[list[Position], NDArray[np.int32]]:
    """The sites in raster order, and for each pixel the number of the first that claimed it."""
    spatial = strides.shape[:-1]
    owner = np.full(spatial, -1, np.int32)
    sites: list[Position] = []
    for pixel in np.ndindex(spatial):
        if owner[pixel] >= 0:
            continue
        for claimed in pixels_in_window(pixel, strides[pixel].tolist(), spatial, "corner"):
            if owner[claimed] < 0:
                owner[claimed] = len(sites)
        sites.append(pixel)
    return sites, owner


def dynamic_stride_pooling(
    feature_map: Array,
    param_network: Any,
    *,
    max_kernel_size: PerAxis | None = None,
    anchor: str = "corner",
    channel_axis: int | None = -1,
) -> Sites:
    layout = Layout(feature_map.ndim, channel_axis, None)
    images = layout.canonical(feature_map)
    image, spatial = images[0], images.shape[1:-1]
    axes = len(spatial)
    parameters = whole_numbers(ask_per_point(param_network, images, spatial, False)[0])
    sizes = window_sizes(parameters, axes, max_kernel_size)
    strides = parameters[..., axes:]
    claimants, claimed_by = claim_boxes(strides)

    kept = [number for number, pixel in enumerate(claimants) if (sizes[pixel] >= 1).all()]
    owner = np.full(spatial, -1, np.int32)
    for rank, number in enumerate(kept):
        owner[claimed_by == number] = rank
    pixels = [claimants[number] for number in kept]
    values = np.empty((len(pixels), image.shape[-1]), image.dtype)
    for rank, pixel in enumerate(pixels):
        values[rank], _ = pool_pixel(image, pixel, sizes[pixel], anchor)
    at = tuple(np.array(pixels, np.int64).reshape(-1, axes).T)
    return Sites(
        values=values if layout.has_channels else values[:, 0],
        positions=np.stack(at, axis=-1),
        sizes=sizes[at],
        strides=strides[at],
        owner=owner,
        layout=layout,
    )
