"""Bright objects of any size: the analysis behind `BlobSizes`, in steps of a few lines each.

All is float32 and (plane, row, column). Lengths are in the unit of the voxel size.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._otsu import otsu
from adapool.cpu.objects import components

# Levels of brightness that an object is looked at.
_LEVELS = 12

# Shares of the levels that threads may work on.
_GROUPS = 2

# Pixels from which they do.
_THREADED = 1 << 18

# Grey levels that the map of depths is cut into for the tree.
_GREYS = 256

# How fast the score of a component falls as it departs from an ellipsoid. Two touching disks,
# taken for one, fit to 0.89.
_STRICTNESS = 16

# Scale on which the ground varies, in pixels, until the size of the objects is known.
_FIRST_SCALE = 35

# Pixels below which a component is too small to tell its shape.
_LEAST = 9

# Share of the typical contrast that an object must have.
_CONTRAST = 0.25

# Share of it that most objects lack, where they are a crowd.
_CROWD = 0.5

# Standard deviations from the median beyond which a value is an outlier, and how many median
# absolute deviations are one, of normal values.
_OUTLIER = 3
_MAD = 1.4826

# Contrast, in standard deviations of the noise, up to which noise may pass for an object.
_NOISY = 5

# How far the surroundings of an object reach, in radii of it.
_AROUND = 1.5

# Mean depth, in pixels, below which a pixel is background: the halo of two disks that touch is
# shallow, and an ellipse.
_SHALLOW = 0.1


@dataclass(frozen=True)
class Objects:
    """Objects: labels from 1 on in the order of the other fields.

    Attributes
    ----------
    labels : (plane, row, column) array of int32
    depth : (plane, row, column) array of float32
        Mean depth of each pixel below the borders of objects.
    volumes : (n,) array
        In cubed (or squared) units of the voxel size.
    contrasts : (n,) array
        Mean brightness above the darkest that surrounds an object.
    """

    labels: Array
    depth: Array
    volumes: Array
    contrasts: Array

    def diameters(self, ndim: int) -> Array:
        """Return the diameters of disks or balls of the same volume."""
        return np.asarray(2 * (self.volumes / unit_ball(ndim)) ** (1 / ndim))

    def keep(self, kept: Array) -> Objects:
        """Return some of the objects."""
        numbers = np.zeros(len(kept) + 1, np.int32)
        numbers[1:][kept] = np.arange(1, kept.sum() + 1)
        return Objects(numbers[self.labels], self.depth, self.volumes[kept], self.contrasts[kept])


def find_objects(image: Array, voxel: Array, ndim: int) -> Objects:
    """Find the bright objects of an image (plane, row, column).

    Twice: at first to learn how large they are, and then with their typical radius as the scale
    on which the ground may vary.
    """
    finest = float(voxel[-ndim:].min())
    smooth = _smoothed(image, finest, voxel)
    smooth -= np.percentile(smooth[_thinned(smooth)], 5)
    floor = otsu(smooth) / 2 if smooth.max() > smooth.min() else np.inf
    # At first with every other pixel, a quarter of the work: it is for the typical size alone.
    step = np.where(np.array(image.shape) >= 128, 2, 1)
    coarse = np.ascontiguousarray(smooth[tuple(slice(None, None, s) for s in step)])
    first = _objects_on(coarse, floor, _FIRST_SCALE * finest, voxel * step, ndim)
    if not len(first.volumes):
        first = _objects_on(smooth, floor, _FIRST_SCALE * finest, voxel, ndim)
    radius = _typical_diameter(first, ndim) / 2
    objects = _objects_on(smooth, floor, max(radius, finest), voxel, ndim)
    return _prominent(objects, _noise(image))


def _objects_on(smooth: Array, floor: float, scale: float, voxel: Array, ndim: int) -> Objects:
    """Find and measure the objects on ground that varies on one scale."""
    ground = np.maximum(_local_mean(smooth, scale, voxel), np.float32(floor))
    finest = float(voxel[-ndim:].min())
    depth = _smoothed(_mean_depth(smooth / ground, voxel, ndim), finest / 2, voxel)
    depth[depth < _SHALLOW * finest] = 0
    return _contrasted(smooth, depth, _ellipsoids(depth, ndim), voxel, ndim)


def _prominent(objects: Objects, noise: float) -> Objects:
    """Keep the objects with enough contrast, beside the typical one and beside a crowd.

    Typical is the mean that counts an object by its volume and its squared contrast: of many
    faint objects and few bright ones, the bright ones are those that were stained.

    Where most objects have less than half of that, and more than noise has, they are a crowd that
    the objects sought lie in. What is no outlier of it, by the median and the median absolute
    deviation, belongs to it; and so does what is nearer, by its ratio, to the median than to the
    typical one, as a crowd may have outliers of its own. If not even the typical one is an
    outlier, that tells nothing.
    """
    contrasts = objects.contrasts
    weight = objects.volumes * contrasts**2
    typical = (contrasts * weight).sum() / max(weight.sum(), 1e-30)
    least = _CONTRAST * typical
    if len(contrasts):
        middle = np.median(contrasts)
        outlier = middle + _OUTLIER * _MAD * np.median(np.abs(contrasts - middle))
        if _NOISY * noise < middle < _CROWD * typical and outlier < typical:
            least = max(least, outlier, math.sqrt(middle * typical))
    return objects.keep(contrasts >= least)


def _noise(image: Array) -> float:
    """Return the standard deviation of noise, from differences in which smooth ground cancels.

    The operator of J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and Image
    Understanding 64(2), 1996; with the median, which edges do not move.
    """
    if min(image.shape[1:]) < 3:
        return 0.0
    # Of each third row of differences alone: more than enough for a median.
    count = image.shape[1] // 3
    above, middle, below = (image[:, i : i + 3 * count - 2 : 3] for i in range(3))
    rows = above - 2 * middle + below
    both = rows[..., :-2] - 2 * rows[..., 1:-1] + rows[..., 2:]
    return float(_MAD * np.median(np.abs(both)) / 6)


def _smoothed(image: Array, sigma: float, voxel: Array) -> Array:
    sigmas = np.where(np.array(image.shape) > 1, sigma / voxel, 0)
    return np.asarray(ndi.gaussian_filter(image, sigmas))


def _local_mean(image: Array, sigma: float, voxel: Array) -> Array:
    """Smooth by three boxes, whose cost does not grow with sigma as that of a Gaussian does."""
    # A box of width w has the variance (w^2 - 1) / 12.
    widths = np.sqrt(4 * (sigma / voxel) ** 2 + 1).round().astype(int)
    widths = np.minimum(widths, 2 * np.array(image.shape) - 1)
    # Even boxes lie half a pixel to one side: the second one to the other, the third is odd.
    even = widths % 2 == 0
    for size, origin in ((widths, 0 * even), (widths, -1 * even), (widths - even, 0 * even)):
        image = ndi.uniform_filter(image, size, origin=tuple(origin.tolist()))
    return image


def _mean_depth(relative: Array, voxel: Array, ndim: int) -> Array:
    """Average the distance to the background, over the levels that the background may have.

    Where nuclei touch, brighter levels part them; where one is textured, the darker levels, in
    which it is whole and so deep, outweigh the brighter ones.
    """
    top = max(float(np.percentile(relative[_thinned(relative)], 99.5)), 1.5)
    levels = (top ** ((np.arange(_LEVELS) + 0.5) / _LEVELS)).astype(np.float32)
    most = np.float32(np.linalg.norm(voxel * relative.shape))  # where a level has no background
    steps, weights = components.scan(ndim, voxel)
    sums = np.zeros((_GROUPS, *relative.shape), np.float32)
    # Threads pay from some milliseconds on: where cores are busy, they wait for each other.
    work = 0 if relative.size < _THREADED else sums.size
    components.sum_depths(relative, levels, steps, weights, most, sums, work=work)
    return np.asarray(sums.sum(axis=0) / np.float32(_LEVELS))


def _thinned(image: Array) -> tuple[slice, ...]:
    """Return the slices of some 2^16 of the pixels or more: enough for a percentile."""
    step = max(1, int((image.size / 2**16) ** (1 / max(sum(n > 1 for n in image.shape), 1))))
    return tuple(slice(None, None, step if n > 1 else 1) for n in image.shape)


def _ellipsoids(depth: Array, ndim: int) -> Array:
    """Label the components of the depth, at any level, that are most like ellipsoids.

    Of all ways to choose components none of which holds another, the one with the largest sum of
    extent times fit: a component is parted where its parts fit better than it does.
    """
    # By its root, as shallow objects need finer steps than deep ones.
    factor = np.float32((_GREYS - 1) ** 2 / max(float(depth.max()), 1e-30))
    values = np.sqrt(depth * factor).astype(np.uint8).ravel()
    order = np.empty(np.count_nonzero(values), np.int32)
    components.fall(values, order, np.zeros(_GREYS, np.int64), work=0)
    parent = np.empty(values.size, np.int32)
    components.build_tree(order, values, depth.shape, parent, work=0)
    node = np.empty(values.size, np.int32)
    count = components.number(order, parent, values, node, work=0)
    moments, over = np.zeros((count, 10)), np.empty(count, np.int32)
    components.sum_moments(order, parent, node, depth.shape, moments, over, work=0)
    large = np.flatnonzero(moments[:, 0] >= _LEAST)
    extent = moments[large, 0] ** (1 / ndim)
    score = np.zeros(count)
    score[large] = extent * _fit(moments[large], ndim) ** _STRICTNESS
    chosen = np.empty(count, np.int32)
    components.choose(over, score, chosen, work=0)
    labels = np.zeros(values.size, np.int32)
    components.label(order, node, chosen, labels, work=0)
    return labels.reshape(depth.shape)


def _fit(moments: Array, ndim: int) -> Array:
    """Return the volume of components over that of the ellipsoids with the same moments.

    At most 1, and 1 for ellipsoids: along a semiaxis a, their variance is a^2 / (d + 2).
    """
    count = moments[:, 0]
    first, last = 3 - ndim, 3
    mean = moments[:, 1:4] / count[:, np.newaxis]
    covariance = np.empty((len(moments), ndim, ndim))
    for i, j in itertools.combinations_with_replacement(range(first, last), 2):
        column = 4 + i if i == j else 6 + i + j
        value = moments[:, column] / count - mean[:, i] * mean[:, j]
        value += (i == j) / 12  # a pixel is no point
        covariance[:, i - first, j - first] = covariance[:, j - first, i - first] = value
    # Both volumes are in pixels: the voxel size cancels.
    ellipsoid = unit_ball(ndim) * (ndim + 2) ** (ndim / 2) * np.sqrt(np.linalg.det(covariance))
    return np.asarray(np.minimum(count / ellipsoid, 1))


def unit_ball(ndim: int) -> float:
    """Return the volume of the disk or ball of radius 1."""
    return math.pi if ndim == 2 else 4 / 3 * math.pi


def _contrasted(smooth: Array, depth: Array, labels: Array, voxel: Array, ndim: int) -> Objects:
    """Measure objects: the contrast is to the darkest background around them."""
    count = np.bincount(labels.ravel())[1:]
    inside = np.bincount(labels.ravel(), smooth.ravel())[1:] / count
    objects = Objects(labels, depth, count * voxel[-ndim:].prod(), inside)
    if not len(count):
        return objects
    boxes = ndi.find_objects(labels)
    low = np.array([[axis.start for axis in box] for box in boxes])
    high = np.array([[axis.stop for axis in box] for box in boxes])
    margin = np.ceil(_AROUND * objects.diameters(ndim)[:, np.newaxis] / 2 / voxel).astype(np.int64)
    margin[:, : 3 - ndim] = 0
    darkest = np.empty(len(count), np.float32)
    components.darkest(smooth, labels, low - margin, high + margin, darkest, work=0)
    # No background around it: nothing to stand out from.
    contrasts = np.where(np.isfinite(darkest), inside - darkest, 0)
    return dataclasses.replace(objects, contrasts=contrasts)


def _typical_diameter(objects: Objects, ndim: int) -> float:
    """Return the median diameter, each object weighed by its volume and its squared contrast."""
    diameters = objects.diameters(ndim)
    if not len(diameters):
        return 0.0
    order = np.argsort(diameters)
    weight = np.cumsum((objects.volumes * objects.contrasts**2)[order])
    return float(diameters[order][np.searchsorted(weight, weight[-1] / 2)])
