"""What stands in for trained networks: plain functions, handed to adapool as they are.

Each is given what a network is given, and returns what a network returns: parameters and offsets
are predicted from the whole image ``(1, row, column, 1)``, attention from windows ``(n, K)``.
"""

# mypy: disallow-untyped-calls=False
# scikit-image says that it is typed, and is so in part.

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage import feature, filters, measure, morphology, segmentation

from adapool._backends import Array

# Taps of the line along which `along_structure` sends the deformable convolution.
TAPS = 13

# Difference in brightness beyond which a pixel no longer resembles another.
_RESEMBLANCE = 0.25


def foreground(image: Array) -> Array:
    """Mask what is brighter than its wider surroundings."""
    smooth = ndimage.gaussian_filter(image, 1.5) - ndimage.gaussian_filter(image, 30)
    mask = ndimage.binary_fill_holes(smooth > filters.threshold_otsu(smooth.ravel()))
    return np.asarray(ndimage.binary_opening(mask, morphology.disk(2)))


def label_objects(image: Array) -> Array:
    """Label the foreground, cut into objects at its waists."""
    mask = foreground(image)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1)
    peaks = feature.peak_local_max(depth, min_distance=4, labels=measure.label(mask))
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = 1 + np.arange(len(peaks))
    return np.asarray(segmentation.watershed(-depth, markers, mask=mask))


def typical_width(image: Array) -> int:
    """Return the side, an odd number of pixels, of a square as large as the median object."""
    areas = np.bincount(label_objects(image).ravel())[1:]
    return int(np.median(areas) ** 0.5) // 2 * 2 + 1


def object_boxes(given: Array) -> Array:
    """Give each object a window and a stride as large as its bounding box; none to background.

    Returns sizes, then strides: ``(1, row, column, 4)``. A window and its stride begin at their
    pixel, so that every pixel of a box is told how far it is to the end of that box. Then the
    first pixel of a box that the scan meets claims all that is left of it.
    """
    image = given[0, ..., 0]
    ends = np.zeros((*image.shape, 2), np.int64)
    boxes = ndimage.find_objects(label_objects(image))
    # Where boxes overlap, the one that the scan meets first is painted last.
    for rows, columns in sorted(boxes, key=lambda b: (b[0].start, b[1].start), reverse=True):
        ends[rows, columns] = rows.stop, columns.stop
    here = np.moveaxis(np.indices(image.shape), 0, -1)
    # Background gets a window of size 0, which is empty, and a stride of 1.
    sizes = np.where(ends > 0, ends - here, 0)
    return np.concatenate([sizes, np.maximum(sizes, 1)], axis=-1)[np.newaxis]


def thickness(given: Array) -> Array:
    """Give each pixel the largest centered window that stays in the foreground.

    Returns one size for both axes: ``(1, row, column, 1)``. It is one pixel on background.
    """
    mask = foreground(given[0, ..., 0])
    reach = ndimage.distance_transform_cdt(mask, "chessboard")
    return np.asarray(np.maximum(2 * reach - 1, 1))[np.newaxis, ..., np.newaxis]


def resemblance(windows: Array) -> Array:
    """Weigh the values of each square window by how well they resemble those at its centre."""
    side = round(windows.shape[1] ** 0.5)
    # The mean of a few pixels, rather than one, which may be noise.
    middle = slice(side // 2 - side // 8, side // 2 + side // 8 + 1)
    centre = windows.reshape(-1, side, side)[:, middle, middle].mean(axis=(1, 2))
    difference = (windows - centre[:, np.newaxis]) / _RESEMBLANCE
    return np.asarray(np.exp(-(difference**2)))


def along_structure(given: Array) -> Array:
    """Turn a row of taps about its middle until it lies along the local structure.

    Returns a displacement (row, column) per tap: ``(1, row, column, 2 * TAPS)``.
    """
    rows, mixed, columns = feature.structure_tensor(given[0, ..., 0], sigma=3, order="rc")
    across = np.arctan2(2 * mixed, rows - columns) / 2  # against the row axis
    along = np.stack([-np.sin(across), np.cos(across)], axis=-1)[..., np.newaxis, :]
    steps = np.arange(TAPS)[:, np.newaxis] - TAPS // 2
    offsets = steps * (along - [0, 1])
    return np.asarray(offsets.reshape(1, *rows.shape, 2 * TAPS))
