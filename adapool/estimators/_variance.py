"""Window sizes from the local variance: the example in the first description of the method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool.estimators._images import PerPixel, as_float, isotropic


@dataclass(frozen=True)
class VarianceSizes(PerPixel):
    r"""Larger windows where the local variance is high.

    With v the variance within the Gaussian window of standard deviation `sigma` around a pixel,
    and m its mean over the image,

    .. math:: size = min\_size + (max\_size - min\_size) \frac{v}{v + m},

    so that a pixel of average variance gets a window half-way. Adding to the intensities, or
    scaling them, changes nothing. An image that is constant gets `min_size`.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian window.
    min_size, max_size : float
        Range of the sizes.
    shape : {"axes", "size", "ellipse", "strides"}, optional
        What is returned: a size for each axis, one for all, ellipses, or sizes and strides; see
        `predict`.
    spacing : float or sequence of float, optional
        Voxel size along each axis; `sigma` and sizes are then in its unit.

    References
    ----------
    The local variance as a measure of detail: J. S. Lee, "Digital Image Enhancement and Noise
    Filtering by Use of Local Statistics", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 2(2), 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import VarianceSizes
    >>> image = np.zeros((1, 32, 32, 1))
    >>> image[:, :, 16:] = 1
    >>> sizes = VarianceSizes(sigma=2, min_size=3, max_size=15).predict(image)
    >>> sizes.shape
    (1, 32, 32, 2)
    >>> sizes[0, 16, [0, 8, 16], 0].round(1)  # far from the edge, near it, at it
    array([ 3. ,  3. , 13.5], dtype=float32)
    """

    sigma: float = 4.0
    min_size: float = 3.0
    max_size: float = 33.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        checks.positive("sigma", self.sigma)
        checks.size_range(self.min_size, self.max_size)

    def _estimate(self, image: Array, voxel: Array) -> Array:
        # About the mean, so that the difference of two squares keeps its digits.
        values = as_float(image).astype(np.float64)
        centered = values - values.mean()
        mean = ndi.gaussian_filter(centered, self.sigma / voxel)
        variance = np.maximum(ndi.gaussian_filter(centered**2, self.sigma / voxel) - mean**2, 0)
        typical = variance.mean()
        share = variance / (variance + typical) if typical > 0 else np.zeros_like(variance)
        return isotropic(self.min_size + (self.max_size - self.min_size) * share, voxel)
