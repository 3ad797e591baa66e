"""What may be an object in an octave: components of the map of depths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import depths, filters
from adapool.estimators.blobs.ellipsoids import GREYS, Limits, ellipsoids
from adapool.estimators.blobs.pyramid import Frame, Octave

# Scale on which the background varies, in pixels of the octave: in volumes as many pixels are
# nearer.
_BACKGROUND = {2: 8.0, 3: 4.0}

# Levels that an object is looked at, in local contrasts above the background, and how many standard
# deviations of noise a local contrast is at least.
_LEVELS = np.linspace(0.2, 2.0, 10).astype(np.float32)
_NOISES = 3.0

# Width, in pixels, up to which something far above the noise is no part of the background, and how
# many standard deviations that is.
_SMALL = 5
_HEIGHT = 6.0

# Diameters that are looked for in an octave, in its pixels: smaller ones in a finer one, but for
# the first, and larger ones in a coarser one, but for the last.
_NARROWEST = 5.0
_WIDEST = 40.0

# Mean depth, in pixels, below which a pixel is background: the halo of two disks that touch is
# shallow, and an ellipse.
_SHALLOW = 0.1

# Pixels from which threads pay.
_THREADED = 1 << 18


@dataclass(frozen=True)
class Found:
    """Candidates of an octave, from one source: labels from 1 on in the order of the others.

    Attributes
    ----------
    octave : Octave
    labels : (plane, row, column) array of int32
    depth : (plane, row, column) array of float32
        Highest in the middle of each.
    above : (plane, row, column) array of float32
        The smoothed image above its background.
    fits : (n,) array
        Volume over that of the ellipsoid with the same moments.
    scales : (n,) array
        For spots, the response at twice their scale, over that at it; NaN for others.
    heights : (n,) array
        For spots, the response, in deviations from the median of all maxima, or what it falls by
        before it meets a higher one, in those of noise, if that is less; infinite for others.
    """

    octave: Octave
    labels: Array
    depth: Array
    above: Array
    fits: Array
    scales: Array
    heights: Array


def octaves_for(widest: float, unit: float) -> float:
    """Return how many octaves show objects of up to this diameter."""
    return 1 + max(0.0, float(np.ceil(np.log2(widest / (_WIDEST * unit)) - 1e-9)))


def limits(frame: Frame, octave: Octave) -> Limits:
    """Return how large the components of an octave are that are looked for."""
    last = octave.index == len(frame.halvings)
    least = _NARROWEST if octave.index else 0.0
    # No more than half of the image.
    pixels = float(frame.shapes[octave.index].prod()) / 2
    if not np.isfinite(frame.widest):
        return Limits(least, np.inf if last else _WIDEST, pixels, None)
    most = min(frame.widest / octave.unit, _WIDEST)
    # How deep something wider is tells nothing, and would have to be asked of pixels far away.
    return Limits(least, most, pixels, 0.6 * most + 1)


def components_of(octave: Octave, smooth: Array, noise: float, ndim: int, sized: Limits) -> Found:
    """Find the components of the map of depths that are most like ellipsoids."""
    above, contrast = _local_contrast(octave, smooth, noise, ndim)
    depth = _mean_depth(octave, np.divide(above, contrast, out=contrast), ndim, sized.deepest)
    del contrast  # memory, in volumes
    # By its root, as shallow objects need finer steps than deep ones.
    deepest = float(depth.max()) if sized.deepest is None else sized.deepest
    factor = np.float32((GREYS - 1) ** 2 / max(deepest, 1e-30))
    labels, fits = ellipsoids(np.sqrt(depth * factor).astype(np.uint8), sized, octave, ndim)
    none = np.full(len(fits), np.nan)
    return Found(octave, labels, depth, above, fits, none, np.full(len(fits), np.inf))


def _local_contrast(octave: Octave, smooth: Array, noise: float, ndim: int) -> tuple[Array, Array]:
    """Return what an image is above its background, and the contrast that there is around."""
    without = _without_small(smooth, noise)
    background = octave.local_mean(without, _BACKGROUND[ndim])
    without -= background
    contrast = octave.local_mean(np.square(without, out=without), _BACKGROUND[ndim])
    contrast = np.sqrt(np.maximum(contrast, 0) + np.float32((_NOISES * noise) ** 2))
    return smooth - background, np.maximum(contrast, np.float32(1e-30))


def _without_small(smooth: Array, noise: float) -> Array:
    """Take down what is small and far above the noise, or it would hide what is around it."""
    widths = [_SMALL if n > 1 else 1 for n in smooth.shape]
    opened = filters.opening(smooth, np.minimum(widths, smooth.shape))
    return np.asarray(np.minimum(smooth, opened + np.float32(_HEIGHT * noise)))


def _mean_depth(octave: Octave, relative: Array, ndim: int, deepest: float | None) -> Array:
    """Average the distance to the background, over the levels that the background may have.

    Where nuclei touch, brighter levels part them; where one is textured, the darker levels, in
    which it is whole and so deep, outweigh the brighter ones.
    """
    voxel = octave.voxel / octave.unit
    # Where a level has no background.
    most = np.float32(np.linalg.norm(voxel * relative.shape) if deepest is None else deepest)
    steps, weights = depths.scan(ndim, voxel)
    # Threads pay from some milliseconds on: where cores are busy, they wait for each other. In
    # volumes a second one would take 25 bytes of memory a voxel to save a twentieth of the time.
    work = 0 if relative.size < _THREADED or ndim == 3 else relative.size * len(_LEVELS)
    sums = depths.sum_depths(relative, _LEVELS, steps, weights, most, work=work)
    sums /= np.float32(len(_LEVELS))
    depth = octave.smooth(sums, 0.5)
    depth[depth < _SHALLOW] = 0
    return depth
