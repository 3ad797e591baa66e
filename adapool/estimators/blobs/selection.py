"""Which candidates are objects: judged by noise, by those they lie in or hold, by those around.

No brightest object, nor any other statistic that one object could move, has a say: each
candidate is compared with noise and with its neighbours.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from adapool._backends import Array
from adapool.cpu.objects import labels
from adapool.cpu.objects import surroundings as kernels
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.ellipsoids import STRICTNESS
from adapool.estimators.blobs.measures import Candidates
from adapool.estimators.blobs.pyramid import pixels_of

# Standard deviations of noise that the contrast of an object has, and that of a spot, which has
# been told from noise by its height already.
CONTRAST = 6.0
_SPOT_CONTRAST = 4.0

# And that above what is bright around it: else it is the upper side of a step, or a rim.
_ALONE = 3.0

# Standard deviations of noise by which a spot that is not among others of one lens falls before it
# meets a higher one.
_SPOT_RISE = 6.0

# Share of its contrast that the height of a rim counts as at least.
_LEAST = 1e-3

# How fast the score of a candidate rises with the height of its rim.
_POWER = 2

# Parts count by their size, over that of the whole, to this power; spots by how much they cover: a
# few bumps of noise are no parts of a disk. What makes up less than this share of a whole is its
# texture, as grains of a nucleus are, and counts by the part of that share that it covers.
_PARTS = 0.25
_COVERED = 0.3

# Share of the height of the rim of what holds them that spots have, on average, which are what is
# looked for; fainter ones are its texture. Spots of one lens need less: half, as noise on a disk
# makes bumps that are alike, too.
_SPOTS = 1.0
_SPOTS_ALIKE = 0.5

# Out of focus is what has less than a share of its contrast within its rim, while half of so many
# neighbours, narrower ones, have a rim so many times as high.
_NEIGHBOURS = 16
_BLURRED = 0.5
_SHARPER = 2.0

# Spots are those of one lens if their neighbours, so many, have scales whose middle half has at
# most this range, and whose median is that of a spot with a sigma of 2.3 pixels at most.
_OF_ONE_LENS = 36
_QUORUM = 4
_FEWEST = 16
_SPREAD = 0.25
_SHARPEST = 1.1

# What is no spot, and has a rim so many times lower than several of them, narrower ones within so
# many of its diameters, is the ground that they lie on; unless it is in focus, which something
# less than so many spots wide is anyhow.
_SOFT = 0.85
_NARROW = 4.0
_LOWER = 1.5
_FAR = 40.0
_SEVERAL = 4

# An object is clutter where so many others outshine it, within so many of their diameters: with
# less than this share of their contrast, if it is as large; of smaller ones more is asked.
_OUTSHONE = 3
_REACH = 15.0
_SHARE = 0.12
_MOST = 0.6
_MAJORITY = 0.3

# Candidates that are compared with their neighbours at once.
_PIECE = 1 << 13

# Nearer than this to a single one, in diameters of it, and with less than this share of its
# height, it is the halo of that.
_HALO_REACH = 1.5
_HALO_SHARE = 0.02


def rising(each: Candidates, sensitivity: float) -> Array:
    """Return which candidates stand out of the noise."""
    least = np.where(each.spots, _SPOT_CONTRAST, CONTRAST)
    above = _rises(each) * sensitivity > least * each.noises
    return np.asarray(above & (each.alone * sensitivity > _ALONE * each.noises))


def _rises(each: Candidates) -> Array:
    return np.minimum(each.rises, each.contrasts)


def select(
    each: Candidates,
    alive: Array,
    holders: list[Array],
    axes: int,
    sensitivity: float,
    sizes: Array,
) -> Array:
    """Return which candidates, of those that stand out of the noise, are objects."""
    rises, alive = _rises(each), alive.copy()
    # What is on one side only, or rises slowly, is no more than the slope of something else.
    heights = np.minimum(np.minimum(rises, each.alone), each.steps)
    heights = np.maximum(heights, _LEAST * rises)
    lens = _of_one_lens(each, alive)
    alive &= lens | (each.heights * sensitivity >= _SPOT_RISE)
    alive &= ~_grounds_of_spots(each, holders, alive, heights, lens)
    kept = _best(each, holders, alive, heights, axes - 1.0, _by_size(each))
    kept[kept] = ~_out_of_focus(each, kept, heights, rises, lens)
    kept[kept] = ~_halo(each, kept, heights)
    kept[kept] = ~_clutter(each, kept, heights) | lens[kept]
    return np.asarray(kept & (each.diameters >= sizes[0]) & (each.diameters <= sizes[1]))


def _by_size(each: Candidates) -> Array:
    """Return the turn of each candidate: spots before others, smaller ones before larger ones."""
    size = np.round(each.diameters, 6)  # what rounding did must not tell
    turns = np.empty(len(size), np.int64)
    turns[np.lexsort((np.arange(len(size)), size, ~each.spots))] = np.arange(len(size))
    return turns


def holders_of(found: list[Found], each: Candidates) -> list[Array]:
    """Return, for each source but the spots, the larger candidate that most of each lies in.

    -1 where it lies in none.
    """
    order = _by_size(each)
    starts = np.searchsorted(each.source, np.arange(len(found) + 1))
    volumes = [labels.volumes(each.labels, len(each.fits)) for each in found]
    over = []
    for outer, holder in enumerate(found[1:], 1):
        lies = np.full(len(each.source), -1)
        for inner, within in enumerate(found):
            own = slice(starts[inner], starts[inner + 1])
            if inner == outer or own.start == own.stop or starts[outer] == starts[outer + 1]:
                continue
            votes = np.zeros((len(within.fits), 3), np.int64)
            maps = pixels_of(within.octave, holder.octave)
            kernels.majority(within.labels, holder.labels, *maps, votes, work=0)
            its = starts[outer] + np.maximum(votes[:, 0] - 1, 0)
            most = (votes[:, 0] > 0) & (2 * votes[:, 2] > volumes[inner])
            lies[own] = np.where(most & (order[own] < order[its]), its, -1)
        over.append(lies)
    return over


def _grounds_of_spots(
    each: Candidates, holders: list[Array], alive: Array, heights: Array, lens: Array
) -> Array:
    """Return which candidates are the ground that spots lie on: these have higher rims, on average.

    A mean, so that one bright grain in a nucleus does not make the nucleus a ground. What holds
    mostly spots of one lens is their ground, or two of them that touch.
    """
    out = np.zeros(len(heights), np.bool_)
    for lies in holders:
        still = alive & ~out
        inside = np.flatnonzero(still & each.spots & (lies >= 0))
        inside = inside[still[lies[inside]] & ~each.spots[lies[inside]]]
        count = np.bincount(lies[inside], minlength=len(heights))
        total = np.bincount(lies[inside], heights[inside], minlength=len(heights))
        alike = 2 * np.bincount(lies[inside], lens[inside], minlength=len(heights)) > count
        share = np.where(alike, _SPOTS_ALIKE, _SPOTS)
        out |= (count > 0) & (total > share * heights * count)
    return out


def _best(
    each: Candidates,
    holders: list[Array],
    alive: Array,
    heights: Array,
    power: float,
    order: Array,
) -> Array:
    """Of candidates that hold each other, return those with the largest sum of scores."""
    score = each.diameters * each.fits**STRICTNESS * np.maximum(heights, 0) ** _POWER
    holder = np.full(len(each.source), -1)
    for lies in holders:  # the smallest that holds it
        nearer = (lies >= 0) & alive[lies] & ((holder < 0) | (order[lies] < order[holder]))
        holder = np.where(nearer, lies, holder)
    inner, kept = np.zeros(len(each.source)), np.zeros(len(each.source), np.bool_)
    spots = each.spots
    turns = np.argsort(order)
    turns = turns[alive[turns]]
    extents = each.diameters ** (power + 1)
    covered = np.zeros(len(score))
    for index in turns:
        inner[index] *= min(1.0, covered[index] / (_COVERED * extents[index]))
        kept[index] = score[index] >= inner[index]
        if holder[index] >= 0:
            ratio = min(each.diameters[index] / each.diameters[holder[index]], 1.0)
            # What has most of its volume is no part, but the same, seen otherwise.
            twin = 2 * extents[index] > extents[holder[index]]
            share = 1.0 if twin else ratio ** (power if spots[index] else _PARTS)
            covered[holder[index]] += extents[index] if kept[index] else covered[index]
            inner[holder[index]] += share * max(score[index], inner[index])
    better, taker = kept.copy(), np.full(len(each.source), -1)  # what is kept and holds each
    for index in turns[::-1]:
        over = holder[index]
        largest = -1 if over < 0 else over if kept[over] else taker[over]
        # What lies in something of several parts need not lie in what most of that lies in.
        inside = [lies[index] for lies in holders if lies[index] >= 0 and better[lies[index]]]
        within = any(largest in (other, taker[other]) for other in inside)
        # A bump on a rim is not half as high as what has the rim.
        if largest >= 0 and (within or 2 * heights[index] < heights[largest]):
            kept[index], taker[index] = False, largest
    return kept


def _out_of_focus(
    each: Candidates, kept: Array, heights: Array, rises: Array, trusted: Array
) -> Array:
    """Return which of the kept ones have a soft rim, among narrower ones with higher rims."""
    places, own, wide = each.places[kept], heights[kept], each.diameters[kept]
    count = min(_NEIGHBOURS + 1, len(places))
    if count <= _SEVERAL:
        return np.zeros(len(places), np.bool_)
    near = cKDTree(places).query(places, count)[1]
    sharper = own[near] > _SHARPER * own[:, np.newaxis]
    sharper &= wide[near] < wide[:, np.newaxis]
    focus = own / np.maximum(rises[kept], 1e-30)
    out = (focus < _BLURRED) & (2 * sharper.sum(axis=1) >= count - 1)
    lens = np.flatnonzero(trusted[kept])
    if len(lens) >= _FEWEST:
        tree = cKDTree(places[lens])
        narrow = wide < _NARROW * np.median(wide[lens])
        for index in np.flatnonzero(~trusted[kept] & (narrow | (focus < _SOFT))):
            spots = lens[tree.query_ball_point(places[index], _FAR * wide[index])]
            higher = (wide[spots] < wide[index]) & (own[spots] > _LOWER * own[index])
            out[index] |= higher.sum() >= _SEVERAL
    return np.asarray(out)


def _of_one_lens(each: Candidates, alive: Array) -> Array:
    """Return which candidates are spots as sharp as a lens draws them, among others of the same."""
    which = np.flatnonzero(alive & each.spots)
    out = np.zeros(len(each.source), np.bool_)
    if len(which) >= _FEWEST:
        places, scales = each.places[which], each.scales[which]
        tree, alike = cKDTree(places), np.zeros(len(which), np.bool_)
        for some in _pieces(len(which)):
            near = tree.query(places[some], min(_OF_ONE_LENS, len(which)))[1]
            low, middle, high = np.quantile(scales[near], [0.25, 0.5, 0.75], axis=-1)
            alike[some] = (high - low < _SPREAD) & (middle < _SHARPEST)
        # Of a thousand grains, some are alike by chance, but not those around them.
        for some in _pieces(len(which)):
            around = tree.query(places[some], min(_QUORUM * _OF_ONE_LENS, len(which)))[1]
            out[which[some]] = alike[some] & (2 * alike[around].sum(axis=-1) > around.shape[-1])
    return out


def _pieces(count: int) -> list[slice]:
    """Return parts of so many candidates, whose neighbours take some megabytes of memory."""
    return [slice(first, first + _PIECE) for first in range(0, count, _PIECE)]


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


def _halo(each: Candidates, kept: Array, heights: Array) -> Array:
    """Return which of the kept ones are the halo of one that is much brighter."""
    out = _outshone(each, kept, heights, _HALO_REACH, np.inf, _HALO_SHARE)
    return np.asarray(out[:, 0] > 0)


def _clutter(each: Candidates, kept: Array, heights: Array) -> Array:
    """Return which of the kept ones are outshone by several around."""
    out = _outshone(each, kept, heights, _REACH, _SHARE, _MOST)
    return np.asarray((out[:, 0] >= _OUTSHONE) & (out[:, 1] > _MAJORITY * out[:, 2]))
