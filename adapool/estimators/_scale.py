"""Window sizes from automatic scale selection."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool.estimators._images import PerPixel, as_float, isotropic


@dataclass(frozen=True)
class ScaleSpaceSizes(PerPixel):
    r"""Windows of the scale at which a bright blob has the strongest response.

    At each pixel, the scale that maximises the scale-normalised Laplacian of Gaussian [1]_

    .. math:: -\sigma^2 \nabla^2 (g_\sigma * image),

    with a parabola through the three best scales. A disk or ball of diameter w, in d
    dimensions, has the strongest response at its centre at :math:`\sigma = w / (2 \sqrt d)`, so the
    size is :math:`2 \sqrt d \, \sigma`. Adding to the intensities, or scaling them, changes
    nothing. Where nothing is bright at any scale the size is `min_size`.

    Parameters
    ----------
    min_size, max_size : float
        Range of the sizes, that is of the diameters of blobs.
    num_scales : int
        How many scales are tried, in geometric progression; at least 3.
    shape : {"axes", "size", "ellipse", "strides"}, optional
        What is returned: a size for each axis, one for all, ellipses, or sizes and strides; see
        `predict`.
    spacing : float or sequence of float, optional
        Voxel size along each axis; sizes are then in its unit.

    References
    ----------
    .. [1] T. Lindeberg, "Feature Detection with Automatic Scale Selection", International Journal
       of Computer Vision 30(2), 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import ScaleSpaceSizes
    >>> row, column = np.indices((64, 64)) - 32
    >>> disk = (row**2 + column**2 < 10**2)[np.newaxis, ..., np.newaxis]
    >>> sizes = ScaleSpaceSizes(min_size=5, max_size=40).predict(disk)
    >>> sizes[0, 32, 32].round()
    array([20., 20.], dtype=float32)
    """

    min_size: float = 3.0
    max_size: float = 64.0
    num_scales: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        checks.size_range(self.min_size, self.max_size)
        checks.at_least("num_scales", self.num_scales, 3)

    def _estimate(self, image: Array, voxel: Array) -> Array:
        if self.min_size == self.max_size:
            return isotropic(np.full(image.shape, self.min_size), voxel)
        values = as_float(image)
        sizes = np.geomspace(self.min_size, self.max_size, self.num_scales)
        answers = [
            -(sigma**2) * laplacian(values, sigma, voxel)
            for sigma in sizes / (2 * math.sqrt(image.ndim))
        ]
        step = math.log(sizes[1] / sizes[0])
        return isotropic(self.min_size * np.exp(step * _best(answers)), voxel)


def laplacian(image: Array, sigma: float, voxel: Array) -> Array:
    """Return the Laplacian, per squared unit of `voxel`, of an image smoothed by `sigma`."""
    total = np.zeros(image.shape, image.dtype)
    for axis, width in enumerate(voxel):
        order = [0] * image.ndim
        order[axis] = 2
        total += ndi.gaussian_filter(image, sigma / voxel, order) / image.dtype.type(width**2)
    return total


def _best(answers: list[Array]) -> Array:
    """Return the fractional index of the largest response at each pixel; 0 if none is positive."""
    # One scale after the other: a stack of all of them is many times the size of the image.
    best, before, after = answers[0].copy(), answers[0].copy(), answers[1].copy()
    index = np.zeros(best.shape)
    for i in range(1, len(answers)):
        better = answers[i] > best
        index[better] = i
        for kept, source in ((best, i), (before, i - 1), (after, min(i + 1, len(answers) - 1))):
            kept[better] = answers[source][better]
    bend = before - 2 * best + after
    inner = (index > 0) & (index < len(answers) - 1) & (bend < 0)
    index[inner] += ((before - after)[inner] / bend[inner] / 2).clip(-0.5, 0.5)
    index[best <= 0] = 0
    return index
