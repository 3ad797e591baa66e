"""From an image to its objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import components
from adapool.cpu.objects import labels as kernels
from adapool.estimators.blobs.candidates import Found, components_of
from adapool.estimators.blobs.measures import Candidates, joined, measured
from adapool.estimators.blobs.noise import despeckled, noise, pixel_noise
from adapool.estimators.blobs.pyramid import octaves, pixels_of
from adapool.estimators.blobs.rims import grown, steps
from adapool.estimators.blobs.selection import select
from adapool.estimators.blobs.spots import spots_of

# Deviations from the median of maxima that a spot has: those of white noise that have as many are
# one in a million pixels.
_SPOT_HEIGHT = 5.0


@dataclass(frozen=True)
class Objects:
    """Objects: labels from 1 on in the order of the other fields.

    Attributes
    ----------
    labels : (plane, row, column) array of int32
    depth : (plane, row, column) array of float32
        Highest in the middle of each object.
    peaks : (n, 3) array of int64
        The pixel in the middle of each.
    positions : (n, 3) array
        The middle itself, in pixels.
    diameters : (n,) array
        Of the disk or ball of the same volume, in the unit of the voxel size.
    contrasts : (n,) array
        Mean brightness, smoothed by a pixel, above the background.
    backgrounds : (n,) array
        The quantile of 30 % of what surrounds an object.
    noises : (n,) array
        Standard deviation of noise at the scale of the object.
    """

    labels: Array
    depth: Array
    peaks: Array
    positions: Array
    diameters: Array
    contrasts: Array
    backgrounds: Array
    noises: Array

    def beside(self, others: Objects) -> Objects:
        """Return these objects and others; where two overlap, the one of higher contrast."""
        count = len(self.peaks)
        contrasts = np.concatenate([[-np.inf], self.contrasts, others.contrasts])
        moved = np.where(others.labels > 0, others.labels + count, 0)
        theirs = (moved > 0) & (contrasts[moved] > contrasts[self.labels])
        labels = np.where(theirs, moved, self.labels).astype(np.int32)
        depth = np.where(theirs, others.depth, self.depth)
        values = (
            np.concatenate([getattr(self, name), getattr(others, name)])
            for name in ("peaks", "positions", "diameters", "contrasts", "backgrounds", "noises")
        )
        return _seen(Objects(labels, depth, *values))


def find_objects(
    image: Array,
    voxel: Array,
    ndim: int,
    sensitivity: float = 1.0,
    sizes: tuple[float, float] = (0.0, np.inf),
) -> Objects:
    """Find the bright objects of an image (plane, row, column)."""
    pixels = pixel_noise(image)
    scales = octaves(despeckled(image, pixels), voxel, ndim, pixels)
    smooth = [step.smooth(step.image, 1.0) for step in scales]
    coarse = [step.smooth(step.image, 3.0) for step in scales]
    noises = noise(scales, smooth, coarse, pixels, ndim)
    found = [
        each
        for step, fine, rough, value in zip(scales, smooth, coarse, noises, strict=True)
        for each in components_of(step, fine, rough, float(value), ndim, step is scales[-1])
    ]
    spots = spots_of(scales[0], coarse[0], found[0].above, _SPOT_HEIGHT / sensitivity)
    found.insert(0, spots)
    parts = []
    for source, each in enumerate(found):
        octave = each.octave.index
        found[source] = grown(each, coarse[octave], ndim)
        heights = steps(found[source], coarse[octave], scales, smooth)
        parts.append(measured(found[source], source, scales, smooth, noises, voxel, ndim, heights))
    candidates = joined(parts)
    kept = select(found, candidates, sensitivity, np.asarray(sizes))
    return _drawn(found, candidates, kept)


def _drawn(found: list[Found], each: Candidates, kept: Array) -> Objects:
    """Draw what was kept, the coarsest first, into an image of labels."""
    octave = found[0].octave
    labels = np.zeros(octave.image.shape, np.int32)
    depth = np.zeros(octave.image.shape, np.float32)
    which = np.flatnonzero(kept)
    for source in np.unique(each.source[which])[::-1]:
        own = which[each.source[which] == source]
        numbers = np.zeros(len(found[source].fits) + 1, np.int32)
        numbers[each.number[own]] = np.searchsorted(which, own) + 1
        maps = pixels_of(octave, found[source].octave)
        kernels.draw(
            found[source].labels, found[source].depth, numbers, *maps, labels, depth, work=0
        )
    positions = each.positions[which]
    return _seen(
        Objects(
            labels=labels,
            depth=depth,
            peaks=_nearest(positions, octave.image.shape),
            positions=positions,
            diameters=each.diameters[which],
            contrasts=each.contrasts[which],
            backgrounds=each.backgrounds[which],
            noises=each.noises[which],
        )
    )


def _nearest(positions: Array, shape: tuple[int, ...]) -> Array:
    """Return the pixels nearest to positions; between two, the one nearer to the middle.

    So that a flipped image gives the same.
    """
    middle = (np.array(shape) - 1) / 2
    # What rounding did to a half must not tell.
    exact = np.round(positions * 1024) / 1024
    whole = np.where(exact > middle, np.ceil(exact - 0.5), np.floor(exact + 0.5))
    return np.asarray(np.clip(whole, 0, np.array(shape) - 1).astype(np.int64))


def _seen(objects: Objects) -> Objects:
    """Return the objects that others do not cover; where a middle is covered, the deepest pixel."""
    count = len(objects.peaks)
    deepest, deepness = np.zeros((count, 3), np.int64), np.zeros(count, np.float32)
    components.deepest(objects.labels, objects.depth, deepest, deepness, work=0)
    own = objects.labels[tuple(objects.peaks.T)] == np.arange(1, count + 1)
    seen = deepness > 0
    numbers = np.zeros(count + 1, np.int32)
    numbers[1:][seen] = np.arange(1, seen.sum() + 1)
    return Objects(
        labels=numbers[objects.labels],
        depth=objects.depth,
        peaks=np.where(own[:, np.newaxis], objects.peaks, deepest)[seen],
        positions=np.where(own[:, np.newaxis], objects.positions, deepest)[seen],
        diameters=objects.diameters[seen],
        contrasts=objects.contrasts[seen],
        backgrounds=objects.backgrounds[seen],
        noises=objects.noises[seen],
    )
