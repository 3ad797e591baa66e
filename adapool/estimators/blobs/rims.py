"""Rims of candidates: where they are, and how high."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import labels as drawn
from adapool.cpu.objects import rims as kernels
from adapool.estimators.blobs.candidates import Found, unit_ball
from adapool.estimators.blobs.pyramid import Octave

# How far beyond the pixels of a candidate its rim may be, in diameters, and in pixels.
_RIM = 0.3
_FARTHEST = 6

# How wide the rim of something in focus is, in pixels of the image itself: what a spot with a sigma
# of 1.5 pixels rises by is within it.
_WIDTH = 4.0


def grown(found: Found, coarse: Array, ndim: int) -> Found:
    """Let candidates grow to their rims.

    What was parted from its neighbours is the core of an object. Its rim is where the coarse image
    falls most, in a few steps around it. `coarse` is the image smoothed by 3 pixels.
    """
    octave, count = found.octave, len(found.fits)
    volumes = drawn.volumes(found.labels, count)
    diameters = 2 * (volumes * octave.voxel[-ndim:].prod() / unit_ball(ndim)) ** (1 / ndim)
    most = np.minimum(_RIM * diameters / octave.unit, _FARTHEST).astype(np.int64)
    most[np.isfinite(found.heights)] = 0  # a spot is what responds to the Laplacian
    labels = found.labels.flatten()
    steps = np.zeros(labels.size, np.int8)
    sums = np.zeros((count, _FARTHEST + 1))
    kernels.rims(
        coarse,
        found.labels,
        found.depth,
        octave.voxel,
        most,
        labels,
        steps,
        sums,
        work=0,
    )
    drawn.trim(labels, steps, np.argmax(sums, axis=1), work=0)
    return replace(found, labels=labels.reshape(found.labels.shape))


def steps(found: Found, coarse: Array, octaves: list[Octave], smooth: list[Array]) -> Array:
    """Return how high the rim of each candidate is, within a few pixels of the image itself.

    A rim is followed from the octave in which it was found to the finest, where it falls most
    within a pixel, as in F. Bergholm, "Edge Focusing", IEEE Transactions on Pattern Analysis and
    Machine Intelligence 9(6), 1987. The median over the rim: other objects may lie beside it.
    """
    places, numbers = _rim(found.labels)
    if not len(places):
        return np.zeros(len(found.fits))
    uphill = _slopes(coarse, places, found.octave.voxel)
    first = octaves[0]
    where = found.octave.to_image(places) * first.voxel
    heights = np.zeros(len(places))
    for octave in octaves[found.octave.index :: -1]:
        half = max(_WIDTH / 2 * first.unit, octave.unit) * uphill
        fixed = octave.index > 0 and octave is found.octave
        best, at = np.full(len(places), -np.inf), where
        for shift in (0.0,) if fixed else (-1.0, 0.0, 1.0):
            moved = where + shift * octave.unit * uphill
            high, low = (_values(smooth[octave.index], octave, moved + s * half) for s in (1, -1))
            higher = high - low > best
            best = np.where(higher, high - low, best)
            at = np.where(higher[:, np.newaxis], moved, at)
        where, heights = at, best
    return _medians(heights, numbers, len(found.fits))


def _rim(labels: Array) -> tuple[Array, Array]:
    """Return the labelled pixels beside pixels without a label, (n, 3), and whose they are."""
    rim = np.zeros(labels.shape, np.bool_)
    for axis in range(3):
        free = np.moveaxis(labels == 0, axis, 0)
        beside = np.moveaxis(rim, axis, 0)
        beside[1:] |= free[:-1]
        beside[:-1] |= free[1:]
    rim &= labels > 0
    return np.argwhere(rim), labels[rim] - 1


def _slopes(image: Array, places: Array, voxel: Array) -> Array:
    """Return the direction in which an image rises, of length 1, at some pixels: (n, 3)."""
    out = np.zeros((len(places), 3))
    last = np.array(image.shape) - 1
    for axis, step in enumerate(np.eye(3, dtype=np.int64)):
        if last[axis]:
            after, before = np.minimum(places + step, last), np.maximum(places - step, 0)
            rise = image[tuple(after.T)] - image[tuple(before.T)]
            out[:, axis] = rise / (after - before)[:, axis] / voxel[axis]
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-30))


def _values(image: Array, octave: Octave, where: Array) -> Array:
    """Return the values of the pixels nearest to places in the unit of the voxel size."""
    voxel = octave.voxel / octave.step
    pixels = np.rint((where / voxel - octave.first) / octave.step).astype(np.int64)
    return np.asarray(image[tuple(np.clip(pixels, 0, np.array(image.shape) - 1).T)])


def _medians(values: Array, numbers: Array, count: int) -> Array:
    """Return the median of the values of each number; 0 where there is none."""
    sizes = np.bincount(numbers, minlength=count)
    ordered = values[np.lexsort((values, numbers))]
    middle = np.cumsum(sizes) - sizes + sizes // 2
    return np.where(sizes > 0, ordered[np.minimum(middle, len(ordered) - 1)], 0.0)
