"""Rims of candidates: where they are, and how high."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import labels as drawn
from adapool.cpu.objects import rims as kernels
from adapool.cpu.objects.surroundings import medians
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.ellipsoids import unit_ball
from adapool.estimators.blobs.scales import Scales

# How far beyond the pixels of a candidate its rim may be, in diameters: it is then 1.6 times as
# wide, and the core that was parted from its neighbours a third of its area. And in pixels: twice
# the standard deviation of the coarse image, farther than which blur moves no rim.
_RIM = 0.3
_FARTHEST = 6

# How wide the rim of something in focus is, in pixels of the image itself: what a spot with a sigma
# of 1.5 pixels rises by is within it.
_WIDTH = 4.0

# How steep a rim is, is told within this part of the diameter, as far uphill as downhill: even on a
# dome the slope changes there by no more than a fifth. So many standard deviations of noise may be
# in the highest of three steps: there is more in one of 250.
_PART = 0.1
_SURE = 3.0


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


def steps(found: Found, scales: Scales, noises: Array, ndim: int) -> tuple[Array, Array]:
    """Return how high the rim of each candidate is, within a few pixels of the image itself.

    And how steep: its fall, beyond what noise makes, along as much as a diameter; as steep as it is
    within any small part of that.

    A rim is followed from the octave in which it was found to the finest, where it falls most
    within a pixel, as in F. Bergholm, "Edge Focusing", IEEE Transactions on Pattern Analysis and
    Machine Intelligence 9(6), 1987. The median over the rim: other objects may lie beside it.
    """
    octaves, smooth, coarse = scales.octaves, scales.smooth, scales.coarse[found.octave.index]
    count, labels = len(found.fits), found.labels.ravel()
    rim = kernels.outlines(found.labels, int(np.count_nonzero(labels)))
    if not len(rim):
        return np.zeros(count), np.zeros(count)
    uphill, places = np.empty((len(rim), 3)), np.empty((len(rim), 3))
    kernels.slopes(coarse, rim, found.octave.voxel, uphill, places, work=0)
    first = octaves[0]
    where = found.octave.to_image(places) * first.voxel
    heights, number = np.empty(len(rim), np.float32), labels[rim] - 1
    volumes = drawn.volumes(found.labels, count) * found.octave.voxel[-ndim:].prod()
    wide = 2 * (volumes / unit_ball(ndim)) ** (1 / ndim)
    parts = np.log2(np.maximum(_PART * wide / first.unit, 1)).astype(int)
    steep = np.zeros(count)
    for octave in octaves[found.octave.index :: -1]:
        fixed = octave.index > 0 and octave is found.octave
        shifts = np.array([0.0] if fixed else [-1.0, 0.0, 1.0]) * octave.unit
        half = max(_WIDTH / 2 * first.unit, octave.unit)
        kernels.follow(
            smooth[octave.index],
            np.stack([octave.first, octave.step, octave.voxel / octave.step]),
            shifts,
            np.float64(half),
            uphill,
            where,
            heights,
            work=0,
        )
        some = octave.index <= parts
        own = some[number]
        if own.any():
            sure = medians(heights[own], number[own], count) - _SURE * noises[octave.index]
            steep[some] = np.maximum(steep, sure * wide / (2 * half))[some]
    return medians(heights, number, count).astype(np.float64), steep
