"""Plain functions that stand in for trained networks: adapool takes them as they are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage import feature, filters, morphology, segmentation

import adapool
from adapool._backends import Array
from adapool.estimators import BlobSizes

# Pixels of the smallest boxes that the image is cut into.
SIDE = 16

# Taps of the line along which `along_structure` sends the deformable convolution.
TAPS = 13


def label_objects(image: Array) -> Array:
    """Label what is brighter than its wider surroundings, cut into objects at its waists."""
    smooth = ndimage.gaussian_filter(image, 1.5) - ndimage.gaussian_filter(image, 30)
    mask = ndimage.binary_fill_holes(smooth > filters.threshold_otsu(smooth.ravel()))
    mask = ndimage.binary_opening(mask, morphology.disk(2))
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1)
    markers = adapool.peak_local_max(depth, 9, threshold=0, labels=mask, return_markers=True)
    return np.asarray(segmentation.watershed(-depth, markers, mask=mask))


def object_boxes(given: Array) -> Array:
    """Give each pixel a window as large as the object around it, and a stride as large."""
    return np.maximum(BlobSizes().with_strides().predict(given), SIDE)


def thickness(given: Array) -> Array:
    """Give each pixel the size of the largest centred window off the background, 1 on it."""
    reach = ndimage.distance_transform_cdt(label_objects(given[0, ..., 0]) > 0, "chessboard")
    return np.asarray(np.maximum(2 * reach - 1, 1))[np.newaxis, ..., np.newaxis]


def resemblance(windows: Array) -> Array:
    """Weigh the values of square windows (n, K) by how they resemble those at the centre."""
    side = round(windows.shape[1] ** 0.5)
    # The mean of a few pixels, rather than one, which may be noise.
    middle = slice(side // 2 - side // 8, side // 2 + side // 8 + 1)
    centre = windows.reshape(-1, side, side)[:, middle, middle].mean(axis=(1, 2))
    # 0.25 is a difference beyond which a pixel no longer resembles another.
    return np.asarray(np.exp(-(((windows - centre[:, np.newaxis]) / 0.25) ** 2)))


def along_structure(given: Array) -> Array:
    """Move the taps of a row, each by a (row, column), to where it lies along the structure."""
    rows, mixed, columns = feature.structure_tensor(given[0, ..., 0], sigma=3, order="rc")
    across = np.arctan2(2 * mixed, rows - columns) / 2  # against the row axis
    along = np.stack([-np.sin(across), np.cos(across)], axis=-1)[..., np.newaxis, :]
    offsets = (np.arange(TAPS)[:, np.newaxis] - TAPS // 2) * (along - [0, 1])
    return np.asarray(offsets.reshape(1, *rows.shape, 2 * TAPS))
