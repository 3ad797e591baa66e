"""Rims of candidates: where they are, and how high."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import depths
from adapool.cpu.objects import labels as drawn
from adapool.cpu.objects import rims as kernels
from adapool.cpu.objects.surroundings import medians
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.ellipsoids import unit_ball
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
    inside = np.maximum(found.depth, found.above) if found.bumps else found.depth
    kernels.rims(
        coarse,
        found.labels,
        inside,
        octave.voxel,
        most,
        labels,
        steps,
        sums,
        work=0,
    )
    drawn.trim(labels, steps, np.argmax(sums, axis=1), work=0)
    grown_to = labels.reshape(found.labels.shape)
    depth = _within(grown_to, octave, ndim) if found.bumps else found.depth
    return replace(found, labels=grown_to, depth=depth)


def _within(labels: Array, octave: Octave, ndim: int) -> Array:
    """Return how far each labelled pixel is from those without a label, in pixels."""
    voxel = octave.voxel / octave.unit
    steps, weights = depths.scan(ndim, voxel)
    most = np.float32(np.linalg.norm(voxel * labels.shape))
    inside, level = (labels > 0).astype(np.float32), np.array([0.5], np.float32)
    return np.asarray(depths.sum_depths(inside, level, steps, weights, most, work=0))


def steps(found: Found, coarse: Array, octaves: list[Octave], smooth: list[Array]) -> Array:
    """Return how high the rim of each candidate is, within a few pixels of the image itself.

    A rim is followed from the octave in which it was found to the finest, where it falls most
    within a pixel, as in F. Bergholm, "Edge Focusing", IEEE Transactions on Pattern Analysis and
    Machine Intelligence 9(6), 1987. The median over the rim: other objects may lie beside it.
    """
    count, labels = len(found.fits), found.labels.ravel()
    rim = kernels.outlines(found.labels, int(np.count_nonzero(labels)))
    if not len(rim):
        return np.zeros(count)
    uphill, places = np.empty((len(rim), 3)), np.empty((len(rim), 3))
    kernels.slopes(coarse, rim, found.octave.voxel, uphill, places, work=0)
    first = octaves[0]
    where = found.octave.to_image(places) * first.voxel
    heights = np.empty(len(rim), np.float32)
    for octave in octaves[found.octave.index :: -1]:
        fixed = octave.index > 0 and octave is found.octave
        shifts = np.array([0.0] if fixed else [-1.0, 0.0, 1.0]) * octave.unit
        kernels.follow(
            smooth[octave.index],
            np.stack([octave.first, octave.step, octave.voxel / octave.step]),
            shifts,
            np.float64(max(_WIDTH / 2 * first.unit, octave.unit)),
            uphill,
            where,
            heights,
            work=0,
        )
    return np.asarray(medians(heights, labels[rim] - 1, count).astype(np.float64))
