"""What may be an object in an octave: components of the map of depths, and spots."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import components, depths, filters
from adapool.cpu.objects import spots as kernels
from adapool.estimators.blobs.noise import QUARTILE, together
from adapool.estimators.blobs.pyramid import Frame, Octave

# Scale on which the ground varies, in pixels of the octave: in volumes as many pixels are nearer.
_GROUND = {2: 8.0, 3: 4.0}

# Levels that an object is looked at, in local contrasts above the ground, and how many standard
# deviations of noise a local contrast is at least.
_LEVELS = np.linspace(0.2, 2.0, 10).astype(np.float32)
_NOISES = 3.0

# Width, in pixels, up to which something far above the noise is no part of the ground, and how
# many standard deviations that is.
_SMALL = 5
_HEIGHT = 6.0

# Diameters that are looked for in an octave, in its pixels: smaller ones in a finer one, but for
# the first, and larger ones in a coarser one, but for the last.
_NARROWEST = 5.0
_WIDEST = 40.0

# Pixels below which a component is too small to tell its shape.
_LEAST = 9

# Mean depth, in pixels, below which a pixel is background: the halo of two disks that touch is
# shallow, and an ellipse.
_SHALLOW = 0.1

# Grey levels that the map of depths is cut into for the tree.
_GREYS = 256

# How fast the score of a component falls as it departs from an ellipsoid. Two touching disks,
# taken for one, fit to 0.89.
STRICTNESS = 16

# Pixels from which threads pay.
_THREADED = 1 << 18

# Scale of spots, in pixels: between the sharpest that a microscope draws, and twice that.
_SPOT = 1.5

# Share of its maximum down to which the response to a spot is it.
_SPOT_SHARE = 0.25

# Curvature of a spot along the axis of the least, over that along the axis of the most, by the
# number of axes: bumps on a rim have less. In a volume, where a lens draws spots up to three
# times as long as wide, 0.2.
_ROUNDNESS = {1: 0.35, 2: 0.35, 3: 0.2}

# Share of the height of a spot that it falls by before it meets a higher one: bumps on a rim fall
# by less. And how many times as many standard deviations of noise as its height is at least.
_APART = 0.25
_RISE = 0.6

# Fit of a disk that pixels draw.
_ROUND = 0.985

# Median absolute deviation of a normal variable, inverted.
_MAD = 1.4826


@dataclass(frozen=True)
class Found:
    """Candidates of an octave, from one source: labels from 1 on in the order of the others.

    Attributes
    ----------
    octave : Octave
    labels : (plane, row, column) array of int32
    depth : (plane, row, column) array of float32
        Highest in the middle of each.
    above : (plane, row, column) array of float32
        The smoothed image above its ground.
    fits : (n,) array
        Volume over that of the ellipsoid with the same moments.
    scales : (n,) array
        For spots, the response at twice their scale, over that at it; NaN for others.
    heights : (n,) array
        For spots, the response, in deviations from the median of all maxima, or what it falls by
        before it meets a higher one, in those of noise, if that is less; infinite for others.
    """

    octave: Octave
    labels: Array
    depth: Array
    above: Array
    fits: Array
    scales: Array
    heights: Array


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


def octaves_for(widest: float, unit: float) -> float:
    """Return how many octaves show objects of up to this diameter."""
    return 1 + max(0.0, float(np.ceil(np.log2(widest / (_WIDEST * unit)) - 1e-9)))


def limits(frame: Frame, octave: Octave) -> Limits:
    """Return how large the components of an octave are that are looked for."""
    last = octave.index == len(frame.halvings)
    least = _NARROWEST if octave.index else 0.0
    # No more than half of the image.
    pixels = float(frame.shapes[octave.index].prod()) / 2
    if not np.isfinite(frame.widest):
        return Limits(least, np.inf if last else _WIDEST, pixels, None)
    most = min(frame.widest / octave.unit, _WIDEST)
    # How deep something wider is tells nothing, and would have to be asked of pixels far away.
    return Limits(least, most, pixels, 0.6 * most + 1)


def components_of(octave: Octave, smooth: Array, noise: float, ndim: int, sized: Limits) -> Found:
    """Find the components of the map of depths that are most like ellipsoids."""
    above, contrast = _local_contrast(octave, smooth, noise, ndim)
    depth = _mean_depth(octave, np.divide(above, contrast, out=contrast), ndim, sized.deepest)
    del contrast  # memory, in volumes
    labels, fits = _ellipsoids(depth, sized, octave, ndim)
    none = np.full(len(fits), np.nan)
    return Found(octave, labels, depth, above, fits, none, np.full(len(fits), np.inf))


def _local_contrast(octave: Octave, smooth: Array, noise: float, ndim: int) -> tuple[Array, Array]:
    """Return what an image is above its ground, and the contrast that there is around."""
    without = _without_small(smooth, noise)
    ground = octave.local_mean(without, _GROUND[ndim])
    without -= ground
    contrast = octave.local_mean(np.square(without, out=without), _GROUND[ndim])
    contrast = np.sqrt(np.maximum(contrast, 0) + np.float32((_NOISES * noise) ** 2))
    return smooth - ground, np.maximum(contrast, np.float32(1e-30))


def _without_small(smooth: Array, noise: float) -> Array:
    """Take down what is small and far above the noise, or it would hide what is around it."""
    widths = [_SMALL if n > 1 else 1 for n in smooth.shape]
    opened = filters.opening(smooth, np.minimum(widths, smooth.shape))
    return np.asarray(np.minimum(smooth, opened + np.float32(_HEIGHT * noise)))


def _mean_depth(octave: Octave, relative: Array, ndim: int, deepest: float | None) -> Array:
    """Average the distance to the background, over the levels that the background may have.

    Where nuclei touch, brighter levels part them; where one is textured, the darker levels, in
    which it is whole and so deep, outweigh the brighter ones.
    """
    voxel = octave.voxel / octave.unit
    # Where a level has no background.
    most = np.float32(np.linalg.norm(voxel * relative.shape) if deepest is None else deepest)
    steps, weights = depths.scan(ndim, voxel)
    # Threads pay from some milliseconds on: where cores are busy, they wait for each other. In
    # volumes a second one would take 25 bytes of memory a voxel to save a twentieth of the time.
    work = 0 if relative.size < _THREADED or ndim == 3 else relative.size * len(_LEVELS)
    sums = depths.sum_depths(relative, _LEVELS, steps, weights, most, work=work)
    sums /= np.float32(len(_LEVELS))
    depth = octave.smooth(sums, 0.5)
    depth[depth < _SHALLOW] = 0
    return depth


def _ellipsoids(depth: Array, limited: Limits, octave: Octave, ndim: int) -> tuple[Array, Array]:
    """Label the components of the depth, at any level, that are most like ellipsoids.

    Of all ways to choose components none of which holds another, the one with the largest sum of
    extent times fit: a component is parted where its parts fit better than it does.
    """
    # By its root, as shallow objects need finer steps than deep ones.
    deepest = float(depth.max()) if limited.deepest is None else limited.deepest
    factor = np.float32((_GREYS - 1) ** 2 / max(deepest, 1e-30))
    values = np.sqrt(depth * factor).astype(np.uint8).ravel()
    order = np.empty(np.count_nonzero(values), np.int32)
    components.fall(values, order, np.zeros(_GREYS, np.int64), work=0)
    parent = np.empty(values.size, np.int32)
    components.build_tree(order, values, depth.shape, parent, work=0)
    node = np.empty(values.size, np.int32)
    count = components.number(order, parent, values, node, work=0)
    moments, over = np.zeros((count, 10)), np.empty(count, np.int32)
    components.sum_moments(order, parent, node, depth.shape, moments, over, work=0)
    volume = moments[:, 0] * float((octave.voxel / octave.unit)[-ndim:].prod())
    diameter = 2 * (volume / unit_ball(ndim)) ** (1 / ndim)
    sized = (moments[:, 0] >= _LEAST) & (moments[:, 0] <= limited.pixels)
    right = np.flatnonzero(sized & (diameter >= limited.least) & (diameter <= limited.most))
    fits, score = np.zeros(count), np.zeros(count)
    fits[right] = _fit(moments[right], ndim)
    score[right] = diameter[right] * fits[right] ** STRICTNESS
    chosen = np.empty(count, np.int32)
    number = components.choose(over, score, chosen, work=0)
    labels = np.zeros(values.size, np.int32)
    components.label(order, node, chosen, labels, work=0)
    # Of those with a number, the first is what was chosen: larger ones come first.
    kept = np.flatnonzero(chosen)
    first = kept[np.unique(chosen[kept], return_index=True)[1]]
    assert len(first) == number
    return labels.reshape(depth.shape), fits[first]


def _fit(moments: Array, ndim: int) -> Array:
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


class Maxima(NamedTuple):
    """The response of an octave to spots, and its maxima.

    Attributes
    ----------
    blurred, response : (plane, row, column) array of float32
    up : flat array of int32
        The maximum that each pixel climbs to; -1 where the response is not positive.
    places : (n,) array
        The maxima, as flat indices.
    """

    blurred: Array
    response: Array
    up: Array
    places: Array


class Clutter(NamedTuple):
    """What maxima noise and clutter make: the middle and the deviation of all, and the noise."""

    middle: float
    deviation: float
    noise: float


def maxima_of(octave: Octave) -> Maxima:
    """Find the maxima of the Laplacian of a Gaussian."""
    response = np.empty_like(octave.image)
    size = response.size
    blurred = octave.smooth(octave.image, _SPOT)
    kernels.laplacian(blurred, _curvatures(octave), response, work=10 * size)
    up = np.empty(size, np.int32)
    kernels.climb(response, up, work=30 * size)
    kernels.settle(up, work=0)
    return Maxima(blurred, response, up, np.flatnonzero(up == np.arange(size, dtype=np.int32)))


def _curvatures(octave: Octave) -> Array:
    return np.asarray(((octave.unit / octave.voxel) ** 2).astype(np.float32))


def clutter_of(highest: list[Array], responses: list[Array]) -> Clutter:
    """Return what maxima noise and clutter make, from all of them, most of which are of that kind.

    `highest` are the values of maxima, `responses` those of all pixels, of parts of an image.
    """
    values = together(highest)
    middle = np.median(values) if len(values) else np.float32(0)
    deviation = _MAD * np.median(np.abs(values - middle)) if len(values) else np.float32(0)
    step = max(1, sum(each.size for each in responses) >> 15)
    thinned = together([np.abs(each.ravel()[::step]) for each in responses])
    return Clutter(float(middle), float(deviation), float(np.quantile(thinned, 0.25)) / QUARTILE)


def spots_of(
    octave: Octave, found: Maxima, clutter: Clutter, coarse: Array, above: Array, height: float
) -> Found:
    """Find spots: maxima higher than those that noise makes.

    A spot is `height` deviations above the median of maxima, and above where it meets a higher
    one. `coarse` is the image, smoothed by 2 scales; `above`, what it is above its ground.
    """
    blurred, response, up, maxima = found
    middle, deviation, noise = clutter
    flat, size = response.ravel(), response.size
    highest = flat[maxima]
    heights = (highest - middle) / max(deviation, 1e-30)
    tied = np.zeros_like(flat)
    # Where the lowest spot may meet a higher one: nothing below that tells.
    lowest = float(middle) + height * deviation
    floor = max(min(lowest - _RISE * height * noise, (1 - _APART) * lowest), 0)
    kernels.meetings(response, up, floor, tied)
    rises = highest - tied[maxima]
    both = np.minimum(heights, rises / max(noise, 1e-30))
    kept = (heights >= height) & (rises >= _RISE * height * noise) & (rises >= _APART * highest)
    axes = max(sum(n > 1 for n in response.shape), 1)
    kept[kept] = _roundness(blurred, maxima[kept], octave) >= _ROUNDNESS[axes]
    maxima, heights = maxima[kept], both[kept]
    # Both in units that a spot of either scale answers alike: times the squared scale.
    wide = tied.reshape(response.shape)  # its memory
    kernels.laplacian(coarse, _curvatures(octave), wide, work=10 * size)
    scales = 4 * wide.ravel()[maxima] / flat[maxima]
    del tied, wide  # memory, in volumes
    number, labels = np.zeros(size, np.int32), np.zeros(size, np.int32)
    number[maxima] = np.arange(1, len(maxima) + 1)
    kernels.basins(flat, up, number, np.float32(_SPOT_SHARE), labels, work=0)
    fits = np.full(len(maxima), _ROUND)
    return Found(
        octave,
        labels.reshape(response.shape),
        response,
        above,
        fits,
        scales,
        heights,
    )


def _roundness(image: Array, pixels: Array, octave: Octave) -> Array:
    """Return the least over the largest curvature of an image at some pixels, downward."""
    axes = [axis for axis in range(3) if image.shape[axis] > 1]
    if not axes:
        return np.ones(len(pixels))
    place = np.stack(np.unravel_index(pixels, image.shape), axis=-1)
    last = np.array(image.shape) - 1
    step = np.eye(3, dtype=np.int64)

    def at(shift: Array) -> Array:
        return np.asarray(image[tuple(np.clip(place + shift, 0, last).T)], np.float64)

    curvature = np.empty((len(pixels), len(axes), len(axes)))
    for (i, a), (j, b) in itertools.combinations_with_replacement(enumerate(axes), 2):
        if a == b:
            value = 2 * at(0 * step[a]) - at(step[a]) - at(-step[a])
        else:
            value = at(step[a] - step[b]) + at(step[b] - step[a])
            value = (value - at(step[a] + step[b]) - at(-step[a] - step[b])) / 4
        value *= octave.unit**2 / (octave.voxel[a] * octave.voxel[b])
        curvature[:, i, j] = curvature[:, j, i] = value
    values = np.linalg.eigvalsh(curvature)
    return np.asarray(values[:, 0] / np.maximum(values[:, -1], 1e-30))
