"""Offsets toward the middle of what is bright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool.estimators._images import ForPixels, as_float

# Radius of the Gaussian window in standard deviations, SciPy's own default.
_TRUNCATE = 4.0


@dataclass(frozen=True)
class CentroidOffsets(ForPixels):
    r"""One step of the mean shift, toward the local centre of mass.

    As in [1]_: with w the image above its lowest value within the window, the offset of a pixel
    x is

    .. math:: m(x) = \frac{\sum_u u \, g_\sigma(u) \, w(x + u)}{\sum_u g_\sigma(u) \, w(x + u)},

    the centre of mass of the Gaussian window about x, seen from x. A Gaussian blob of standard
    deviation s is approached by the share :math:`\sigma^2 / (\sigma^2 + s^2)` of the way. Adding
    to the intensities, or scaling them, changes nothing. Where the window is constant the offset
    is 0. Positions outside of the image weigh nothing.

    Parameters
    ----------
    sigma : float
        Standard deviation of the window, which ends at four of them.
    spacing : float or sequence of float, optional
        Voxel size along each axis; `sigma` is then in its unit. Offsets are in pixels.

    References
    ----------
    .. [1] D. Comaniciu and P. Meer, "Mean Shift: A Robust Approach Toward Feature Space Analysis",
       IEEE Transactions on Pattern Analysis and Machine Intelligence 24(5), 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import CentroidOffsets
    >>> image = np.zeros((1, 21, 21, 1))
    >>> image[0, 10, 12] = 1
    >>> CentroidOffsets(sigma=3).predict(image)[0, 8, 8]
    array([2., 4.], dtype=float32)
    """

    meant_for: ClassVar = "offset_network"

    sigma: float = 4.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        checks.positive("sigma", self.sigma)

    def _estimate(self, image: Array, voxel: Array) -> Array:
        sigmas = self.sigma / voxel
        values = as_float(image).astype(np.float64)
        reach = (_TRUNCATE * sigmas + 0.5).astype(int)  # as SciPy rounds it
        # The lowest value of the window belongs to its middle, x, and not to x + u. So the sums
        # are of the image, less that value times the sums of ones, which differ from 1 and 0
        # only near the border.
        lowest = ndi.minimum_filter(values, tuple(2 * reach + 1), mode="nearest")
        ones = np.ones_like(values)
        mass = _moment(values, sigmas, None) - lowest * _moment(ones, sigmas, None)
        offsets = np.zeros((*values.shape, values.ndim))
        # No more than rounding error: the window is constant.
        heavy = mass > 1e-9 * values.max()
        for axis in range(values.ndim):
            moment = _moment(values, sigmas, axis) - lowest * _moment(ones, sigmas, axis)
            np.divide(moment, mass, offsets[..., axis], where=heavy)
        return offsets


def _moment(values: Array, sigmas: Array, axis: int | None) -> Array:
    """Return the sum of values about each pixel, or their first moment along an axis."""
    order = [int(i == axis) for i in range(values.ndim)]
    total = ndi.gaussian_filter(values, sigmas, order, mode="constant", truncate=_TRUNCATE)
    # SciPy's derivative of a Gaussian is its first moment over the variance.
    return np.asarray(total if axis is None else sigmas[axis] ** 2 * total)
