"""A region for each object, and the background in blocks: labels for `region_pooling`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import relabel_sequential, watershed

from adapool._backends import Array
from adapool._checks import arguments
from adapool._checks import estimators as checks
from adapool._networks import is_network, predict
from adapool.estimators._blobs import BlobSizes
from adapool.estimators._images import Spacing, as_float, as_numbers
from adapool.estimators.blobs.ellipsoids import unit_ball

# Share of its contrast that the border of an object lies below its mean. Half way from the peak
# to the background is where a blurred edge is; the mean is a little below the peak.
_SHARE = 0.55

# How far an object may grow, in radii of it; and in pixels at least, as blur does not get smaller
# with the objects. On 17 images of nuclei, 8 pixels for all let 0.822 of the objects be read off
# the result, instead of 0.833.
_REACH = 0.4
_LEAST_REACH = 4

# How far around an object its background is looked for, in radii of it.
_AROUND = 1.5

# By how much blocks grow until there are few enough.
_STEP = 1.02


@dataclass(frozen=True)
class ObjectRegions:
    """A region for each object, and the background in square blocks: for `region_pooling`.

    At equal numbers of values, regions in the shape of the objects keep what blocks of one size
    split and mix: see ``docs/quality.md``. Each object is grown out to half of its contrast: a
    watershed from its label outward, down to the middle between its brightness and the darkest
    background around it, through no pixel that is brighter than the object, and 0.4 of its radius
    (4 pixels at least) far.

    Parameters
    ----------
    budget : int, optional
        The most regions that there may be. All objects come first, and the background is cut into
        as many square blocks (cubes) as are left; a block that objects lie in has what is around
        them. Of more objects than that, those of the highest contrast are kept. None for
        objects alone: then the background belongs to no region.
    objects : array_like of int, callable or object with ``.predict`` or ``.regions``, optional
        The objects: a label image ``spatial`` of one's own, 0 for background, such as a watershed,
        StarDist or Cellpose gives; a network that is given ``(1, *spatial, C)`` and returns
        ``(1, *spatial)`` labels; or an estimator whose ``regions`` is given an image ``spatial``
        and returns its label image. None for what :class:`BlobSizes` finds.
    grow : bool, optional
        Whether objects are grown. False for labels that are outlines already.
    spacing : float or sequence of float, optional
        Voxel size along each axis. Blocks are cubes in its unit.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> from adapool.estimators import ObjectRegions
    >>> row, column = np.indices((64, 64))
    >>> image = np.exp(-((row - 32) ** 2 + (column - 20) ** 2) / 50.0)
    >>> image += np.exp(-((row - 32) ** 2 + (column - 50) ** 2) / 20.0)
    >>> sites = adapool.region_pooling(image, ObjectRegions(budget=18), channel_axis=None)
    >>> len(sites.values)
    18
    >>> sorted(sites.positions[:2].tolist())
    [[32, 20], [32, 50]]
    """

    meant_for: ClassVar = "region_network"

    budget: int | None = None
    objects: Any = None
    grow: bool = True
    spacing: Spacing = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if self.budget is not None:
            arguments.count("budget", self.budget)
        arguments.flag("grow", self.grow)
        object.__setattr__(self, "spacing", as_numbers(self.spacing))

    def predict(self, images: Any) -> Array:
        """Label the pixels of a stack of images.

        Parameters
        ----------
        images : ``(n, *spatial, C)`` array_like
            Images (row, column) or volumes (plane, row, column), with finite values. Of channels
            the maximum counts.

        Returns
        -------
        labels : ``(n, *spatial)`` array of int32
            From 1 on, without gaps: the objects in the order of their labels, then the blocks in
            raster order.

        Raises
        ------
        TypeError
            If the array does not hold real numbers, or labels are not integers.
        ValueError
            If it has the wrong number of axes, is empty, or holds NaN, infinity or values beyond
            1e37, if labels have another shape or are negative, or if `spacing` does not have one
            number for each spatial axis.
        """
        stack = checks.stack(images)
        voxel = checks.voxel(self.spacing, stack.ndim - 2)
        return np.stack([self._label(stack[i : i + 1], voxel) for i in range(len(stack))])

    def _label(self, given: Array, voxel: Array) -> Array:
        """Return the labels of one image, which comes as a stack of one."""
        image = given[0].max(axis=-1)
        labels = relabel_sequential(self._objects(given, image))[0].astype(np.int32)
        smooth = _smoothed(image, voxel)
        radii = _radii(labels, voxel)
        inside, darkest = _brightness(smooth, labels, radii, voxel)
        contrasts = inside - darkest
        if self.budget is not None and len(radii) > self.budget:
            kept = np.argsort(-contrasts, kind="stable")[: self.budget]
            labels = _kept(labels, np.sort(kept))
            kept.sort()
            inside, contrasts, radii = inside[kept], contrasts[kept], radii[kept]
        if self.grow:
            labels = _grown(smooth, labels, inside - _SHARE * contrasts, radii, voxel)
        return labels if self.budget is None else _with_blocks(labels, self.budget, voxel)

    def _objects(self, given: Array, image: Array) -> Array:
        """Return the label image of the objects, of any integers."""
        objects = BlobSizes(spacing=self.spacing) if self.objects is None else self.objects
        if hasattr(objects, "regions"):
            found = objects.regions(image)
        else:
            found = predict("objects", objects, given.view()) if is_network(objects) else objects
        return checks.labels("objects", found, image.shape)


def _smoothed(image: Array, voxel: Array) -> Array:
    """Smooth by a pixel along the finest axis."""
    return np.asarray(ndi.gaussian_filter(as_float(image), voxel.min() / voxel))


def _radii(labels: Array, voxel: Array) -> Array:
    """Return the radius of the disk, or ball, as large as each object."""
    volumes = np.bincount(labels.reshape(-1))[1:] * voxel.prod()
    return np.asarray((volumes / unit_ball(labels.ndim)) ** (1 / labels.ndim))


def _brightness(smooth: Array, labels: Array, radii: Array, voxel: Array) -> tuple[Array, Array]:
    """Return the mean of each object, and the darkest background around it, or the same."""
    flat = labels.reshape(-1)
    inside = np.bincount(flat, smooth.reshape(-1))[1:] / np.bincount(flat)[1:]
    darkest = inside.copy()
    background = np.where(labels == 0, smooth, np.inf)
    for i, box in enumerate(ndi.find_objects(labels)):
        reach = np.ceil(_AROUND * radii[i] / voxel).astype(int).tolist()
        around = tuple(
            slice(max(own.start - more, 0), own.stop + more)
            for own, more in zip(box, reach, strict=True)
        )
        darkest[i] = min(darkest[i], background[around].min())
    return inside, darkest


def _kept(labels: Array, kept: Array) -> Array:
    """Return some of the objects, by their numbers from 0 on, which rise."""
    numbers = np.zeros(labels.max() + 1, np.int32)
    numbers[kept + 1] = np.arange(1, len(kept) + 1)
    return np.asarray(numbers[labels])


def _grown(smooth: Array, labels: Array, least: Array, radii: Array, voxel: Array) -> Array:
    """Grow objects into pixels at least as bright as `least` of each, and not brighter than it."""
    if not len(radii):
        return labels
    distance, nearest = ndi.distance_transform_edt(labels == 0, sampling=voxel, return_indices=True)
    reach = np.maximum(_REACH * radii, _LEAST_REACH * voxel.min())
    near = distance <= np.r_[0, reach][labels[tuple(nearest)]]
    flooded = watershed(-smooth, labels, mask=near)
    brightest = ndi.maximum(smooth, labels, np.arange(1, len(radii) + 1))
    fits = (smooth >= np.r_[np.inf, least][flooded]) & (smooth <= np.r_[0, brightest][flooded])
    return np.where(labels > 0, labels, np.where(fits, flooded, 0)).astype(np.int32)


def _with_blocks(labels: Array, budget: int, voxel: Array) -> Array:
    """Label the background in blocks, as small as what is left of the budget allows."""
    background, count = labels == 0, int(labels.max())
    left = budget - count
    if left < 1 or not background.any():
        return labels
    side = (background.sum() * voxel.prod() / left) ** (1 / labels.ndim)
    for factor in itertools.count():
        sides = np.maximum(np.rint(side * _STEP**factor / voxel), 1).astype(int)
        starts = [np.arange(0, n, s) for n, s in zip(labels.shape, sides, strict=True)]
        held = background
        for axis, begin in enumerate(starts):
            held = np.logical_or.reduceat(held, begin, axis=axis)
        if held.sum() <= left:
            break
    numbers = np.zeros(held.shape, np.int32)
    numbers[held] = np.arange(count + 1, count + 1 + held.sum())
    along = [np.arange(n) // s for n, s in zip(labels.shape, sides, strict=True)]
    return np.where(background, numbers[np.ix_(*along)], labels)
