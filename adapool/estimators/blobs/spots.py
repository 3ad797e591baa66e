"""Spots: maxima of the Laplacian of a Gaussian, higher than those that noise makes."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import spots as kernels
from adapool.cpu.objects.ranks import ranked
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.noise import QUARTILE, together
from adapool.estimators.blobs.pyramid import Octave

# Scale of spots, in pixels: between the sharpest that a microscope draws, and twice that.
_SPOT = 1.5

# Share of its maximum down to which the response to a spot is it: to where a Gaussian spot,
# smoothed by that scale, has fallen to about half, 57 %.
_SPOT_SHARE = 0.25

# Curvature of a spot along the axis of the least, over that along the axis of the most, by the
# number of axes: bumps on a rim have less. With a sigma of 1.5 pixels, smoothed by the scale, one
# twice as long as wide has 0.4. In a volume, where a lens draws spots up to three times as long as
# wide, 0.2.
_ROUNDNESS = {1: 0.35, 2: 0.35, 3: 0.2}

# Share of the height of a spot that it falls by before it meets a higher one: bumps on a rim fall
# by less, and between two points that a lens just resolves, as Rayleigh has it, is a dip of 26 %.
# And how many times as many standard deviations of noise as its height is at least: with a height
# of 5, 3.
_APART = 0.25
_RISE = 0.6

# Fit of a disk that pixels draw.
_ROUND = 0.985

# Median absolute deviation of a normal variable, inverted.
_MAD = 1.4826


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
    size = np.abs(together(responses))
    noise = float(ranked(size, size.size // 4)[0]) / QUARTILE
    return Clutter(float(middle), float(deviation), noise)


def spots_of(
    octave: Octave, found: Maxima, clutter: Clutter, coarse: Array, above: Array, height: float
) -> Found:
    """Find spots: maxima higher than those that noise makes.

    A spot is `height` deviations above the median of maxima, and above where it meets a higher
    one. `coarse` is the image, smoothed by 2 scales; `above`, what it is above its background.
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
