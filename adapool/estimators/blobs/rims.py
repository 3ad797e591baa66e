"""Rims of candidates: where they are, and how sharp."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import rims as kernels
from adapool.estimators.blobs.candidates import Found, unit_ball

# How far beyond the pixels of a candidate its rim may be, in diameters, and in pixels.
_RIM = 0.3
_FARTHEST = 6


def grown(found: Found, smooth: Array, coarse: Array, ndim: int) -> Found:
    """Let candidates grow to their rims, and tell how steep these are.

    What was parted from its neighbours is the core of an object. Its rim is where the coarse image
    falls most, in a few steps around it. `coarse` is the image smoothed by 3 pixels.
    """
    octave, count = found.octave, len(found.fits)
    volumes = np.bincount(found.labels.ravel(), minlength=count + 1)[1:]
    diameters = 2 * (volumes * octave.voxel[-ndim:].prod() / unit_ball(ndim)) ** (1 / ndim)
    most = np.minimum(_RIM * diameters / octave.unit, _FARTHEST).astype(np.int64)
    most[np.isfinite(found.heights)] = 0  # a spot is what responds to the Laplacian
    labels = found.labels.flatten()
    steps = np.zeros(labels.size, np.int8)
    sums = np.zeros((count, _FARTHEST + 1, 2))
    kernels.rims(
        smooth,
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
    steepest = np.argmax(sums[..., 1], axis=1)
    along, across = sums[np.arange(count), steepest].T
    labels[steps > np.concatenate([[0], steepest])[labels]] = 0
    return replace(
        found,
        labels=labels.reshape(found.labels.shape),
        sharpnesses=along / np.maximum(across, 1e-30),
    )
