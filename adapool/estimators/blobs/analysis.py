"""From an image to its objects."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import labels as kernels
from adapool.estimators.blobs import sample
from adapool.estimators.blobs.candidates import Found, components_of, limits, octaves_for
from adapool.estimators.blobs.measures import Candidates, joined, measured
from adapool.estimators.blobs.noise import Growth, growth, noise, pixel_noise
from adapool.estimators.blobs.pyramid import Frame, pixels_of
from adapool.estimators.blobs.rims import grown, steps
from adapool.estimators.blobs.scales import Scales
from adapool.estimators.blobs.selection import holders_of, rising, select
from adapool.estimators.blobs.spots import Clutter, Maxima, clutter_of, maxima_of, spots_of

# Deviations from the median of maxima that a spot has: those of white noise that have as many are
# one in a million pixels.
_SPOT_HEIGHT = 5.0

# How many times the largest diameter that is looked for something may have, to be told from a
# cluster of such objects: what is larger still is no object, but background.
COMPETING = 2.0


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
        Standard deviation of noise at the scale of the object, and at its background.
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
        return seen(Objects(labels, depth, *values))


@dataclass(frozen=True)
class Common:
    """What is known of an image as a whole, and so of each part of it.

    Attributes
    ----------
    pixels : float
        Standard deviation of the noise of single pixels.
    noises : array
        That of each octave, smoothed by a pixel.
    growth : Growth
        How noise grows with brightness.
    clutter : Clutter
        What maxima noise makes.
    """

    pixels: float
    noises: Array
    growth: Growth
    clutter: Clutter


def common_to(images: list[Array], frame: Frame) -> Common:
    """Measure what is common to an image on parts of it."""
    pixels = pixel_noise(images)
    parts = [Scales.of(image, frame, pixels) for image in images]
    noises, grows = _noises(parts, pixels, frame.ndim)
    return Common(pixels, noises, grows, _clutter([maxima_of(part.octaves[0]) for part in parts]))


def find_objects(
    image: Array,
    voxel: Array,
    ndim: int,
    sensitivity: float = 1.0,
    sizes: tuple[float, float] = (0.0, np.inf),
) -> Objects:
    """Find the bright objects of an image (plane, row, column)."""
    frame = frame_of(image.shape, voxel, ndim, COMPETING * sizes[1])
    common = None
    if np.isfinite(sizes[1]) and image.size > sample.PIXELS:
        boxes = sample.boxes(image.shape, frame, lambda box: image[box])
        common = common_to([np.ascontiguousarray(image[box]) for box in boxes], frame)
    found, candidates = search(image, frame, sensitivity, common)
    alive = rising(candidates, sensitivity)
    holders = holders_of(found, candidates)
    kept = select(candidates, alive, holders, frame, sensitivity, np.asarray(sizes))
    return _drawn(found, candidates, kept)


def frame_of(shape: tuple[int, ...], voxel: Array, ndim: int, widest: float) -> Frame:
    """Return the octaves in which objects up to this diameter are looked for."""
    unit = float(voxel[-ndim:].min())
    return Frame.of(np.array(shape), voxel, ndim, widest, octaves_for(widest, unit))


def _noises(parts: list[Scales], pixels: float, ndim: int) -> tuple[Array, Growth]:
    """Measure the noise of each octave, and how it grows with brightness in the first one."""
    first, *others = range(len(parts[0].octaves))
    finest = [part.smooth[first] - part.coarse[first] for part in parts]
    coarser = ([part.smooth[k] - part.coarse[k] for part in parts] for k in others)
    images = [part.octaves[first].image for part in parts]
    noises = noise(itertools.chain([finest], coarser), images, pixels, ndim)
    return noises, growth(finest, [part.coarse[first] for part in parts])


def _clutter(parts: list[Maxima]) -> Clutter:
    highest = [part.response.ravel()[part.places] for part in parts]
    return clutter_of(highest, [part.response for part in parts])


def search(
    image: Array, frame: Frame, sensitivity: float, common: Common | None
) -> tuple[list[Found], Candidates]:
    """Return the candidates of an image, or of a part of it, and the sources they were found in.

    What is common to the whole is measured on the image itself where it is None.
    """
    ndim = frame.ndim
    pixels = pixel_noise([image]) if common is None else common.pixels
    scales = Scales.of(image, frame, pixels)
    smooth, coarse = scales.smooth, scales.coarse
    if common is None:
        noises, grows = _noises([scales], pixels, ndim)
    else:
        noises, grows = common.noises, common.growth
    found = [
        components_of(step, fine, float(value), ndim, limits(frame, step))
        for step, fine, value in zip(scales.octaves, smooth, noises, strict=True)
    ]
    maxima = maxima_of(scales.octaves[0])
    clutter = _clutter([maxima]) if common is None else common.clutter
    height = _SPOT_HEIGHT / sensitivity
    spots = spots_of(scales.octaves[0], maxima, clutter, coarse[0], found[0].above, height)
    del maxima  # memory
    found.insert(0, spots)
    parts = []
    for source, each in enumerate(found):
        octave = each.octave.index
        found[source] = grown(each, coarse[octave], ndim)
        rims = steps(found[source], scales, noises, frame.ndim)
        parts.append(measured(found[source], source, scales, noises, grows, frame, rims))
    return found, joined(parts)


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
    # What is drawn is seen, however shallow.
    np.maximum(depth, 1e-6, out=depth, where=labels > 0)
    positions = each.positions[which]
    return seen(
        Objects(
            labels=labels,
            depth=depth,
            peaks=nearest(positions, octave.image.shape),
            positions=positions,
            diameters=each.diameters[which],
            contrasts=each.contrasts[which],
            backgrounds=each.backgrounds[which],
            noises=each.shots[which],
        )
    )


def nearest(positions: Array, shape: tuple[int, ...]) -> Array:
    """Return the pixels nearest to positions; between two, the one nearer to the middle.

    So that a flipped image gives the same.
    """
    middle = (np.array(shape) - 1) / 2
    # What rounding did to a half must not tell.
    exact = np.round(positions * 1024) / 1024
    whole = np.where(exact > middle, np.ceil(exact - 0.5), np.floor(exact + 0.5))
    return np.asarray(np.clip(whole, 0, np.array(shape) - 1).astype(np.int64))


def seen(objects: Objects) -> Objects:
    """Return the objects that others do not cover, their peaks where they are seen."""
    peaks, there = visible(objects.labels, objects.peaks, objects.positions)
    own = (peaks == objects.peaks).all(axis=1)
    numbers = np.zeros(len(peaks) + 1, np.int32)
    numbers[1:][there] = np.arange(1, there.sum() + 1)
    return Objects(
        labels=numbers[objects.labels],
        depth=objects.depth,
        peaks=peaks[there],
        positions=np.where(own[:, np.newaxis], objects.positions, peaks)[there],
        diameters=objects.diameters[there],
        contrasts=objects.contrasts[there],
        backgrounds=objects.backgrounds[there],
        noises=objects.noises[there],
    )


def visible(labels: Array, peaks: Array, positions: Array) -> tuple[Array, Array]:
    """Return where the middle of each object is seen, and which are seen at all.

    That is its peak, or, where something else covers that, what is nearest to its position.
    """
    count = len(peaks)
    low, high = kernels.bounds(labels, count)
    there = (high > low).all(axis=1)
    moved = peaks.copy()
    for index in np.flatnonzero(there & (labels[tuple(peaks.T)] != np.arange(1, count + 1))):
        box = tuple(map(slice, low[index], high[index]))
        pixels = low[index] + np.argwhere(labels[box] == index + 1)
        moved[index] = pixels[np.argmin(((pixels - positions[index]) ** 2).sum(axis=1))]
    return moved, there
