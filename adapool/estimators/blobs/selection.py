"""Which candidates are objects: judged by noise, by those they lie in or hold, by those around.

No brightest object, nor any other statistic that one object could move, has a say: each
candidate is compared with noise and with its neighbours.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from adapool._backends import Array
from adapool.cpu.objects import blobs as kernels
from adapool.estimators.blobs.candidates import STRICTNESS, Found
from adapool.estimators.blobs.measures import Candidates
from adapool.estimators.blobs.pyramid import pixels_of

# Standard deviations of noise that the contrast of an object has.
CONTRAST = 6.0

# Where spots are of one size, that of the lens, they are what is looked for; where their sizes
# differ, they are the texture of something larger. How many neighbours tell; the range of the
# middle half of their scales, if the median is below that of a sigma of 2 pixels, and if it is
# below that of 2.7.
_NEIGHBOURS = 36
_FEWEST = 16
_SPREAD = 0.25
_WIDE = 1.1
_SPREAD_WIDE = 0.08
_WIDEST = 1.35

# Steepness of a rim, over that in the image smoothed by 3 pixels: that of haze is 1, and that of
# an object in focus at least this. How fast the score rises with the contrast.
_SHARP = 1.75
_SHARPNESS_POWER = 2
_BLURRED = 0.05
_CONTRAST_POWER = 3

# An object is clutter where so many others outshine it, within so many of their diameters: with
# less than this share of their contrast, if it is as large; of smaller ones more is asked.
_OUTSHONE = 3
_REACH = 15.0
import os; _SHARE = float(os.environ.get("SHARE", 0.1))
_MOST = float(os.environ.get("MOST", 0.6))
_MAJORITY = float(os.environ.get("MAJ", 0.3))

# Of spots among others of their size, half of that: they are no clutter.
_SPOT_SHARE = 0.05

# Nearer than this to a single one, in diameters of it, and with less than this share of its
# contrast, it is the halo of that.
_HALO_REACH = 1.5
_HALO_SHARE = 0.02

# Share of the contrast of spots around it that something has which is no spot.
_BESIDE_SPOTS = 0.8
_SPOTS_BESIDE = 4


import os
STAGES = {}
_L = float(os.environ.get("L", 4))
_P = float(os.environ.get("P", 3))
_Q = float(os.environ.get("Q", 1))


def select(found: list[Found], each: Candidates, sensitivity: float, sizes: Array) -> Array:
    """Return which candidates are objects: a boolean for each."""
    rises = np.minimum(each.rises, each.contrasts)
    alive = rises * sensitivity > CONTRAST * each.noises
    alive &= each.diameters >= sizes[0]
    STAGES.clear(); STAGES.update(each=each, all=np.ones(len(alive),bool), alive=alive.copy())
    over = _holders(found, each)
    axes = sum(n > 1 for n in found[0].octave.image.shape)
    steps = np.maximum(np.minimum(np.minimum(rises, each.inner), each.slopes), 1e-3 * rises)
    _judge_spots(each, over, alive, steps)
    STAGES.update(judged=alive.copy())
    kept = _best(each, over, alive, (axes - 1.0)*_Q, steps)
    STAGES.update(best=kept.copy(), steps=steps, over=over)
    kept[kept] = ~_out_of_focus(each, kept, steps, np.minimum(rises, each.inner) if _RI else rises)
    STAGES.update(focus=kept.copy())
    kept[kept] = ~_halo(each, kept, steps)
    STAGES['halo']=kept.copy()
    kept[kept] = ~_clutter(each, kept, steps)
    STAGES['kept']=kept.copy()
    return np.asarray(kept & (each.diameters <= sizes[1]))


def _holders(found: list[Found], each: Candidates) -> list[Array]:
    """Return, for each later source, the candidate there that most of each candidate lies in.

    -1 where it lies in none.
    """
    starts = np.searchsorted(each.source, np.arange(len(found) + 1))
    over = []
    for outer, holder in enumerate(found):
        lies = np.full(len(each.source), -1)
        for inner in range(outer):
            count = starts[inner + 1] - starts[inner]
            votes = np.zeros((count, 3), np.int64)
            maps = pixels_of(found[inner].octave, holder.octave)
            kernels.majority(found[inner].labels, holder.labels, *maps, votes, work=0)
            volume = np.bincount(found[inner].labels.ravel(), minlength=count + 1)[1:]
            most = (votes[:, 0] > 0) & (2 * votes[:, 2] > volume)
            lies[starts[inner] : starts[inner + 1]] = np.where(
                most, starts[outer] + votes[:, 0] - 1, -1
            )
        over.append(lies)
    return over


_RI = int(os.environ.get("RI", 0))
_N = int(os.environ.get("N", 8))
_SOFT = float(os.environ.get("SOFT", 0.75))
_TIMES = float(os.environ.get("TIMES", 3))
_FAR = 20
_BLUR = float(os.environ.get("BLUR", 0.5))
_TW = float(os.environ.get("TW", 2))


def _of_one_lens(each: Candidates, kept: Array) -> Array:
    """Return which spots are among others of the same size."""
    which = np.flatnonzero(kept & each.spots)
    out = np.zeros(len(each.source), np.bool_)
    if len(which) >= _FEWEST:
        places = each.places[which]
        near = cKDTree(places).query(places, min(_NEIGHBOURS, len(which)))[1]
        quartiles = np.quantile(each.scales[which][near], [0.25, 0.75], axis=-1)
        out[which] = quartiles[1] - quartiles[0] < _SPREAD
    return out


def _out_of_focus(each: Candidates, kept: Array, steps: Array, rises: Array) -> Array:
    """Return which of the kept ones have a blurred rim, among neighbours with sharp ones."""
    places, own = each.places[kept], steps[kept]
    count = min(_N + 1, len(places))
    if count < 5:
        return np.zeros(len(places), np.bool_)
    tree = cKDTree(places)
    near = tree.query(places, count)[1]
    wide = each.diameters[kept]
    sharper = own[near] > _TW * own[:, np.newaxis]
    sharper &= wide[near] < wide[:, np.newaxis]
    share = own / np.maximum(rises[kept], 1e-30)
    out = (share < _BLUR) & (2 * sharper.sum(axis=1) >= count - 1)
    lens = np.flatnonzero(_of_one_lens(each, kept)[kept])
    if len(lens) >= _FEWEST:
        tree = cKDTree(places[lens])
        for index in np.flatnonzero(~each.spots[kept] & ~out):
            near = lens[tree.query_ball_point(places[index], _FAR * wide[index])]
            narrower = (wide[near] < wide[index]) & (own[near] > _TIMES * own[index])
            out[index] = narrower.sum() >= 4
    return np.asarray(out)


_E = float(os.environ.get("E", 1))
_K = float(os.environ.get("K", 1))


def _judge_spots(each: Candidates, over: list[Array], alive: Array, steps: Array) -> None:
    for lies in over:
        inside = np.flatnonzero(alive & each.spots & (lies >= 0))
        inside = inside[alive[lies[inside]] & ~each.spots[lies[inside]]]
        holder = lies[inside]
        first = np.bincount(holder, steps[inside] ** (_E - 1), minlength=len(steps))
        second = np.bincount(holder, steps[inside] ** _E, minlength=len(steps))
        held = first > 0
        mean = second / np.maximum(first, 1e-30)
        alive[held & (mean > _K * steps)] = False


def _best(each: Candidates, over: list[Array], alive: Array, power: float, steps: Array) -> Array:
    """Of candidates that hold each other, return those with the largest sum of scores."""
    score = each.diameters * each.fits**STRICTNESS * np.maximum(steps, 0) ** _P
    holder = np.full(len(each.source), -1)
    for lies in reversed(over):  # the smallest that holds it
        holder = np.where((lies >= 0) & alive[lies], lies, holder)
    inner, kept = np.zeros(len(each.source)), np.zeros(len(each.source), np.bool_)
    for index in np.flatnonzero(alive):
        kept[index] = score[index] >= inner[index]
        if holder[index] >= 0:
            over_it = each.diameters[holder[index]]
            # Spots count by how much they cover: a few bumps of noise are no parts of a disk.
            share = min(each.diameters[index] / over_it, 1.0) ** power if each.spots[index] else 1.0
            inner[holder[index]] += share * max(score[index], inner[index])
    taken = np.zeros(len(each.source), np.bool_)
    for index in np.flatnonzero(alive)[::-1]:
        within = holder[index] >= 0 and taken[holder[index]]
        kept[index] &= not within
        taken[index] = within or kept[index]
    return kept


def _outshone(each: Candidates, kept: Array, steps: Array, reach: float, share: float, most: float) -> Array:
    count = int(kept.sum())
    out = np.zeros((count, 3))
    kernels.outshone(
        each.places[kept],
        steps[kept],
        each.diameters[kept],
        reach,
        share,
        most,
        out,
        work=count**2 // 64,  # some milliseconds: threads would wait for longer
    )
    return out


def _halo(each: Candidates, kept: Array, steps: Array) -> Array:
    """Return which of the kept ones are the halo of one that is much brighter."""
    out = _outshone(each, kept, steps, _HALO_REACH, np.inf, _HALO_SHARE)
    return np.asarray(out[:, 0] > 0)


def _clutter(each: Candidates, kept: Array, steps: Array) -> Array:
    """Return which of the kept ones are outshone by several around."""
    out = _outshone(each, kept, steps, _REACH, _SHARE, _MOST)
    return np.asarray((out[:, 0] >= _OUTSHONE) & (out[:, 1] > _MAJORITY * out[:, 2]))
