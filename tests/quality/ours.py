"""What adapool makes of an image at a budget of N outputs: label images from 1 on."""

from __future__ import annotations

import numpy as np

import adapool
from adapool.estimators import BlobSizes, ObjectRegions, ScaleSpaceSizes

from .partitions import with_background
from .scores import Array

_ROUNDS = 14  # of the search for the strides that use up the budget


def object_labels(image: Array) -> Array:
    """Return the labels that `BlobSizes` makes inside."""
    return BlobSizes().regions(image)


def object_sites(image: Array, most: int) -> Array:
    """Take a site for each of those labels, and fill the rest with background."""
    return with_background(object_labels(image), most)


def object_regions(image: Array, most: int) -> Array:
    """Pool the regions of `ObjectRegions`, and return who owns which pixel."""
    return adapool.region_pooling(image, ObjectRegions(budget=most), channel_axis=None).labels


def stride_sites(image: Array, most: int) -> Array:
    """Pool where strides lead that are in proportion to the sizes of `ScaleSpaceSizes`."""
    stack = image[np.newaxis, ..., np.newaxis]
    sizes = ScaleSpaceSizes(min_size=4, max_size=64, num_scales=8).predict(stack)[0]
    low, high, best = 0.01, float(max(image.shape)), None
    for _ in range(_ROUNDS):
        scale = np.sqrt(low * high)
        strides = np.maximum(scale * sizes, 1)
        params = np.concatenate([strides, strides], axis=-1)
        sites = adapool.dynamic_stride_pooling(image, params, channel_axis=None)
        if len(sites.values) > most:
            low = scale
        else:
            high, best = scale, sites
    assert best is not None  # a single box may be the whole image
    return np.asarray(best.labels)
