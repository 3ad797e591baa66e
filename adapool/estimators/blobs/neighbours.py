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

# An object is clutter where so many others outshine it, within so many of their diameters: with
# less than this share of their contrast, if it is as large; of smaller ones more is asked.
_OUTSHONE = 2
_REACH = 15.0
_SHARE = 0.12
_MOST = 0.6
_MAJORITY = 0.3

# Standard deviations of what varies around an object, at its scale, that it stands clear with:
# twice what is asked of it in noise, as textures have longer tails. But not in the flank of one
# that outshines it, so many diameters of that from its middle; and not as a part of something so
# many times as wide, whose height is this share of its own: the grain of a nucleus.
_CLEAR = 12.0
_FLANK = 1.0
_WIDER = 1.5
_HIGH = 0.5

# Candidates that are compared with their neighbours at once.
_PIECE = 1 << 13

# Nearer than this to a single one, in diameters of it, and with less than this share of its
# height, it is the halo of that.
_HALO_REACH = 1.5
_HALO_SHARE = 0.02


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
