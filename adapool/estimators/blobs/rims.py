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


def steps_of(found: Found, coarse: Array, octaves, smooth) -> Array:
    """Prototype."""
    octave, count = found.octave, len(found.fits)
    labels = found.labels
    pad = np.pad(labels, 1, mode="edge")
    rim = np.zeros(labels.shape, bool)
    core = (slice(1, -1),) * 3
    for axis in range(3):
        if labels.shape[axis] > 1:
            for s in (-1, 1):
                rim |= np.roll(pad, s, axis)[core] == 0
    rim &= labels > 0
    place = np.argwhere(rim)
    number = labels[rim] - 1
    def gradient(image, at, voxel):
        out = np.zeros((len(at), 3))
        last = np.array(image.shape) - 1
        for axis in range(3):
            if image.shape[axis] > 1:
                e = np.eye(3, dtype=int)[axis]
                hi = np.clip(at + e, 0, last); lo = np.clip(at - e, 0, last)
                out[:, axis] = (image[tuple(hi.T)] - image[tuple(lo.T)]) / np.maximum((hi - lo)[:, axis], 1) / voxel[axis]
        return out
    n = gradient(coarse, place, octave.voxel)
    n /= np.maximum(np.linalg.norm(n, axis=1), 1e-30)[:, None]
    where = octave.to_image(place) * octaves[0].voxel  # physical
    unit = octaves[0].unit
    slope = np.zeros(len(place))
    for j in range(octave.index, -1, -1):
        o = octaves[j]
        h = max(_L / 2 * unit, o.unit)
        offsets = [0.0] if octave.index and j == octave.index else [-1.0, 0.0, 1.0]
        best = np.full(len(place), -np.inf); spot = where.copy()
        for t in offsets:
            q = where + n * t * o.unit
            ends = []
            for side in (1, -1):
                at = np.clip(np.rint(((q + side * n * h) / octaves[0].voxel - o.first) / o.step).astype(int), 0, np.array(o.image.shape) - 1)
                ends.append(smooth[j][tuple(at.T)])
            g = ends[0] - ends[1]
            better = g > best
            best = np.where(better, g, best); spot[better] = q[better]
        where = spot
        slope = best
    sizes = np.bincount(number, minlength=count)
    order = np.lexsort((slope, number))
    middle = np.cumsum(sizes) - sizes + np.minimum((sizes * _Q).astype(int), np.maximum(sizes - 1, 0))
    out = np.zeros(count)
    out[sizes > 0] = slope[order][middle[sizes > 0]]
    return out


import os
_Q = float(os.environ.get("RQ", 0.5))
_L = float(os.environ.get("L", 4))
