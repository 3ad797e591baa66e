"""Components of level sets that are most like ellipsoids."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import components
from adapool.estimators.blobs.pyramid import Octave

# Pixels below which a component is too small to tell its shape.
_LEAST = 9

# Grey levels of the maps that trees are made of.
GREYS = 256

# How fast the score of a component falls as it departs from an ellipsoid. Two touching disks,
# taken for one, fit to 0.89.
STRICTNESS = 16


class Limits(NamedTuple):
    """How large the components of an octave may be.

    Attributes
    ----------
    least, most : float
        Diameters, in pixels of the octave.
    pixels : float
        How many they may have.
    deepest : float or None
        What a depth counts as at most, in pixels; None for no limit.
    """

    least: float
    most: float
    pixels: float
    deepest: float | None


def ellipsoids(greys: Array, limited: Limits, octave: Octave, ndim: int) -> tuple[Array, Array]:
    """Label the components of a map of grey levels, at any level, that are most like ellipsoids.

    Of all ways to choose components none of which holds another, the one with the largest sum of
    extent times fit: a component is parted where its parts fit better than it does.
    """
    values = greys.ravel()
    order = np.empty(np.count_nonzero(values), np.int32)
    components.fall(values, order, np.zeros(GREYS, np.int64), work=0)
    parent = np.empty(values.size, np.int32)
    components.build_tree(order, values, greys.shape, parent, work=0)
    node = np.empty(values.size, np.int32)
    count = components.number(order, parent, values, node, work=0)
    moments, over = np.zeros((count, 10)), np.empty(count, np.int32)
    components.sum_moments(order, parent, node, greys.shape, moments, over, work=0)
    volume = moments[:, 0] * float((octave.voxel / octave.unit)[-ndim:].prod())
    diameter = 2 * (volume / unit_ball(ndim)) ** (1 / ndim)
    sized = (moments[:, 0] >= _LEAST) & (moments[:, 0] <= limited.pixels)
    right = np.flatnonzero(sized & (diameter >= limited.least) & (diameter <= limited.most))
    fits, score = np.zeros(count), np.zeros(count)
    fits[right] = fit(moments[right], ndim)
    score[right] = diameter[right] * fits[right] ** STRICTNESS
    chosen = np.empty(count, np.int32)
    number = components.choose(over, score, chosen, work=0)
    labels = np.zeros(values.size, np.int32)
    components.label(order, node, chosen, labels, work=0)
    # Of those with a number, the first is what was chosen: larger ones come first.
    kept = np.flatnonzero(chosen)
    first = kept[np.unique(chosen[kept], return_index=True)[1]]
    assert len(first) == number
    return labels.reshape(greys.shape), fits[first]


def fit(moments: Array, ndim: int) -> Array:
    """Return the volume of components over that of the ellipsoids with the same moments.

    At most 1, and 1 for ellipsoids: along a semiaxis a, their variance is a^2 / (d + 2).
    """
    count = moments[:, 0]
    first, last = 3 - ndim, 3
    # About a pixel near the middle, in whole numbers, so that rounding is the same wherever in an
    # image, or in a part of it, a component is.
    near = np.round(moments[:, 1:4] / count[:, np.newaxis])
    off = moments[:, 1:4] - near * count[:, np.newaxis]
    mean = off / count[:, np.newaxis]
    covariance = np.empty((len(moments), ndim, ndim))
    for i, j in itertools.combinations_with_replacement(range(first, last), 2):
        column = 4 + i if i == j else 6 + i + j
        square = moments[:, column] - near[:, i] * near[:, j] * count
        square -= near[:, i] * off[:, j] + near[:, j] * off[:, i]
        value = square / count - mean[:, i] * mean[:, j]
        value += (i == j) / 12  # a pixel is no point
        covariance[:, i - first, j - first] = covariance[:, j - first, i - first] = value
    # Both volumes are in pixels: the voxel size cancels.
    ellipsoid = unit_ball(ndim) * (ndim + 2) ** (ndim / 2) * np.sqrt(np.linalg.det(covariance))
    return np.asarray(np.minimum(count / ellipsoid, 1))


def unit_ball(ndim: int) -> float:
    """Return the volume of the disk or ball of radius 1."""
    return math.pi if ndim == 2 else 4 / 3 * math.pi
