"""Ellipses with the second moments of objects, as `skimage.measure.regionprops` has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import expand_labels

from adapool._backends import Array

# Variance of the points of a pixel along an axis: a region is made of pixels, not of their middles.
_PIXEL = 1 / 12

# Pixels, from the border of a region: up to here the outline of its object may be, and from there
# to the second its background is.
_NEAR, _BEYOND = 3, 8

# Smoothing, in pixels, before an outline is drawn: it leaves 28 % of white noise.
_SMOOTHING = 1.0

# Of an object's pixels, this share is darker than what counts as its top: of a disk seen through a
# lens as of a spot, half of that, above the background, is where its border is.
_TOP = 0.875


def outlined(image: Array, labels: Array) -> Array:
    """Return the objects in the regions of a label image, each out to half of its contrast.

    The regions may be a few pixels too large or too small.
    """
    count = int(labels.max(initial=0)) + 1
    smooth = ndi.gaussian_filter(image.astype(np.float64), _SMOOTHING)
    zones = expand_labels(labels, _NEAR)
    rings = np.where(zones == 0, expand_labels(labels, _BEYOND), 0)
    background = _quantiles(smooth, rings, count, 0.5, float(smooth.min()))
    top = _quantiles(smooth, labels, count, _TOP, float(smooth.max()))
    return np.asarray(np.where(smooth > ((background + top) / 2)[zones], zones, 0))


def _quantiles(image: Array, labels: Array, count: int, share: float, none: float) -> Array:
    """Return a quantile of the pixels with each of the labels 0, 1, ..; `none` where none is."""
    values, numbers = image[labels > 0], labels[labels > 0]
    values = values[np.lexsort((values, numbers))]
    pixels = np.bincount(numbers, minlength=count)
    last = np.cumsum(pixels)
    quantiles = np.full(count, none)
    some = pixels > 0
    at = (last - pixels + share * (pixels - 1)).astype(int)
    quantiles[some] = values[at[some]]
    return quantiles


def ellipses_of(labels: Array, count: int) -> Array:
    """Return the ellipses of `count` labels from 0 on, (count, P); of 1 pixel where none is.

    In images P is 3, major and minor axis length and orientation; in volumes the diameters along
    the axes of the ellipsoid.
    """
    ndim = labels.ndim
    where = np.nonzero(labels)
    number = labels[where]
    pixels = np.bincount(number, minlength=count)
    known = np.maximum(pixels, 1)
    deviations = []
    for axis in where:
        middle = np.bincount(number, axis, count) / known
        deviations.append(axis - middle[number])
    moments = np.empty((count, ndim, ndim))
    for i in range(ndim):
        for j in range(i, ndim):
            product = np.bincount(number, deviations[i] * deviations[j], count) / known
            moments[:, i, j] = moments[:, j, i] = product
    moments[:, range(ndim), range(ndim)] += _PIXEL
    if ndim == 2:
        ellipses = turned(16 * moments)
        none = [1.0, 1.0, 0.0]
    else:
        # Of an ellipsoid of semi-axis r the variance is r ** 2 / 5.
        ellipses = np.sqrt(20 * np.diagonal(moments, axis1=1, axis2=2))
        none = [1.0] * ndim
    ellipses[pixels == 0] = none
    return ellipses.astype(np.float32)


def turned(squares: Any) -> Array:
    """Return major and minor axis length and orientation, (..., 3), of ellipses in images.

    `squares` (..., 2, 2) have the squared lengths for eigenvalues.
    """
    eigenvalues, vectors = np.linalg.eigh(squares)
    lengths = np.sqrt(np.maximum(eigenvalues[..., ::-1], 0))
    down, right = vectors[..., 0, 1], vectors[..., 1, 1]
    # An axis has no direction: from -pi / 2 to pi / 2.
    angle = np.arctan2(right, down)
    angle = np.where(angle > math.pi / 2, angle - math.pi, angle)
    angle = np.where(angle < -math.pi / 2, angle + math.pi, angle)
    return np.concatenate([lengths, angle[..., np.newaxis]], axis=-1)
