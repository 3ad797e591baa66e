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
from adapool.estimators.blobs import neighbours
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.ellipsoids import STRICTNESS
from adapool.estimators.blobs.measures import Candidates
from adapool.estimators.blobs.neighbours import pieces
from adapool.estimators.blobs.pyramid import Frame, pixels_of

# Standard deviations of noise that the contrast of an object has: by chance one place in a thousand
# megapixels of noise has so much. And that of a spot, which has been told from noise by its height
# already (3 and 5 lose 0.015 and 0.022 on sets of spots).
CONTRAST = 6.0
_SPOT_CONTRAST = 4.0

# And those that something which is no spot has at its rim, and on nearly all sides: half as much,
# as an edge through the middle of noise would have (2, 0.000; 4, -0.003).
_SIDES = 3.0

# Share of its contrast by which something falls at one of its ends at least, or else it is a piece
# of a line, and a line is no object. In scenes of nuclei, of rods and of crowds nothing falls by
# less than 0.68; half of the pieces of fibres fall by less than 0.2, most by less than 0.5.
_END = 0.4

# Standard deviations of noise by which a spot that is not among others of one lens falls before it
# meets a higher one: those of any object.
_SPOT_RISE = 6.0

# How fast the score of a candidate rises with the height of its rim: as the square of a signal to
# noise, the evidence for it, does (1 and 3 are worse by 0.002 in the mean of all sets).
_POWER = 2

# Parts count by their size, over that of the whole, to this power: ten parts of a tenth of the
# width, as grains of a nucleus are, are less than it (0.1 and 0.25 change the mean by less than
# 0.001). Spots count by how much they cover: a few bumps of noise are no parts of a disk.
_PARTS = 0.15

# Share of the height of the rim of what holds them that spots have, on average, which are what is
# looked for; fainter ones are its texture. Spots of one lens need less: half, as noise on a disk
# makes bumps that are alike, too. (0.7 and 1.4 lose 0.023 and 0.004; of one lens 0.35, 0.000, and
# 0.7, 0.022 on planted spots.)
_SPOTS = 1.0
_SPOTS_ALIKE = 0.5

# Out of focus is what has less than a share of its contrast within its rim, while half of so many
# neighbours, narrower ones, have a rim so many times as high: half and twice, of about two rings of
# neighbours (8 and 32, 0.4 and 0.6, 1.5 and 3 change the mean of all sets by less than 0.001).
_NEIGHBOURS = 16
_BLURRED = 0.5
_SHARPER = 2.0

# Spots are those of one lens if their neighbours, so many, have scales whose middle half has at
# most this range, and whose median is that of a spot with a sigma of 2.3 pixels at most. Chosen on
# planted spots, of which 54 neighbours in place of 36 lose 0.036, a range of 0.2 0.037 and at least
# 25 spots 0.052, as few are in an image; 24 neighbours, a range of 0.3, at least 10 and a median of
# 1.0 or 1.2 change the mean of all sets by less than 0.001, twice the quorum nothing.
_OF_ONE_LENS = 36
_QUORUM = 4
_FEWEST = 16
_SPREAD = 0.25
_SHARPEST = 1.1

# What is no spot, and has a rim so many times lower than several of them, narrower ones within so
# many of its diameters, is the background that they lie on; unless it is in focus, which something
# less than so many spots wide is anyhow. Measured on planted spots over cells: 20 diameters in
# place of 40 lose 0.023, less than 3 spots 0.027; 0.7 or 1 for the share, 1.2 or 2 times, 80
# diameters, 2 or 8 spots change the mean of all sets by some 0.001.
_SOFT = 0.85
_NARROW = 4.0
_LOWER = 1.5
_FAR = 40.0
_SEVERAL = 4

# Share of its contrast that something which is no spot has on nearly all sides, by the number of
# axes.
_ALL_SIDES = {2: 0.5, 3: 0.0}

# What is wider than half of the image, the largest that is looked for, and so many pixels is uneven
# background, such as uneven light makes, and no object, unless its rim is so many times as steep as
# that of a dome: of a paraboloid as high as it is and as wide, which falls by 4 heights along a
# diameter. No annotated image tells (0.4 or 0.7, 40 or 100 pixels, 1 or 1.6 change nothing); half
# is the largest that is looked for.
_FIELD = 0.5
_FIELD_PIXELS = 64
_DOME = 1.25

# How often it is chosen anew without what turned out to be clutter: in the textures of annotated
# images nothing changes after the third time (2 and 5: -0.001).
_ROUNDS = 3


def rising(each: Candidates, sensitivity: float) -> Array:
    """Return which candidates stand out of the noise.

    Spots, as yet, of that of the image: those that it makes on something bright are parts of that.
    """
    return _above(each, np.where(each.spots, each.noises, each.shots), sensitivity)


def _above(each: Candidates, noises: Array, sensitivity: float) -> Array:
    least = np.where(each.spots, _SPOT_CONTRAST, CONTRAST)
    out = _rises(each) * sensitivity > least * noises
    sides = np.minimum(each.alone, each.steps) * sensitivity
    return np.asarray(out & (each.spots | (sides > _SIDES * noises)) & (each.ends >= _END))


def _rises(each: Candidates) -> Array:
    return np.minimum(each.rises, each.contrasts)


