"""One value for each region of a label image."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .common import Array, Layout, Position, ask, ask_per_point, counted_dtype, flat_index, winner
from .dynamic import Sites


def nearest_to_centroid(pixels: list[Position]) -> Position:
    """The pixel nearest to the mean of all: exactly, the first in raster order among equals."""
    centroid = [Fraction(sum(axis), len(pixels)) for axis in zip(*pixels, strict=True)]

    def distance(pixel: Position) -> Fraction:
        return sum(((p - c) ** 2 for p, c in zip(pixel, centroid, strict=True)), Fraction(0))

    return min(pixels, key=distance)


def extremum(values: Array, indices: list[int], least: bool) -> tuple[Any, int]:
    """The first of the largest values, or of the least; the first NaN where there is one."""
    if not least:
        return winner(zip(values, indices, strict=True), values.dtype)
    best, best_index = values[0], indices[0]
    for value, index in zip(values, indices, strict=True):
        if value < best or (np.isnan(value) and not np.isnan(best)):
            best, best_index = value, index
    return best, best_index


def total(values: Array) -> float:
    """The sum of floats, rounded once."""
    if np.isfinite(values).all():
        return math.fsum(values.tolist())
    return float(values.sum())


@np.errstate(all="ignore")
def region_pooling(
    feature_map: Array,
    region_network: Any,
    *,
    reduction: str = "max",
    attention_network: Any = None,
    channel_axis: int | None = -1,
    return_indices: bool = False,
) -> Any:
    layout = Layout(feature_map.ndim, channel_axis, None)
    images = layout.canonical(feature_map)
    image, spatial = images[0], images.shape[1:-1]
    labels = ask_per_point(region_network, images, spatial, False)[0, ..., 0]
    dtype = image.dtype
    if attention_network is not None:
        answer, predicted = ask(attention_network, images)
        dtype = np.result_type(dtype, np.float32 if predicted else counted_dtype(answer))
        weights = ask_per_point(answer, images, spatial, False)[0]
    computed = np.dtype(np.float32) if dtype == np.float16 else dtype
    if reduction in ("mean", "sum"):
        computed, dtype = np.dtype(np.float64), np.result_type(dtype, np.float32)
    image = image.astype(computed)
    if attention_network is not None:
        image = image * weights.astype(computed)

    distinct = sorted({int(label) for label in labels.ravel()} - {0})
    owner = np.full(spatial, -1, np.int32)
    shape = (len(distinct), image.shape[-1])
    values, indices = np.empty(shape, dtype), np.empty(shape, np.int64)
    positions, sizes = np.empty((2, len(distinct), len(spatial)), np.int64)
    for rank, label in enumerate(distinct):
        pixels = [p for p in np.ndindex(spatial) if int(labels[p]) == label]
        for pixel in pixels:
            owner[pixel] = rank
        positions[rank] = nearest_to_centroid(pixels)
        sizes[rank] = [max(axis) - min(axis) + 1 for axis in zip(*pixels, strict=True)]
        places = [flat_index(pixel, spatial) for pixel in pixels]
        for c in range(image.shape[-1]):
            own = np.array([image[(*pixel, c)] for pixel in pixels])
            if reduction in ("max", "min"):
                values[rank, c], indices[rank, c] = extremum(own, places, reduction == "min")
            else:
                values[rank, c] = total(own) / (len(own) if reduction == "mean" else 1)
    if not layout.has_channels:
        values, indices = values[:, 0], indices[:, 0]
    sites = Sites(values, positions, sizes, sizes, owner, layout)
    return (sites, indices) if return_indices else sites
