"""Octaves of an image: each smoothed and with every other pixel of the one before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool.cpu.objects import filters

# An octave whose longest side has no more pixels than this is the last.
_SMALLEST = 24

# Sides shorter than this are not halved.
_SHORTEST = 8

# Width, in pixels, of what an opening leaves, and the height, in standard deviations of noise,
# that something narrower may have.
_OPENING = 3
_SPECK = 6.0

# How much coarser than the finest an axis may be, to be halved with it.
_ALIKE = 1.5


@dataclass(frozen=True)
class Octave:
    """An image on a grid of its own.

    Attributes
    ----------
    image : (plane, row, column) array of float32
    voxel : (3,) array
        Voxel size along each axis.
    unit : float
        The length that stands for a pixel: the finest voxel size of the image, times 2 for each
        octave.
    index : int
        How many octaves are finer.
    first, step : (3,) array
        Where, in pixels of the image itself, the first pixel is, and how far the next.
    """

    image: Array
    voxel: Array
    unit: float
    index: int
    first: Array
    step: Array

    def smooth(self, image: Array, sigma: float) -> Array:
        """Smooth by a Gaussian of a standard deviation in units of a pixel."""
        sigmas = np.where(np.array(image.shape) > 1, sigma * self.unit / self.voxel, 0)
        return np.asarray(filters.gaussian(image, sigmas))

    def local_mean(self, image: Array, sigma: float) -> Array:
        """Smooth by three boxes, whose cost does not grow with sigma as that of a Gaussian does.

        A box of width w has the variance (w^2 - 1) / 12. Widths are odd: others shift an image.
        """
        widths = np.sqrt(4 * (sigma * self.unit / self.voxel) ** 2 + 1)
        odd = 2 * np.round((widths - 1) / 2).astype(int) + 1
        odd = np.minimum(odd, 2 * np.array(image.shape) - 1)
        for _ in range(3):
            image = filters.boxes(image, odd)
        return np.asarray(image)

    def to_image(self, positions: Array) -> Array:
        """Return positions (n, 3) in pixels of the image itself."""
        return np.asarray(self.first + positions * self.step)


def octaves(image: Array, voxel: Array, ndim: int, noise: float) -> list[Octave]:
    """Return the octaves of an image with so much noise in each pixel, the finest first.

    Before each halving, what is no wider than two pixels and far above the noise is taken down,
    or a speck that is bright enough would be an object of every size.
    """
    unit = float(voxel[-ndim:].min())
    found = [Octave(image, voxel.astype(np.float64), unit, 0, np.zeros(3), np.ones(3))]
    while max(found[-1].image.shape) > _SMALLEST:
        height = _SPECK * noise * 2.0 ** (-ndim / 2 * found[-1].index)
        found.append(_halved(found[-1], ndim, height))
    return found


def _halved(octave: Octave, ndim: int, height: float) -> Octave:
    first, step = octave.first.copy(), octave.step.copy()
    widths = np.minimum(_OPENING, octave.image.shape)
    opened = filters.opening(octave.image, widths)
    image = np.minimum(octave.image, opened + np.float32(height))
    voxel = octave.voxel.copy()
    spatial = range(3 - ndim, 3)
    long = [axis for axis in spatial if image.shape[axis] >= _SHORTEST]
    finest = min(octave.voxel[axis] for axis in long)
    for axis in long:
        if octave.voxel[axis] <= _ALIKE * finest:
            # Flipped, an image gives the same octaves, flipped: of an odd number of pixels the
            # first and the last stay, an even number is taken in pairs.
            odd = image.shape[axis] % 2 == 1
            weights = np.array([1, 4, 6, 4, 1]) / 16 if odd else np.array([1, 3, 3, 1]) / 8
            smooth = ndi.correlate1d(image, weights, axis, origin=0 if odd else -1)
            image = smooth[tuple(slice(None, None, 2 if a == axis else 1) for a in range(3))]
            first[axis] += 0 if odd else step[axis] / 2
            step[axis] *= 2
            voxel[axis] *= 2
    image = np.ascontiguousarray(image)
    return Octave(image, voxel, 2 * octave.unit, octave.index + 1, first, step)


def pixels_of(fine: Octave, coarse: Octave) -> list[Array]:
    """Return, along each axis, the pixel of a coarser octave that each of a finer one lies in."""
    maps = []
    for axis in range(3):
        count = coarse.image.shape[axis]
        place = fine.first[axis] + np.arange(fine.image.shape[axis]) * fine.step[axis]
        nearest = (place - coarse.first[axis]) / coarse.step[axis]
        maps.append(np.clip(_rounded(nearest, count), 0, count - 1))
    return maps


def _rounded(values: Array, count: int) -> Array:
    """Round; a half toward the middle of the axis, so that a flipped image gives the same."""
    middle = (count - 1) / 2
    whole = np.where(values > middle, np.ceil(values - 0.5), np.floor(values + 0.5))
    return np.asarray(whole.astype(np.int64))
