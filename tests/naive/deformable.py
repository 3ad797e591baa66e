"""Deformable convolution, alone and followed by max pooling."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .common import (
    Array,
    Layout,
    PerAxis,
    Position,
    ask_per_point,
    counted_dtype,
    flat_index,
    per_axis,
)
from .fixed import Grid, make_grid, max_pooling


def sampling_points(
    base: Position, displacement: Array, interpolation: str
) -> list[tuple[Position, float]]:
    """The pixels that one sample is made of, inside the image or not, and their weights."""
    pairs = list(zip(base, displacement, strict=True))
    if interpolation == "truncate":
        sums = [displacement.dtype.type(b) + delta for b, delta in pairs]
        if not np.isfinite(sums).all():  # float16 overflows: outside of any image
            return []
        return [(tuple(int(total) for total in sums), 1.0)]
    below = [b + math.floor(delta) for b, delta in pairs]
    fractions = [float(delta) - math.floor(delta) for delta in displacement]
    if interpolation == "nearest":
        nearest = (b + (f >= 0.5) for b, f in zip(below, fractions, strict=True))
        return [(tuple(nearest), 1.0)]
    choices = [((b, 1.0 - f), (b + 1, f)) for b, f in zip(below, fractions, strict=True)]
    corners = []
    for corner in itertools.product(*choices):
        weight = math.prod(w for _, w in corner)
        if weight > 0:
            corners.append((tuple(p for p, _ in corner), weight))
    return corners


def sample(plane: Array, points: list[tuple[Position, float]]) -> float:
    """Weighted sum over the points of one channel; those outside count as zero."""
    inside = [(p, weight) for p, weight in points if flat_index(p, plane.shape) >= 0]
    return float(sum(float(plane[p]) * weight for p, weight in inside))


def window_samples(
    image: Array, bases: list[Position], displacements: Array, mask: Array, interpolation: str
) -> Array:
    """The masked samples (taps, channels) of one window.

    `displacements` is (offset groups, taps, axes) and `mask` (offset groups, taps).
    """
    channels = image.shape[-1]
    samples = np.empty((len(bases), channels))
    for tap, c in np.ndindex(samples.shape):
        group = c * len(displacements) // channels
        points = sampling_points(bases[tap], displacements[group, tap], interpolation)
        samples[tap, c] = sample(image[..., c], points) * mask[group, tap]
    return samples


def filter_response(samples: Array, weights: Array, groups: int, number: int) -> float:
    """One output of one window: only the channels of the filter's own group count.

    `samples` is (taps, channels) and `weights` (taps, channels // groups, filters).
    """
    per_group, filters = weights.shape[1:]
    first = number * groups // filters * per_group
    return float((samples[:, first : first + per_group] * weights[..., number]).sum())


def clipped(displacements: Array, max_offset: Any) -> Array:
    if displacements.dtype.kind in "iub":
        displacements = displacements.astype(np.float64)  # exact for any position in an image
    if max_offset is None:
        return displacements
    with np.errstate(over="ignore"):  # beyond what the dtype holds there is no limit
        limit = np.asarray(per_axis(max_offset, displacements.shape[-1]), displacements.dtype)
    return np.clip(displacements, -limit, limit)


def ask_displacements(
    network: Any, images: Array, grid: Grid, offset_groups: int, max_offset: Any, batched: bool
) -> Array:
    """Displacements (batch, *sites, offset groups, taps, axes), in native byte order."""
    answer = ask_per_point(network, images, grid.sites, batched)
    answer = answer.astype(answer.dtype.newbyteorder("="))
    axes = len(grid.spatial)
    per_site = (offset_groups, grid.taps, axes)
    if answer.shape[-1] == axes:  # shared by all taps and groups
        answer = np.broadcast_to(
            answer[..., np.newaxis, np.newaxis, :], (*answer.shape[:-1], *per_site)
        )
    return clipped(answer.reshape(*answer.shape[: axes + 1], *per_site), max_offset)


def deformable_conv(
    feature_map: Array,
    conv_weights: Array,
    offset_network: Any,
    *,
    mask_network: Any = None,
    bias: Array | None = None,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    offset_groups: int = 1,
    interpolation: str | None = None,
    max_offset: Any = None,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
) -> Array:
    layout = Layout(feature_map.ndim, channel_axis, batch_axis)
    images = layout.canonical(feature_map)
    spatial, channels = images.shape[1:-1], images.shape[-1]
    kernel = conv_weights.shape[:-2]
    weights = conv_weights.astype(np.float64).reshape(-1, *conv_weights.shape[-2:])
    if conv_weights.ndim == 1:  # one tap, and a filter for each channel alone
        kernel, groups = (1,) * len(spatial), channels
        weights = weights.reshape(1, 1, channels)
    if interpolation is None:
        interpolation = "truncate" if conv_weights.ndim == 1 else "linear"
    grid = make_grid(spatial, kernel, stride, padding, dilation)
    offsets = ask_displacements(
        offset_network, images, grid, offset_groups, max_offset, layout.has_batch
    )
    masks = np.ones(offsets.shape[:-1])
    if mask_network is not None:
        masks = ask_per_point(mask_network, images, grid.sites, layout.has_batch)
        masks = masks.astype(np.float64).reshape(offsets.shape[:-1])

    filters = weights.shape[-1]
    values = np.empty((len(images), *grid.sites, filters))
    with np.errstate(all="ignore"):
        for n, *site in np.ndindex(values.shape[:-1]):
            at, bases = (n, *site), grid.positions(tuple(site))
            samples = window_samples(images[n], bases, offsets[at], masks[at], interpolation)
            for f in range(filters):
                shift = 0.0 if bias is None else float(bias[f])
                values[(*at, f)] = filter_response(samples, weights, groups, f) + shift
        operands = [a for a in (conv_weights, mask_network, bias) if a is not None]
        dtype = np.result_type(images.dtype, np.float32, *map(counted_dtype, operands))
        return layout.restored(values.astype(dtype))


def deformable_conv_and_pool(
    feature_map: Array,
    conv_weights: Array,
    offset_network: Any,
    kernel_size: PerAxis,
    *,
    pool_stride: PerAxis | None = None,
    pool_padding: PerAxis = 0,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
    **convolution: Any,
) -> Any:
    convolved = deformable_conv(
        feature_map,
        conv_weights,
        offset_network,
        channel_axis=channel_axis,
        batch_axis=batch_axis,
        **convolution,
    )
    return max_pooling(
        convolved,
        kernel_size,
        stride=pool_stride,
        padding=pool_padding,
        ceil_mode=ceil_mode,
        channel_axis=channel_axis,
        batch_axis=batch_axis,
        return_indices=return_indices,
    )
