"""Noise at each scale, measured on the image itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import spots as kernels
from adapool.cpu.objects.ranks import median, ranked

# The first quartile of the absolute value of a normal variable.
QUARTILE = 0.3186

# How many times the noise of an octave that of the next may be: smooth noise grows until the
# octave is as coarse as it is. From there it falls, in no octave less than in the one before.
_GROWTH = 4.0

# How many times the noise of single pixels that of the first octave may be, as white noise would
# leave it, where its distribution shows that it is not noise alone that it has. Smooth noise may
# be any number of times that; and what is normal, by its quantiles, is noise.
_SMOOTHER = 2.0
_TAILS = 2.439  # the middle 90 % of a normal variable over its middle 50 %
_NORMAL = 0.1

# Standard deviations, in grey levels, below which noise does not blur the steps between them,
# and what then stands for it: an object must be a level and a half above its surroundings.
_UNDITHERED = 0.3
_STEP = 0.25

# Share of the range of an image that this is at most: few levels are no steps of a gradient.
_RANGE = 0.01

# Height of a pixel, in standard deviations of noise, that noise may have, and over that of its
# neighbours, that a spot under a microscope may have: one with a sigma of 0.7 has 2.8.
_SPECK = 6.0
_STEEP = 3.0

# Pixels that are enough to see how noise grows with brightness, parts that the brighter half of
# them is cut into, and how many deviations of noise above the median tell.
_SAMPLE = 1 << 17
_BINS = 8
_APART = 4.0

# Values that are enough to see in which steps they come.
_ENOUGH = 1 << 15


def noise(bands: Iterable[list[Array]], images: list[Array], pixels: float, ndim: int) -> Array:
    """Return the standard deviation of noise in each octave, smoothed by 1 pixel.

    Measured on the difference of two Gaussians, of 1 and of 3 pixels, by the first quartile of
    its absolute value, which objects leave alone that cover less than most of the image. Where
    they do cover it, a coarse octave tells nothing: there noise is taken to have fallen as it did
    in finer ones. `bands` are these differences in all parts of the image, octave by octave,
    `images` the parts, and `pixels` is the noise of single ones.
    """
    kept, factor = _kept(1.0, 1.0, ndim), of_band(ndim)
    found: list[float] = []
    white = pixels * math.sqrt(kept)
    growth, least, normal = _GROWTH, 2.0 ** (-ndim / 2), True
    for band in bands:
        size = np.abs(together(band))
        value = float(ranked(size, size.size // 4)[0]) / QUARTILE * factor
        normal = normal and _is_normal(band)
        if found:
            value = min(value, found[-1] * (growth if normal else min(growth, 1.0)))
            growth = min(growth, max(value / max(found[-1], 1e-30), least))
        else:
            value = value if normal else min(value, _SMOOTHER * white)
            growth = min(growth, max(value / max(white, 1e-30) * least, least))
        found.append(value)
    step = _step(images)
    undithered = found[0] / math.sqrt(kept) < _UNDITHERED * step
    spread = max(float(each.max()) for each in images) - min(float(each.min()) for each in images)
    floor = min(_STEP * step, _RANGE * spread)
    return np.maximum(found, floor if undithered else 0.0)


class Growth(NamedTuple):
    """How noise grows with brightness, as that of photons: its variance by a rate above a level."""

    level: float
    rate: float

    def of(self, brightness: Array) -> Array:
        """Return how many times the noise of an image that at some brightness is."""
        return np.asarray(np.sqrt(1 + self.rate * np.maximum(brightness - self.level, 0)))


def growth(bands: list[Array], levels: list[Array]) -> Growth:
    """Measure how noise grows with brightness, from the median on.

    `bands` are differences of two Gaussians, as for `noise`, `levels` the image smoothed by the
    wider of them. Of parts of the brighter half, that are equally many pixels, the one that tells
    the least growth counts: what is in the others may be texture. Nothing is said where brightness
    varies no more than noise. Where a part is, on that scale, its median says, which something
    bright in it leaves alone.
    """
    level, size = _thinned(levels, _SAMPLE), np.abs(_thinned(bands, _SAMPLE))
    middle = float(np.median(level))
    edges = np.quantile(level, np.linspace(0.5, 1, _BINS + 1))
    spread = float(np.quantile(size[level <= middle], 0.25)) / QUARTILE
    rates = []
    for low, high in itertools.pairwise(edges):
        own = (level > low) & (level <= high)
        above = float(np.median(level[own])) - middle if own.any() else 0.0
        if above > _APART * spread and spread > 0:
            value = float(np.quantile(size[own], 0.25)) / QUARTILE
            rates.append(((value / spread) ** 2 - 1) / above)
    return Growth(middle, max(min(rates, default=0.0), 0.0))


def of_band(ndim: int) -> float:
    """Return the deviation of noise smoothed by 1 pixel, over that of what 3 pixels take of it."""
    kept = _kept(1.0, 1.0, ndim)
    return math.sqrt(kept / (kept + _kept(3.0, 3.0, ndim) - 2 * _kept(1.0, 3.0, ndim)))


def _thinned(parts: list[Array], most: int) -> Array:
    """Return some of the pixels, no more than that by much: the same ones of an image turned over.

    Lines are left out along all axes, in as many steps from the middle to either side.
    """
    thick = max(sum(length > 1 for length in parts[0].shape), 1)
    step = max(1, round((sum(part.size for part in parts) / most) ** (1 / thick)))
    if step == 1:
        return together(parts)
    found = []
    for part in parts:
        lines = []
        for length in part.shape:
            before = np.arange((length - 1) // 2, -1, -step)
            lines.append(np.union1d(before, length - 1 - before))
        found.append(part[np.ix_(*lines)])
    return together(found)


def _is_normal(parts: list[Array]) -> bool:
    """Whether quantiles are those of a normal distribution: no crowd of objects has them."""
    values = _thinned(parts, _ENOUGH)
    low, lower, middle, upper, high = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
    tails = (high - low) / max(upper - lower, 1e-30)
    skew = (high + low - 2 * middle) / max(high - low, 1e-30)
    return bool(abs(tails / _TAILS - 1) < _NORMAL and abs(skew) < _NORMAL)


def _kept(first: float, second: float, ndim: int) -> float:
    """Return the covariance of white noise smoothed by two Gaussians."""
    return float((2 * math.pi * (first**2 + second**2)) ** (-ndim / 2))


def _step(images: list[Array]) -> float:
    """Return the least difference between two values of an image: what it was quantised to."""
    values = np.unique(_thinned(images, _ENOUGH))
    return float(np.diff(values).min()) if len(values) > 1 else 0.0


def pixel_noise(images: list[Array]) -> float:
    """Return the standard deviation of the noise of single pixels, of all images together.

    The operator of J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and Image
    Understanding 64(2), 1996; with the median, which edges do not move.
    """
    found = []
    for image in images:
        if min(image.shape[1:]) >= 3:
            rows = image[:, :-2] - 2 * image[:, 1:-1] + image[:, 2:]
            found.append(np.abs(rows[..., :-2] - 2 * rows[..., 1:-1] + rows[..., 2:]))
    return float(median(together(found)) / 6 * 1.4826) if found else 0.0


def together(parts: list[Array]) -> Array:
    """Return arrays as a flat one, without a copy where there is but one."""
    flat = [part.ravel() for part in parts]
    return flat[0] if len(flat) == 1 else np.concatenate(flat)


def despeckled(image: Array, pixels: float) -> Array:
    """Take down hot pixels and lines of one pixel, which no lens has drawn."""
    out = np.empty_like(image)
    floor = np.float32(_SPECK * pixels)
    kernels.despeckle(image, floor, np.float32(_STEEP), out, work=image.size * 16)
    return out
