"""Until `adapool.region_pooling` is there: what is inside `BlobSizes`, and a trial of growing it.

To be deleted, with its two lines in `ours.py`, once adapool has `ObjectRegions`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from .partitions import with_background
from .scores import Array

_MOST = 8.0  # pixels that an object may grow


def labels_inside(image: Array) -> Array:
    import importlib

    found: Any = importlib.import_module("adapool.estimators._objects")
    objects = found.find_objects(image[np.newaxis].astype(np.float32), np.ones(3), 2)
    return np.asarray(objects.labels[0])


def grown(image: Array, most: int) -> Array:
    """A watershed out to half the contrast of each object."""
    labels = labels_inside(image)
    smooth = ndi.gaussian_filter(image.astype(np.float64), 1)
    index = np.arange(1, labels.max() + 1)
    if not len(index):
        return with_background(labels, most)
    distance, near = ndi.distance_transform_edt(labels == 0, return_indices=True)
    inside = np.asarray(ndi.mean(smooth, labels, index))
    nearest = labels[tuple(near)]
    around = (distance > 0) & (distance <= 2 * _MOST)
    ground = np.asarray(ndi.minimum(smooth, np.where(around, nearest, 0), index))
    level = np.r_[0, (inside + ground) / 2][nearest]
    mask = (labels > 0) | ((distance <= _MOST) & (smooth >= level))
    return with_background(watershed(-smooth, labels, mask=mask), most)
