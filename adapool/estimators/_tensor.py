"""Long windows along long objects, from the structure tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool.estimators._images import PerPixel, as_float
from adapool.estimators._moments import turned


@dataclass(frozen=True)
class StructureTensorSizes(PerPixel):
    r"""Windows as long, along each axis, as the objects are: long along long objects.

    The structure tensor [1]_ :math:`J = g_\rho * \nabla f \nabla f^T` of the image f, smoothed by
    `sigma` and lifted to 0 at its lowest within `max_size`, counts the edges across each
    direction, and :math:`E = g_\rho * f^2` the pixels between them. A step that is smoothed by
    sigma has :math:`\int f'^2 = 1 / (2 \sqrt\pi \sigma)`, and an object two of them along each
    direction: so the extent along an eigenvector of J with the eigenvalue :math:`\lambda_k` is

    .. math:: w_k = \frac{E}{\sqrt\pi \, \sigma \, \lambda_k} + \frac{2 d \sigma}{\sqrt\pi},

    in d dimensions; the second term is what smoothing takes from the E of a disk or a ball. A
    window is the bounding box of the ellipse with these axes, clipped to `min_size` and
    `max_size`; with ``shape="ellipse"``, of an image, that ellipse. Adding to the
    intensities, or scaling them, changes nothing.

    Parameters
    ----------
    sigma : float
        Standard deviation of the smoothing.
    rho : float
        Standard deviation of the Gaussian over which edges are counted. It must reach the edges
        of an object on all sides, so about the diameter: for a disk of radius r, the extent at its
        centre is too long by the factor :math:`(e^q - 1) / q, q = r^2 / 2 \rho^2`, 6 % with rho
        the diameter and 30 % with the radius.
    min_size, max_size : float
        Range of the sizes.
    shape : {"axes", "size", "ellipse", "strides"}, optional
        What is returned: a size for each axis, one for all, ellipses, or sizes and strides; see
        `predict`.
    spacing : float or sequence of float, optional
        Voxel size along each axis; lengths are then in its unit.

    References
    ----------
    .. [1] J. Bigün and G. H. Granlund, "Optimal Orientation Detection of Linear Symmetry",
       Proceedings of the First International Conference on Computer Vision, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import StructureTensorSizes
    >>> row, column = np.indices((96, 96)) - 48
    >>> ellipse = ((row / 30) ** 2 + (column / 8) ** 2 < 1)[np.newaxis, ..., np.newaxis]
    >>> rows, columns = StructureTensorSizes(rho=30).predict(ellipse)[0, 48, 48]
    >>> bool(rows > 3 * columns)
    True
    """

    sigma: float = 1.0
    rho: float = 24.0
    min_size: float = 3.0
    max_size: float = 64.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        checks.positive("sigma", self.sigma)
        checks.positive("rho", self.rho)
        checks.size_range(self.min_size, self.max_size)

    def _estimate(self, image: Array, voxel: Array) -> Array:
        values = as_float(image).astype(np.float64)
        smooth = ndi.gaussian_filter(values, self.sigma / voxel)
        # Odd, so that the pixel is in the middle: a filter of an even size sees half a pixel more
        # to one side.
        reach = 2 * (self.max_size / voxel / 2).astype(int) + 1
        lifted = smooth - ndi.minimum_filter(smooth, tuple(reach))
        energy = self._sum(lifted**2, voxel)
        eigenvalues, vectors = np.linalg.eigh(self._tensor(values, voxel))
        edges = math.sqrt(math.pi) * self.sigma * eigenvalues
        lengths = np.full(edges.shape, float(self.max_size))
        # The eigenvalue is rounding error: there is no edge within reach across this direction.
        sharp = edges > 1e-9 * energy[..., np.newaxis]
        np.divide(
            np.broadcast_to(energy[..., np.newaxis], edges.shape), edges, lengths, where=sharp
        )
        lengths += 2 * image.ndim * self.sigma / math.sqrt(math.pi)
        lengths[energy <= 1e-9 * energy.max()] = self.min_size
        lengths = lengths.clip(self.min_size, self.max_size)
        if self.shape == "ellipse" and image.ndim == 2:
            squares = np.einsum("...ik,...k,...jk->...ij", vectors, lengths**2, vectors)
            return turned(squares / np.outer(voxel, voxel))
        sizes = np.sqrt(np.einsum("...ik,...k->...i", vectors**2, lengths**2))
        return np.asarray(sizes / voxel)

    def _sum(self, image: Array, voxel: Array) -> Array:
        return np.asarray(ndi.gaussian_filter(image, self.rho / voxel))

    def _tensor(self, values: Array, voxel: Array) -> Array:
        ndim = values.ndim
        slopes = [
            ndi.gaussian_filter(values, self.sigma / voxel, np.eye(ndim, dtype=int)[i]) / voxel[i]
            for i in range(ndim)
        ]
        tensor = np.empty((*values.shape, ndim, ndim))
        for i in range(ndim):
            for j in range(i, ndim):
                tensor[..., i, j] = tensor[..., j, i] = self._sum(slopes[i] * slopes[j], voxel)
        return tensor
