"""Local maxima, each in a window of its own: what `peak_local_max` does once it has its arrays.

Everything is (plane, row, column), as it is for kernels; points are rows of such indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from adapool import cpu
from adapool._backends import Array, lowest_value, plain
from adapool._layout import Layout, to_triple
from adapool._otsu import otsu
from adapool._peaks.fields import Field, Points, searched
from adapool._peaks.search import Search


def find(field: Field, search: Search) -> Points:
    """Return the peaks of an image, in order, that are not too near to its border."""
    wins = candidates(field, search.level)
    points = peaks(field, wins)
    return points if search.border is False else away_from_border(field, points, search.border)


# What sizes of ellipses are clipped to where nothing limits them.
_NO_LIMITS = (1 << 62, 1 << 62, 1 << 62)


# --- candidates ---------------------------------------------------------------------------------


def candidates(field: Field, level: float | None) -> NDArray[np.bool_]:
    """Mark the pixels above `level` that win their own window, each region on its own."""
    wins = np.zeros(field.response.shape, np.bool_)
    for part in searched(field.regions):
        response, sizes = field.response[part.box], field.sizes[part.box]
        if part.inside is not None:
            response = np.where(part.inside, response, lowest_value(response.dtype))
        # An empty window has no winner.
        won = (response == _pooled(field, response, sizes)) & _some(field, sizes)
        if part.inside is not None:
            won &= part.inside
        own = level
        if own is None:
            values = response if part.inside is None else response[part.inside]
            own = 0.0 if field.own_map else _level(values)
        with np.errstate(over="ignore"):  # beyond what its dtype holds, nothing is above it
            won &= response > own
        wins[part.box] |= won
    return wins


def _pooled(field: Field, response: Array, sizes: Array) -> Array:
    """Return the maximum in the window of each pixel; NaN, or the lowest value, in an empty one."""
    image, params = plain(response[np.newaxis, ..., np.newaxis]), plain(sizes[np.newaxis])
    one = (1, 1, 1)
    if field.ellipses:
        pooled, _ = cpu.ellipse_pooling(
            image, params, field.columns, _NO_LIMITS, field.turned, one, False
        )
    else:
        pooled, _ = cpu.dynamic_pooling(
            image, params, field.columns, field.limits, True, one, False
        )
    return np.asarray(pooled[0, ..., 0])


def _some(field: Field, sizes: Array) -> NDArray[np.bool_]:
    """Mark the pixels whose window is not empty."""
    columns = (0, 1) if field.turned else field.columns
    some = np.ones(sizes.shape[:-1], np.bool_)
    for column in columns:
        if column >= 0:
            some &= sizes[..., column] > 0 if field.ellipses else sizes[..., column] >= 1
    return some


def _level(values: Array) -> float:
    """Return the threshold of an image: Otsu's, or the lowest number for a constant one."""
    values = values[np.isfinite(values)]
    if not len(values) or values.min() == values.max():
        return float(lowest_value(np.dtype(np.float64)))
    return otsu(values)


# --- from candidates to peaks -------------------------------------------------------------------


def peaks(field: Field, wins: NDArray[np.bool_]) -> Points:
    """Return one point for each plateau of candidates, none in the window of an equal one.

    In order of falling value, those of equal value in raster order.
    """
    points = np.argwhere(wins)
    ranks = _ranks(field, points)
    points, ranks = _one_per_plateau(points, ranks, wins)
    order = np.lexsort((*points.T[::-1], ranks))
    points, ranks = points[order], ranks[order]
    sizes = field.sizes_at(points)
    low = points - sizes // 2
    high = np.minimum(low + sizes, wins.shape)
    axes = field.axes_at(points)[0] if field.ellipses else None
    keep = cpu.uncovered(points, np.maximum(low, 0), high, axes, ranks, wins.shape)
    points = points[keep]
    # By value alone: ranks also tell regions apart.
    values = field.response[tuple(points.T)]
    falling = np.unique(values, return_inverse=True)[1]
    return np.asarray(points[np.lexsort((*points.T[::-1], -falling))])


def _ranks(field: Field, points: Points) -> NDArray[np.int32]:
    """Rank the values of points, 1 the largest, each region on its own."""
    at = tuple(points.T)
    distinct, rising = np.unique(field.response[at], return_inverse=True)
    keys = len(distinct) - rising
    if field.regions is not None:
        keys = keys * (int(field.regions.max()) + 1) + field.regions[at]
    return (np.unique(keys, return_inverse=True)[1] + 1).astype(np.int32)


def _one_per_plateau(
    points: Points, ranks: NDArray[np.int32], wins: NDArray[np.bool_]
) -> tuple[Points, NDArray[np.int32]]:
    """Keep, of each connected set of equal points, the one nearest to its centroid."""
    valued = np.zeros(wins.shape, np.int32)
    valued[wins] = ranks
    member = label(valued, background=0, connectivity=3)[wins] - 1
    if not len(points):
        return points, ranks
    count = np.bincount(member)
    total = np.stack([np.bincount(member, axis) for axis in points.T], axis=-1)
    # Times the count, in whole numbers, so that equal distances are equal.
    scaled = points * count[member, np.newaxis] - total[member]
    distance = np.sum(scaled**2, axis=-1)
    nearest = np.lexsort((np.arange(len(points)), distance, member))
    first = nearest[np.r_[True, np.diff(member[nearest]) > 0]]
    return points[first], ranks[first]


def away_from_border(field: Field, points: Points, border: bool | tuple[int, ...]) -> Points:
    """Keep the points whose window, for True, or whose margin, in pixels, is in the image."""
    return points[away(points, field.sizes_at(points), np.array(field.response.shape), border)]


def away(
    points: Points, sizes: Points, volume: Array, border: bool | tuple[int, ...]
) -> NDArray[np.bool_]:
    """Mark the points whose window, for True, or whose margin, in pixels, is in the image."""
    if isinstance(border, bool):
        low = points - sizes // 2
        inside = (low >= 0) & (low + sizes <= volume)
    else:
        margin: Array = np.array(to_triple(border, 0))
        inside = (points >= margin) & (points < volume - margin)
    return np.asarray(inside.all(axis=-1))


def join(found: Sequence[Points], layout: Layout) -> Points:
    """Return the points of images as one array, the number of its image first where many are."""
    points = [own[:, -layout.ndim :] for own in found]
    if layout.batch_axis is None:
        return points[0]
    return np.concatenate(
        [np.insert(own, 0, number, axis=1) for number, own in enumerate(points)], axis=0
    )


def markers(found: Sequence[Points], layout: Layout) -> Array:
    """Return a label image: each point with its number, from 1 on in each image."""
    images = np.zeros((layout.batch, *layout.volume), np.int32)
    for image, points in zip(images, found, strict=True):
        image[tuple(points.T)] = np.arange(1, len(points) + 1)
    return label_images(images, layout)


def label_images(images: Sequence[Array] | Array, layout: Layout) -> Array:
    """Put the axes of label images (plane, row, column) where those of the image are."""
    without = replace(layout, channel_axis=None, channels=1, batch_axis=layout.batch_among_pixels)
    restored: NDArray[np.int32] = without.restore(np.stack(list(images))[..., np.newaxis])
    return restored
