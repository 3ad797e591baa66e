"""Window sizes, and a map of peaks, from the bright objects of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool.cpu.objects import components
from adapool.estimators._images import PerPixel, as_float
from adapool.estimators._moments import ellipses_of, outlined
from adapool.estimators._objects import Objects, find_objects

# Share of the largest depth of an object that its core has: the middle of that is its peak.
_CORE = 0.65


@dataclass(frozen=True)
class BlobSizes(PerPixel):
    r"""Windows as large as the bright object that a pixel lies in: the default of `peak_local_max`.

    It looks for objects that are like ellipses (ellipsoids), of any size, on ground that may be
    uneven, and has no parameter to set:

    1. The image, smoothed by a pixel, is divided by its ground: the local mean, but at least half
       of Otsu's threshold.
    2. The *depth* of a pixel is its distance to the background, averaged over levels of that
       quotient. Nuclei that touch are parted by the brighter levels; a textured one stays whole,
       as it is deepest in those levels in which it is whole.
    3. Among the components of all level sets of the depth, held in a tree [1]_, those are chosen,
       none within another, that have the largest sum of extent times fit, as in [2]_. The fit is
       the volume of a component over that of the ellipsoid with the same second moments, to the
       power of 16: where the parts of a component are more like ellipsoids than it is, it is
       parted.
    4. The scale of the local mean is the typical radius of the objects themselves, for which the
       first three steps are made twice.
    5. An object whose contrast, to the darkest background around it, is less than a quarter
       of the typical one is dropped. Where most have less than half of it, and more than noise
       has, they are a crowd of faint objects: then what is no outlier of it, or nearer to it than
       to the typical one, is dropped too.

    The constants were chosen once, for the annotated images on which ``docs/quality.md`` reports;
    there it is measured how the result depends on the quarter, and on no other of them. Adding to
    the intensities, or scaling them, changes nothing.

    With ``shape="ellipse"`` a pixel gets the ellipse (in volumes, the diameters along the axes of
    the ellipsoid) with the second moments of the object that it lies in, out to half of its
    contrast, and 1 outside of objects.

    Parameters
    ----------
    shape : {"axes", "size", "ellipse", "strides"}, optional
        What is returned: a size for each axis, one for all, ellipses, or sizes and strides; see
        `predict`.
    spacing : float or sequence of float, optional
        Voxel size along each axis.

    References
    ----------
    .. [1] P. Salembier, A. Oliveras and L. Garrido, "Antiextensive Connected Operators for Image
       and Sequence Processing", IEEE Transactions on Image Processing 7(4), 1998.
    .. [2] C. Arteta, V. Lempitsky, J. A. Noble and A. Zisserman, "Learning to Detect Cells Using
       Non-overlapping Extremal Regions", MICCAI, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import BlobSizes
    >>> row, column = np.indices((64, 64))
    >>> image = 1.0 * ((row - 32) ** 2 + (column - 20) ** 2 < 10**2)
    >>> image += (row - 32) ** 2 + (column - 50) ** 2 < 5**2
    >>> sizes = BlobSizes().predict(image[np.newaxis, ..., np.newaxis])
    >>> sizes[0, 32, [20, 50], 0]
    array([21., 11.], dtype=float32)
    """

    def response(self, images: Any) -> Array:
        """Return the map that peaks are taken on.

        Parameters
        ----------
        images : ``(n, *spatial, C)`` array_like
            As for `predict`.

        Returns
        -------
        response : ``(n, *spatial)`` array of float32
            Within an object its contrast, in units of the intensity, times the depth of a pixel
            over the largest in that object; 0 elsewhere. One maximum for each object.

        Raises
        ------
        TypeError, ValueError
            As for `predict`.
        """
        return self.response_and_sizes(images)[0]

    def response_and_sizes(self, images: Any) -> tuple[Array, Array]:
        """Return the results of `response` and of `predict`, at the cost of one of them."""
        stack = checks.stack(images)
        voxel = checks.voxel(self.spacing, stack.ndim - 2)
        pairs = [_respond(image.max(axis=-1), voxel) for image in stack]
        responses, sizes = zip(*pairs, strict=True)
        if self.shape == "ellipse":
            return np.stack(responses), self.predict(images)
        return np.stack(responses), self._shaped(np.stack(sizes))

    def _estimate(self, image: Array, voxel: Array) -> Array:
        if self.shape == "ellipse":
            volume, voxels = _as_volume(image, voxel)
            labels = find_objects(volume, voxels, image.ndim).labels.reshape(image.shape)
            objects = outlined(volume.reshape(image.shape), labels)
            # Pixels just beyond an outline have a response, and so need a window too.
            return ellipses_of(objects, int(labels.max()) + 1)[
                np.where(objects > 0, objects, labels)
            ]
        return _respond(image, voxel)[1]


def _respond(image: Array, voxel: Array) -> tuple[Array, Array]:
    """Return the map (*spatial) and the sizes (*spatial, d) of one image."""
    ndim = image.ndim
    volume, voxels = _as_volume(image, voxel)
    objects = find_objects(volume, voxels, ndim)
    response = np.empty(volume.shape, np.float32)
    sizes = np.empty((*volume.shape, 3), np.float32)
    _paint(objects, voxels, ndim, response, sizes)
    return response.reshape(image.shape), sizes.reshape(*image.shape, 3)[..., 3 - ndim :]


def _as_volume(image: Array, voxel: Array) -> tuple[Array, Array]:
    """Return an image as float32 (plane, row, column), and its voxel size along these."""
    missing = (1,) * (3 - image.ndim)
    volume = as_float(image).astype(np.float32, copy=False).reshape(missing + image.shape)
    return volume, np.array(missing + tuple(voxel))


def _paint(objects: Objects, voxel: Array, ndim: int, response: Array, sizes: Array) -> None:
    """Draw objects into the map, and give each pixel of theirs a window that reaches the peak."""
    count = len(objects.volumes)
    peaks, deepness = np.zeros((count, 3), np.int64), np.zeros(count, np.float32)
    components.deepest(objects.labels, objects.depth, peaks, deepness, work=0)
    peaks = _middles(objects, deepness, voxel)
    most = (objects.diameters(ndim)[:, np.newaxis] / 2 / voxel).astype(np.int64)
    most[:, : 3 - ndim] = 0
    half = np.zeros_like(most)
    components.free_boxes(peaks, objects.labels, most, half, work=0)
    contrasts = objects.contrasts.astype(np.float32)
    components.paint(
        objects.labels,
        objects.depth,
        peaks,
        deepness,
        contrasts,
        half,
        response,
        sizes,
        work=0,
    )


def _middles(objects: Objects, deepness: Array, voxel: Array) -> Array:
    """Return of each object the pixel of its core that is nearest to the centroid of the core.

    The deepest pixel would be anywhere on the middle line of a long object.
    """
    most = np.r_[np.float32(np.inf), deepness][objects.labels]
    core = objects.depth >= _CORE * most
    points, number = np.argwhere(core), objects.labels[core] - 1
    count = np.bincount(number, minlength=len(deepness))
    sums = np.stack([np.bincount(number, axis, len(deepness)) for axis in points.T], axis=-1)
    centroids = sums / np.maximum(count, 1)[:, np.newaxis]
    distance = (((points - centroids[number]) * voxel) ** 2).sum(axis=1)
    # What is as near but for rounding is as near: then the first in raster order.
    order = np.lexsort((np.arange(len(points)), distance.round(6), number))
    first = order[np.r_[True, np.diff(number[order]) > 0]] if len(order) else order
    return np.ascontiguousarray(points[first], np.int64)
