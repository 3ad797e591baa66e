"""Measures of candidates: what each is, beside what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import bands, components, labels, textures
from adapool.cpu.objects import moments as outlines
from adapool.cpu.objects import surroundings as kernels
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.ellipsoids import fit, unit_ball
from adapool.estimators.blobs.noise import QUARTILE, Growth, of_band
from adapool.estimators.blobs.pyramid import Frame, Octave, pixels_of
from adapool.estimators.blobs.scales import Scales

# How far the surroundings of an object reach, in radii of it, and which quantile of what has no
# label there is its background: low, as others may be near that are no candidates.
_AROUND = 1.5
_BACKGROUND = 0.3
_FEWEST = 3

# The quantile of it that an object rises above on nearly all sides, and that of spots: beside a
# straight rim three fifths of what surrounds a bump are as bright as the bump.
_ALONE = 0.65
_ALONE_SPOTS = 0.75

# Diameter, in pixels of the octave whose noise it meets, of an object.
_NARROW = 5.0

# How far around an object it is looked at what else varies there, in diameters of it.
_TEXTURE = 6.0

# Share of what varies that is left in the next octave: of white noise in an image half is.
_FALL = 0.7

# Pixels around an object that are enough for a quantile.
_MOST = 300

# Share of the depth, in an object, from which its middle is taken.
_CORE = 0.5

# A piece of a line falls on both sides, and at neither end. How far beyond its middle that is told,
# in radii: from where an object ends to half a radius farther, where one that touches it is no
# wider than at the joint. The strip whose mean is looked at, 0.7 radii to either side, is as wide
# as the square in a disk, so that what is narrower at the joint falls too. By how much it falls on
# the sides; and directions, 15 degrees apart.
_ENDS = np.array([1.0, 1.25, 1.5])
_STRIP = 0.7
_ASIDE = 0.7
_ANGLES = np.arange(12) * np.pi / 12

# How many octaves finer the outline of an object is looked at, at half of its contrast, and how
# many pixels tell it.
_FINER = 2
_SEEN = 9


@dataclass(frozen=True)
class Candidates:
    """Measures of candidates, of all octaves, those of finer ones first: (n,) arrays.

    Attributes
    ----------
    source, number : array of int
        In which of the sources a candidate was found, and its label there.
    positions : (n, 3) array
        The middle, in pixels of the image.
    places : (n, 3) array
        The middle, in the unit of the voxel size.
    diameters : array
        Of the disk or ball of the same volume, in the unit of the voxel size.
    contrasts, backgrounds : array
        The mean above what is darkest around, and that.
    rises : array
        The contrast in what is above the background, on which a slope makes none.
    noises : array
        Standard deviation of the noise in the octave of a candidate.
    shots : array
        That at the brightness of its background, where noise grows with that.
    fits : array
        As `Found` has them, or of the outline in a finer octave, whichever is less.
    scales, heights : array
        As `Found` has them.
    alone : array
        The contrast to what is bright around, above the background: what is on nearly all sides.
    steps : array
        How high the rim is, within a few pixels of the image itself.
    slopes : array
        How steep the rim is, where it is followed to a small part of the diameter: its fall along
        a diameter.
    ends : array
        By which share of its contrast it falls at the better of two ends, where it falls by most of
        it on both sides between them, and there is no direction in which that is less: little for a
        piece of a line. 1 where there is no such direction, for spots, and in volumes.
    textures : array
        The standard deviation that noise would have which varies as much as what is around each
        does, at its scale; that of the noise where it varies less.
    """

    source: Array
    number: Array
    positions: Array
    places: Array
    diameters: Array
    contrasts: Array
    backgrounds: Array
    rises: Array
    noises: Array
    shots: Array
    fits: Array
    scales: Array
    heights: Array
    alone: Array
    steps: Array
    slopes: Array
    ends: Array
    textures: Array

    @property
    def spots(self) -> Array:
        """Which were found as spots."""
        return np.isfinite(self.heights)


def joined(parts: list[Candidates]) -> Candidates:
    """Return the candidates of all parts."""
    names = [field.name for field in fields(Candidates)]
    return Candidates(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def measured(
    found: Found,
    source: int,
    scales: Scales,
    noises: Array,
    growth: Growth,
    frame: Frame,
    rims: tuple[Array, Array],
) -> Candidates:
    """Measure the candidates of one source, the heights and slopes of whose rims are known."""
    octave, count, ndim = found.octave, len(found.fits), frame.ndim
    octaves, smooth = scales.octaves, scales.smooth
    volumes = labels.volumes(found.labels, count)
    diameters = 2 * (volumes * octave.voxel[-ndim:].prod() / unit_ball(ndim)) ** (1 / ndim)
    boxes = _boxes(found, diameters, ndim)
    (contrasts,), (backgrounds,) = _contrasts(found, smooth[octave.index], boxes, [_BACKGROUND])
    quantile = _ALONE_SPOTS if np.isfinite(found.heights).any() else _ALONE
    (rises, alone), _ = _contrasts(found, found.above, boxes, [_BACKGROUND, quantile])
    finest = octave.unit / 2**octave.index
    wide = np.log2(np.maximum(diameters / (_NARROW * finest), 1)).astype(int)
    wide = np.minimum(wide, len(noises) - 1)
    fine = max(octave.index - _FINER, 0)
    levels = backgrounds + contrasts / 2
    fits = np.minimum(found.fits, _fits_above(found, octaves[fine], smooth[fine], levels, ndim))
    noise = np.maximum(noises[octave.index], noises[wide])
    # What rounding did must not tell where a part of an image begins.
    positions = np.round(octave.to_image(_middles(found)) * 1024) / 1024
    return Candidates(
        source=np.full(count, source),
        number=np.arange(1, count + 1),
        positions=positions,
        places=positions * frame.voxel,
        diameters=diameters,
        contrasts=contrasts,
        backgrounds=backgrounds,
        rises=rises,
        noises=noise,
        shots=noise * growth.of(backgrounds),
        fits=fits,
        scales=found.scales,
        heights=found.heights,
        alone=alone,
        steps=rims[0],
        slopes=rims[1],
        ends=_ends(found, smooth[octave.index], backgrounds, frame),
        textures=_texture(scales, wide, positions, diameters, noises, frame),
    )


def _texture(
    scales: Scales,
    octave: Array,
    positions: Array,
    diameters: Array,
    noises: Array,
    frame: Frame,
) -> Array:
    """Return how much varies around each candidate, at its scale or less, but no less than noise.

    In a crowd, what others are like at that scale hides how bare the background between them is. So
    in the octave that is finer by one, from which noise falls by more, and texture by less.
    """
    finer = np.maximum(octave - 1, 0)
    own, fine = (
        np.maximum(_textures(scales, which, positions, diameters, frame), noises[which])
        for which in (octave, finer)
    )
    return np.where(octave > 0, np.minimum(own, _FALL * fine), own)


def _textures(
    scales: Scales, octave: Array, positions: Array, diameters: Array, frame: Frame
) -> Array:
    """Return how much there is around each candidate of what an octave has and no coarser one.

    As a standard deviation of noise. By the first quartile, of both signs, so that neither a
    candidate itself nor others have a say, as long as they leave alone a good part of it.
    """
    out = np.zeros(len(octave), np.float32)
    for index in np.unique(octave):
        own, grid = np.flatnonzero(octave == index), scales.octaves[index]
        middles = (positions[own] - grid.first) / grid.step
        reach = np.minimum(_TEXTURE * diameters[own], frame.widest)
        margin = reach[:, np.newaxis] / grid.voxel
        margin[:, : 3 - frame.ndim] = 0
        low = np.ceil(middles - margin).astype(np.int64)
        high = np.floor(middles + margin).astype(np.int64) + 1
        quartiles = np.empty(len(own), np.float32)
        bands = (scales.smooth[index], scales.coarse[index])
        textures.quartiles_of_bands(*bands, low, high, _MOST, quartiles, work=0)
        out[own] = quartiles
    return out.astype(np.float64) * (of_band(frame.ndim) / QUARTILE)


def _fits_above(found: Found, fine: Octave, values: Array, levels: Array, ndim: int) -> Array:
    """Return the fit of what is above a level in each candidate, in a finer octave.

    The coarser an octave, the more two objects that touch are like one: where they meet, a notch
    is filled.
    """
    fits = np.ones(len(levels))
    if fine is found.octave or not len(fits):  # nothing is lost
        return fits
    moments = np.zeros((len(levels), 10))
    maps = pixels_of(fine, found.octave)
    outlines.moments_above(values, found.labels, *maps, levels, moments, work=0)
    seen = moments[:, 0] >= _SEEN
    fits[seen] = fit(moments[seen], ndim)
    return fits


def _ends(found: Found, image: Array, backgrounds: Array, frame: Frame) -> Array:
    """Return how little each candidate falls at both ends of a direction, as `Candidates` says."""
    out = np.ones(len(backgrounds))
    if frame.axes != 2 or image.shape[0] > 1 or np.isfinite(found.heights).any() or not len(out):
        return out
    moments, least = np.zeros((len(out), 10)), np.full(len(out), -np.inf)
    maps = pixels_of(found.octave, found.octave)
    outlines.moments_above(image, found.labels, *maps, least, moments, work=0)
    middles = moments[:, 2:4] / np.maximum(moments[:, :1], 1)
    products = moments[:, [5, 9, 6]] / np.maximum(moments[:, :1], 1)
    products -= middles[:, [0, 0, 1]] * middles[:, [0, 1, 1]]
    products[:, [0, 2]] += 1 / 12  # a pixel is no point
    inverses = products[:, ::-1] * [1, -1, 1]
    inverses = np.ascontiguousarray(
        inverses / (products[:, 0] * products[:, 2] - products[:, 1] ** 2)[:, np.newaxis]
    )
    ways = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)], axis=-1)
    room, numbers = np.empty((len(ways), 4)), (np.float64(_STRIP), np.float64(_ASIDE))
    bands.ends(image, middles, inverses, backgrounds, ways, _ENDS, *numbers, room, out, work=0)
    return out


def _boxes(found: Found, diameters: Array, ndim: int) -> tuple[Array, Array]:
    """Return the boxes that hold each candidate and its surroundings: two (n, 3) arrays."""
    low, high = labels.bounds(found.labels, len(diameters))
    reach = _AROUND * diameters[:, np.newaxis] / 2 / found.octave.voxel
    margin = np.ceil(reach).astype(np.int64)
    margin[:, : 3 - ndim] = 0
    return low - margin, high + margin


def _contrasts(
    found: Found, values: Array, boxes: tuple[Array, Array], quantiles: list[float]
) -> tuple[Array, Array]:
    """Return how much the mean of each candidate is above its backgrounds, and those: (q, n)."""
    count = len(found.fits)
    sums = np.zeros((count, 2))
    kernels.sums_over(values, found.labels, sums, work=0)
    means = sums[:, 1] / np.maximum(sums[:, 0], 1)
    around = np.empty((len(quantiles), count), np.float32)
    shares = np.array(quantiles, np.float32)
    # Some milliseconds in all: threads would wait for each other for longer.
    kernels.surround(
        values,
        found.labels,
        *boxes,
        shares,
        _FEWEST,
        _MOST,
        around,
        work=0,
    )
    # No background around it: nothing to stand out from.
    backgrounds = np.where(np.isfinite(around), around.astype(np.float64), means)
    return means - backgrounds, backgrounds


def _middles(found: Found) -> Array:
    """Return the middle of each candidate, in pixels of its octave: of the pixels deep within."""
    count = len(found.fits)
    deepest, deepness = np.zeros((count, 3), np.int64), np.zeros(count, np.float32)
    components.deepest(found.labels, found.depth, deepest, deepness, work=0)
    sums = np.zeros((count, 4))
    kernels.cores(found.depth, found.labels, deepness, np.float32(_CORE), sums, work=0)
    middles = sums[:, 1:] / np.maximum(sums[:, :1], 1e-30)
    # That of a crescent may be beside it.
    inside = found.labels[tuple(middles.round().astype(int).T)] == np.arange(1, count + 1)
    return np.where(inside[:, np.newaxis], middles, deepest)