def select(
    each: Candidates,
    alive: Array,
    holders: list[Array],
    frame: Frame,
    sensitivity: float,
    sizes: Array,
) -> Array:
    """Return which candidates, of those that stand out of the noise, are objects."""
    rises, alive = _rises(each), alive.copy()
    # What is on one side only, or rises slowly, is no more than the slope of something else.
    heights = np.maximum(np.minimum(np.minimum(rises, each.alone), each.steps), 0)
    clear = neighbours.clear(each, holders, alive, heights, sensitivity)
    lens = _of_one_lens(each, alive)
    alive &= lens | (each.heights * sensitivity >= _SPOT_RISE)
    alive &= ~_backgrounds_of_spots(each, holders, alive, heights, lens)
    for _ in range(_ROUNDS):
        kept = _best(each, holders, alive, heights, frame.axes - 1.0)
        kept[kept] = ~_out_of_focus(each, kept, heights, rises, lens)
        shown = kept.copy()
        kept[kept] = ~neighbours.halo(each, kept, heights)
        kept[kept] = ~neighbours.clutter(each, kept, heights, clear) | lens[kept]
        # What is clutter is no part of anything either.
        alive &= kept | ~shown
        if (kept == shown).all():
            break
    # At last: what uneven background holds is of it.
    kept &= ~_uneven(each, frame) & ~_one_sided(each, frame.ndim)
    kept &= _above(each, each.shots, sensitivity)
    return np.asarray(kept & (each.diameters >= sizes[0]) & (each.diameters <= sizes[1]))


def _one_sided(each: Candidates, ndim: int) -> Array:
    """Return which candidates are bumps on an edge: on one side it is as bright as they are.

    Not in volumes, where much more of what surrounds an object may be others.
    """
    return np.asarray(~each.spots & (each.alone < _ALL_SIDES[ndim] * _rises(each)))


def _uneven(each: Candidates, frame: Frame) -> Array:
    """Return which candidates are uneven background: wide beside the image, without a steep rim."""
    lengths = (frame.shapes[0] * frame.voxel)[frame.shapes[0] > 1]
    wide = max(_FIELD * lengths.min(initial=np.inf), _FIELD_PIXELS * frame.unit)
    # Above the background that wide filters leave, and above what surrounds it: between the two.
    heights = np.sqrt(np.maximum(_rises(each) * each.contrasts, 0))
    return np.asarray((each.diameters >= wide) & (each.slopes < _DOME * 4 * heights))


def holders_of(found: list[Found], each: Candidates) -> list[Array]:
    """Return, for each source, the candidate there that most of each candidate lies in.

    -1 where it lies in none.
    """
    starts = np.searchsorted(each.source, np.arange(len(found) + 1))
    volumes = [labels.volumes(each.labels, len(each.fits)) for each in found]
    over = []
    for outer, holder in enumerate(found):
        lies = np.full(len(each.source), -1)
        for inner in range(outer):
            count = starts[inner + 1] - starts[inner]
            votes = np.zeros((count, 3), np.int64)
            maps = pixels_of(found[inner].octave, holder.octave)
            kernels.majority(found[inner].labels, holder.labels, *maps, votes, work=0)
            most = (votes[:, 0] > 0) & (2 * votes[:, 2] > volumes[inner])
            lies[starts[inner] : starts[inner + 1]] = np.where(
                most, starts[outer] + votes[:, 0] - 1, -1
            )
        over.append(lies)
    return over


def _backgrounds_of_spots(
    each: Candidates, holders: list[Array], alive: Array, heights: Array, lens: Array
) -> Array:
    """Return which candidates are background that spots lie on: these have higher rims, on average.

    A mean, so that one bright grain in a nucleus does not make the nucleus background. What holds
    mostly spots of one lens is their background, or two of them that touch.
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
    each: Candidates, holders: list[Array], alive: Array, heights: Array, power: float
) -> Array:
    """Of candidates that hold each other, return those with the largest sum of scores."""
    score = each.diameters * each.fits**STRICTNESS * np.maximum(heights, 0) ** _POWER
    holder = np.full(len(each.source), -1)
    for lies in reversed(holders):  # the smallest that holds it
        holder = np.where((lies >= 0) & alive[lies], lies, holder)
    inner, kept = np.zeros(len(each.source)), np.zeros(len(each.source), np.bool_)
    spots = each.spots
    for index in np.flatnonzero(alive):
        kept[index] = score[index] >= inner[index]
        if holder[index] >= 0:
            ratio = min(each.diameters[index] / each.diameters[holder[index]], 1.0)
            share = ratio ** (power if spots[index] else _PARTS)
            inner[holder[index]] += share * max(score[index], inner[index])
    taken = np.zeros(len(each.source), np.bool_)
    for index in np.flatnonzero(alive)[::-1]:
        within = holder[index] >= 0 and taken[holder[index]]
        kept[index] &= not within
        taken[index] = within or kept[index]
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
        for some in pieces(len(which)):
            near = tree.query(places[some], min(_OF_ONE_LENS, len(which)))[1]
            low, middle, high = np.quantile(scales[near], [0.25, 0.5, 0.75], axis=-1)
            alike[some] = (high - low < _SPREAD) & (middle < _SHARPEST)
        # Of a thousand grains, some are alike by chance, but not those around them.
        for some in pieces(len(which)):
            around = tree.query(places[some], min(_QUORUM * _OF_ONE_LENS, len(which)))[1]
            out[which[some]] = alike[some] & (2 * alike[around].sum(axis=-1) > around.shape[-1])
    return out
