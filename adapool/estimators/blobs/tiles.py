"""Tiles that a large image is cut into, each with a halo around it.

The halo is what the search looks at around an object, in length:

- The filters of an octave reach 36 of its pixels far (24 in volumes): the halvings that led to it
  4, a Gaussian of 1 pixel 4, an opening 4, and the mean that the background is, three boxes of
  17 (9) pixels, 24 (12).
- An object reaches less than the largest diameter that is told apart, `widest`, from its middle,
  which is 4 times its radius at least; within it are its surroundings, the pixels that its depth
  is measured from, and what varies around it.

So the halo is 36 (24) pixels of the coarsest octave, and `widest`. Tiles begin at multiples of a
pixel of that octave, so that their grids are those of the whole image.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from adapool._backends import Array
from adapool.estimators.blobs.pyramid import Frame

# How far the filters of an octave reach, in its pixels, by the number of axes.
_REACH = {2: 36, 3: 24}

# Pixels of a tile with its halo: some 350 MB in images, 450 MB in volumes, while it is searched.
PIXELS = {2: 1 << 22, 3: 1 << 23}


@dataclass(frozen=True)
class Box:
    """A box of pixels, from `low` up to `high`."""

    low: Array
    high: Array

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index."""
        z, y, x = (slice(a, b) for a, b in zip(self.low.tolist(), self.high.tolist(), strict=True))
        return z, y, x

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its sides."""
        return tuple((self.high - self.low).tolist())

    def holds(self, points: Array) -> Array:
        """Return which points (n, 3) are inside."""
        return np.asarray(((points >= self.low) & (points < self.high)).all(axis=1))

    def grown(self, margin: Array, shape: Array) -> Box:
        """Return a larger box, cut to an image."""
        return Box(np.maximum(self.low - margin, 0), np.minimum(self.high + margin, shape))


def halo_of(frame: Frame) -> Array:
    """Return how far beyond a tile the search looks along each axis, in pixels."""
    coarsest = frame.unit * 2 ** len(frame.halvings)
    length = _REACH[frame.ndim] * coarsest + frame.widest
    pixels = np.ceil(length / frame.voxel).astype(int)
    pixels = -(-pixels // frame.multiple) * frame.multiple
    return np.where(np.arange(3) < 3 - frame.ndim, 0, pixels)


def core_of(frame: Frame, most: int) -> Array:
    """Return the sides of tiles which, with their halo, have so many pixels, if they can.

    At least as wide as their halo: with narrower ones most of the time would go into halos.
    """
    shape, halo = frame.shapes[0], halo_of(frame)
    core = shape.copy()
    free = list(range(3 - frame.ndim, 3))
    while free:
        taken = np.prod([shape[axis] for axis in range(3) if axis not in free])
        side = (most / taken) ** (1 / len(free))
        short = [axis for axis in free if shape[axis] <= max(side, 3 * halo[axis])]
        if not short:
            for axis in free:
                core[axis] = max(int(side) - 2 * halo[axis], halo[axis])
            break
        free = [axis for axis in free if axis not in short]
    core = core // frame.multiple * frame.multiple
    return np.where(core >= shape // frame.multiple * frame.multiple, shape, np.maximum(core, 1))


def tiles_of(shape: Array, core: Array) -> Iterator[Box]:
    """Yield the tiles of an image, in raster order."""
    for place in itertools.product(
        *(range(0, n, c) for n, c in zip(shape.tolist(), core.tolist(), strict=True))
    ):
        low = np.array(place)
        yield Box(low, np.minimum(low + core, shape))
