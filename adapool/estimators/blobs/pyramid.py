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


@dataclass(frozen=True)
class Frame:
    """How a whole image is halved, so that a part of it is halved alike.

    The grids of a part that begins at multiples of `multiple` are those of the whole.

    Attributes
    ----------
    shapes : list of (3,) array of int
        Shape of each octave of the whole image.
    halvings : list of (3,) array of int
        How each is halved along each axis: 0 not at all, 1 every other pixel, 2 pairs.
    voxel : (3,) array
    ndim : int
        Number of spatial axes.
    widest : float
        Diameter of the largest objects, in the unit of the voxel size; infinite for half of the
        image.
    """

    shapes: list[Array]
    halvings: list[Array]
    voxel: Array
    ndim: int
    widest: float

    @classmethod
    def of(cls, shape: Array, voxel: Array, ndim: int, widest: float, octaves: float) -> Frame:
        """Return the halvings of an image: until it is small, or at most so many octaves."""
        shapes, halvings = [np.array(shape)], []
        sizes = voxel.astype(np.float64)
        while max(shapes[-1]) > _SMALLEST and len(shapes) < octaves:
            length = shapes[-1]
            long = [axis for axis in range(3 - ndim, 3) if length[axis] >= _SHORTEST]
            finest = min(sizes[axis] for axis in long)
            halving = np.zeros(3, int)
            for axis in long:
                if sizes[axis] <= _ALIKE * finest:
                    # Flipped, an image gives the same octaves, flipped: of an odd number of pixels
                    # the first and the last stay, an even number is taken in pairs.
                    halving[axis] = 1 if length[axis] % 2 == 1 else 2
            sizes = np.where(halving > 0, 2 * sizes, sizes)
            shapes.append(np.where(halving > 0, -(-length // 2), length))
            halvings.append(halving)
        return cls(shapes, halvings, voxel, ndim, widest)

    @property
    def unit(self) -> float:
        """The length that stands for a pixel of the first octave."""
        return float(self.voxel[-self.ndim :].min())

    @property
    def axes(self) -> int:
        """Along how many axes there is more than a pixel."""
        return int(np.count_nonzero(self.shapes[0] > 1))

    @property
    def multiple(self) -> Array:
        """Pixels along each axis that become one in the last octave."""
        steps = np.ones(3, int)
        for halving in self.halvings:
            steps[halving > 0] *= 2
        return steps


def octaves(image: Array, frame: Frame, noise: float) -> list[Octave]:
    """Return the octaves of an image with so much noise in each pixel, the finest first.

    Before each halving, what is no wider than two pixels and far above the noise is taken down,
    or a speck that is bright enough would be an object of every size.
    """
    voxel = frame.voxel.astype(np.float64)
    found = [Octave(image, voxel, frame.unit, 0, np.zeros(3), np.ones(3))]
    for halving in frame.halvings:
        height = _SPECK * noise * 2.0 ** (-frame.ndim / 2 * found[-1].index)
        found.append(_halved(found[-1], halving, height))
    return found


def _halved(octave: Octave, halving: Array, height: float) -> Octave:
    widths = np.minimum(_OPENING, octave.image.shape)
    opened = filters.opening(octave.image, widths)
    image = np.minimum(octave.image, opened + np.float32(height))
    for axis in np.flatnonzero(halving):
        odd = halving[axis] == 1
        weights = np.array([1, 4, 6, 4, 1]) / 16 if odd else np.array([1, 3, 3, 1]) / 8
        smooth = ndi.correlate1d(image, weights, axis, origin=0 if odd else -1)
        image = smooth[tuple(slice(None, None, 2 if a == axis else 1) for a in range(3))]
    return _coarser(octave, halving, np.ascontiguousarray(image))


def _coarser(octave: Octave, halving: Array, image: Array) -> Octave:
    """Return the next octave, whose image is given."""
    return Octave(
        image=image,
        voxel=np.where(halving > 0, 2, 1) * octave.voxel,
        unit=2 * octave.unit,
        index=octave.index + 1,
        first=octave.first + np.where(halving == 2, octave.step / 2, 0),
        step=np.where(halving > 0, 2, 1) * octave.step,
    )


def grids(frame: Frame) -> list[Octave]:
    """Return the octaves of the whole image without its pixels: where theirs are."""
    pixel = np.zeros((), np.float32)
    found = [
        Octave(np.broadcast_to(pixel, frame.shapes[0]), frame.voxel, frame.unit, 0,
               np.zeros(3), np.ones(3))
    ]  # fmt: skip
    for halving, shape in zip(frame.halvings, frame.shapes[1:], strict=True):
        found.append(_coarser(found[-1], halving, np.broadcast_to(pixel, shape)))
    return found


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
