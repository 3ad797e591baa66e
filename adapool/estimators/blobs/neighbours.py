"""Which candidates those around them tell to be no objects: halos, and clutter.

Clutter is what is outshone by several around *and* does not stand clear of what varies around it.
So a faint kind of objects beside a bright one is kept, however bright that is; the texture of
tissue, which varies as much everywhere, is not.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from adapool._backends import Array
from adapool.cpu.objects import surroundings as kernels
from adapool.estimators.blobs.measures import Candidates

# An object is clutter where so many others outshine it, within so many of their diameters: one may
# be debris, two are what is looked for. With less than this share of their contrast, if it is as
# large; of smaller ones more is asked, up to `_MOST`. And where these cover this share of what is
# about as faint and as large as it is: a kind of its own, many times as many, is no clutter.
#
# Measured on the annotated images, as the means of nine sets, of which textures move most: 3 in
# place of 2, -0.004, and 5, -0.018; and, beside 3, a reach of 10, -0.003, and of 25, 0.000; a share
# of 0.08, -0.009, and of 0.18, -0.005; at most 0.45, -0.008, and 0.8, +0.005, but less on nuclei
# that touch; a majority of 0, -0.003, and of 0.6, -0.001.
_OUTSHONE = 2
_REACH = 15.0
_SHARE = 0.12
_MOST = 0.6
_MAJORITY = 0.3

# Standard deviations of what varies around an object, at its scale, that it stands clear with:
# twice what is asked of it in noise, as textures have longer tails (10 or 15 change no set by more
# than 0.009). But not in the flank of one that outshines it, a diameter of that from its middle,
# within half of which it ends: there its own blur varies more than what is around (0.5, -0.002;
# 1.5, +0.001). And not as a part of something half as wide again whose height is half of its own:
# the grain of a nucleus (1.25 and 2, 0.000 and -0.003; a height of 0.3 and 0.7, +0.001 and -0.003).
_CLEAR = 12.0
_FLANK = 1.0
_WIDER = 1.5
_HIGH = 0.5

# Nearer than this to a single one, in diameters of it, and with less than this share of its height,
# it is the halo of that: the first ring around what a lens draws of a point has 0.0175 of its
# height, and lies within. No annotated image tells; of 16 pairs of disks, one of them 40 times as
# bright as the other, 12 have one point more without it.
_HALO_REACH = 1.5
_HALO_SHARE = 0.02

# Candidates that are compared with their neighbours at once: some megabytes.
_PIECE = 1 << 13


def pieces(count: int) -> list[slice]:
    """Return parts of so many candidates, whose neighbours take some megabytes of memory."""
    return [slice(first, first + _PIECE) for first in range(0, count, _PIECE)]


def halo(each: Candidates, kept: Array, heights: Array) -> Array:
    """Return which of the kept ones are the halo of one that is much brighter."""
    out = _outshone(each, kept, heights, _HALO_REACH, np.inf, _HALO_SHARE)
    return np.asarray(out[:, 0] > 0)


def clear(
    each: Candidates, holders: list[Array], alive: Array, heights: Array, sensitivity: float
) -> Array:
    """Return which candidates stand clear of what varies around them, and are no grain."""
    out = heights * sensitivity > _CLEAR * each.textures
    for lies in holders:
        inside = np.flatnonzero((lies >= 0) & alive[lies])
        over = lies[inside]
        whole = ~each.spots[over] & (heights[over] >= _HIGH * heights[inside])
        whole &= each.diameters[over] >= _WIDER * each.diameters[inside]
        out[inside[whole]] = False
    return np.asarray(out)


def clutter(each: Candidates, kept: Array, heights: Array, clear: Array) -> Array:
    """Return which of the kept ones several around outshine, unless they stand clear."""
    far = _outshone(each, kept, heights, _REACH, _SHARE, _MOST)
    near = _outshone(each, kept, heights, _FLANK, _SHARE, _MOST)
    outshone = (far[:, 0] >= _OUTSHONE) & (far[:, 1] > _MAJORITY * far[:, 2])
    return np.asarray(outshone & ~(clear[kept] & (near[:, 0] == 0)))


def _outshone(
    each: Candidates, kept: Array, heights: Array, reach: float, share: float, most: float
) -> Array:
    places, wide, high = each.places[kept], each.diameters[kept], heights[kept]
    out = np.zeros((len(places), 3))
    for own, near in _blocks(places, reach * float(wide.max(initial=0))):
        found = np.zeros((len(near), 3))
        kernels.outshone(
            places[near],
            high[near],
            wide[near],
            reach,
            share,
            most,
            found,
            work=len(near) ** 2 // 64,  # some milliseconds: threads would wait for longer
        )
        out[own] = found[np.searchsorted(near, own)]
    return out


def _blocks(places: Array, reach: float) -> list[tuple[Array, Array]]:
    """Part many places into cells: those of each, and those within reach of them, in order."""
    everything = np.arange(len(places))
    if len(places) <= _PIECE:
        return [(everything, everything)]
    tree = cKDTree(places)
    cells = np.floor(places / max(reach, 1e-30)).astype(np.int64)
    order = np.lexsort(cells.T)
    new = np.any(np.diff(cells[order], axis=0) != 0, axis=1)
    parts = np.split(order, np.flatnonzero(new) + 1)
    found = []
    for part in parts:
        low, high = places[part].min(axis=0), places[part].max(axis=0)
        far = reach + float(np.linalg.norm(high - low)) / 2
        near = np.sort(tree.query_ball_point((low + high) / 2, far * (1 + 1e-9)))
        found.append((np.sort(part), near.astype(np.int64)))
    return found
