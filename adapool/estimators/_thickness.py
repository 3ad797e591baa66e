"""Window sizes from the distance to the background."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool._otsu import otsu
from adapool.estimators._images import PerPixel, as_float, isotropic

# Balls are tried at diameters that differ by this factor, and stand for those up to the next.
_STEP = 1.1


@dataclass(frozen=True)
class ThicknessSizes(PerPixel):
    r"""Windows as large as the object that a pixel lies in.

    The local thickness [1]_: the diameter of the largest ball that holds the pixel and fits into
    the foreground, read off the distance transform D of the foreground,

    .. math:: size(x) = 2 \max \{D(y) : |x - y| < D(y)\},

    in steps of 10 %. A disk has its diameter everywhere. Background gets `min_size`. With
    `threshold=None`, adding to the intensities, or scaling them, changes nothing.

    Parameters
    ----------
    threshold : float, optional
        Foreground is what is brighter. None means Otsu's threshold of each image; a constant
        image then has no foreground.
    min_size, max_size : float
        Range of the sizes.
    shape : {"axes", "size", "ellipse", "strides"}, optional
        What is returned: a size for each axis, one for all, ellipses, or sizes and strides; see
        `predict`.
    spacing : float or sequence of float, optional
        Voxel size along each axis; sizes are then in its unit.

    References
    ----------
    .. [1] T. Hildebrand and P. Rüegsegger, "A New Method for the Model-Independent Assessment of
       Thickness in Three-Dimensional Images", Journal of Microscopy 185(1), 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import ThicknessSizes
    >>> image = np.zeros((1, 32, 64, 1), np.uint8)
    >>> image[:, 12:20] = 200  # a band that is 8 pixels thick
    >>> ThicknessSizes().predict(image)[0, [4, 12, 16], 32].round()
    array([[3., 3.],
           [8., 8.],
           [8., 8.]], dtype=float32)
    """

    threshold: float | None = None
    min_size: float = 3.0
    max_size: float = 128.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        checks.size_range(self.min_size, self.max_size)
        if self.threshold is not None:
            checks.finite_number("threshold", self.threshold)

    def _estimate(self, image: Array, voxel: Array) -> Array:
        if self.threshold is None:
            values = as_float(image)
            mask = values > (otsu(values) if values.max() > 0 else 0)
        else:
            mask = image > self.threshold
        thickness = local_thickness(mask, voxel, self.max_size)
        return isotropic(thickness.clip(self.min_size, self.max_size), voxel)


def local_thickness(mask: Array, voxel: Array, most: float) -> Array:
    """Return the diameter of the largest ball in `mask` that holds each pixel, 0 outside."""
    # How far the border of an object runs before the centre of the first pixel outside: half a
    # pixel. But the middle of an object an even number of pixels wide lies between two pixels,
    # which takes half a pixel from D. A quarter is right for both, to a quarter.
    edge = voxel.min() / 4
    depth = _distance(mask, voxel)
    thickness = np.where(mask, voxel.min(), 0.0)
    radius = edge
    deepest = min(float(depth.max()), most / 2 + edge)
    while radius + edge <= deepest:
        # Where a ball of this radius fits about some pixel nearer than the radius.
        reached = _distance(depth < radius + edge, voxel) <= radius + edge
        thickness[reached & mask] = 2 * radius * math.sqrt(_STEP)
        radius *= _STEP
    return thickness


def _distance(mask: Array, voxel: Array) -> Array:
    """Return the distance to the nearest pixel outside of `mask`; far, where there is none."""
    if mask.all():
        return np.full(mask.shape, float(np.hypot.reduce(voxel * mask.shape)))
    return np.asarray(ndi.distance_transform_edt(mask, voxel))
