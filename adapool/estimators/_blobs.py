"""Window sizes, and a map of peaks, from the objects of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from adapool._backends import Array
from adapool._checks import arguments
from adapool._checks import estimators as checks
from adapool.cpu.objects import components
from adapool.estimators._images import PerPixel, above, as_float
from adapool.estimators._moments import ellipses_of, outlined
from adapool.estimators.blobs import Objects, find_objects, sample
from adapool.estimators.blobs.analysis import COMPETING, frame_of
from adapool.estimators.blobs.blocks import Read, search_tiles
from adapool.estimators.blobs.pyramid import Frame
from adapool.estimators.blobs.spread import Spread, spread
from adapool.estimators.blobs.tiles import PIXELS

_POLARITIES = ("bright", "dark", "both")

# Where the largest size is estimated: how much larger than the largest object of the sample it is,
# and what it is at most, in pixels, so that tiles fit into some hundred megabytes.
_MARGIN = 1.25
_LARGEST = {2: 128.0, 3: 20.0}


@dataclass(frozen=True)
class BlobSizes(PerPixel):
    r"""Windows as large as the object that a pixel lies in: the default of `peak_local_max`.

    It looks for objects that are like ellipses (ellipsoids), from spots of a pixel or two to half
    of the image, on background that may be uneven. Each is judged by the noise and by what is
    around it, never by the brightest thing in the image:

    1. Pixels and lines that are brighter than what a lens can draw are taken down to their
       neighbours. Then the image is halved again and again: an object is looked for in the
       octave in which it is 5 to 40 pixels wide.
    2. In each octave, the *depth* of a pixel is its distance to the background, averaged over
       levels between the local mean and some local deviations above it. Of all level sets of the
       depth, held in a tree [1]_, those are candidates, none within another, that have the
       largest sum of extent times fit, as in [2]_: where the parts of a component are more like
       ellipsoids than it is, it is parted. As halving fills the notch where two objects touch,
       the fit is that of the outline two octaves finer, if that is less.
    3. In the finest octave, maxima of the Laplacian of a Gaussian are candidates too: spots, where
       they are higher than those that noise and clutter make, by the median of all maxima, and fall
       by a quarter of their height before they meet a higher one, as bumps on a rim do not.
    4. The noise of each octave is measured on the image. A candidate must stand
       ``6 / sensitivity`` standard deviations of it above its surroundings.
    5. The *height* of a candidate is how far it rises above nearly all of what is around it, and no
       more than its rim rises within four pixels of the image: haze, a bell and a vignette rise
       far, but slowly. The rim is followed from the octave to the image as in [3]_.
    6. Of candidates that hold each other, those with the largest sum of extent times fit times
       height cubed are kept. Spots within something larger are what is looked for if they are
       higher than it, on average; if not, they are its texture.
    7. Something blurred among sharp and smaller things is out of focus. What several larger or
       equal ones nearby outshine ten times or more is clutter; the smaller it is, the less it
       takes.

    Adding to the intensities, or scaling them, changes nothing; flipping or turning the image
    moves the objects with it.

    With ``shape="ellipse"`` a pixel gets the ellipse (in volumes, the diameters along the axes of
    the ellipsoid) with the second moments of the object that it lies in, out to half of its
    contrast, and 1 outside of objects.

    Parameters
    ----------
    sensitivity : float, default 1
        An object stands ``6 / sensitivity`` standard deviations of the noise, at its scale, above
        its surroundings: with 1, at most a few points per megapixel of white noise were seen. Spots
        are judged likewise by the maxima that noise makes. What it drops,
        ``peak_local_max(threshold=...)`` cannot bring back.
    min_size, max_size : float, optional
        Diameters of disks (balls) of the same volume, in the unit of `spacing`: objects outside
        of these are left out, after what is one object has been decided. What is more than twice
        as wide as `max_size` is no object, and may have some in it. With it, images of more than 4
        million pixels are searched block by block by `peak_local_max`, and need less memory.
    polarity : {"bright", "dark", "both"}, default "bright"
        Which objects: brighter than what surrounds them, darker, or either.
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
    .. [3] F. Bergholm, "Edge Focusing", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 9(6), 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from adapool.estimators import BlobSizes
    >>> row, column = np.indices((64, 64))
    >>> image = 1.0 * ((row - 32) ** 2 + (column - 20) ** 2 < 10**2)
    >>> image += (row - 32) ** 2 + (column - 50) ** 2 < 5**2
    >>> sizes = BlobSizes().predict(image[np.newaxis, ..., np.newaxis])
    >>> sizes[0, 32, [20, 50], 0]
    array([23., 11.], dtype=float32)
    >>> BlobSizes().regions(image).max()
    np.int32(2)
    """

    sensitivity: float = 1.0
    min_size: float = 0.0
    max_size: float | None = None
    polarity: Literal["bright", "dark", "both"] = "bright"

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        checks.positive("sensitivity", self.sensitivity)
        checks.diameters(self.min_size, self.max_size)
        if self.polarity not in _POLARITIES:
            raise ValueError(
                f"polarity must be one of {', '.join(map(repr, _POLARITIES))}, "
                f"got {self.polarity!r}"
            )

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
        return self.analyse(images)[:2]

    def analyse(self, images: Any) -> tuple[Array, Array, Array]:
        """Return the results of `response` and of `predict`, and labels, at the cost of one.

        The labels ``(n, *spatial)`` are those of `regions`, of the maximum over the channels.
        """
        stack = checks.stack(images)
        voxel = checks.voxel(self.spacing, stack.ndim - 2)
        found = [self._analyse(image.max(axis=-1), voxel) for image in stack]
        responses, sizes, labels = (np.stack(each) for each in zip(*found, strict=True))
        return responses, self._shaped(sizes), labels

    def regions(self, image: Any) -> Array:
        """Return a label image of the objects.

        Parameters
        ----------
        image : array_like
            Image (row, column) or volume (plane, row, column), without channels, with finite
            values.

        Returns
        -------
        labels : array of int32
            Of the shape of the image: the number of the object that a pixel lies in, from 1 on,
            or 0 for the background.

        Raises
        ------
        TypeError, ValueError
            As for `predict`.
        """
        array = arguments.image_array("image", image)
        if array.ndim not in (2, 3):
            raise ValueError(
                "image must have the axes (row, column) or (plane, row, column), "
                f"got shape {array.shape}: pass the frames of a stack one by one"
            )
        stack = checks.stack(array[np.newaxis, ..., np.newaxis])
        voxel = checks.voxel(self.spacing, array.ndim)
        return self.find(stack[0, ..., 0], voxel).labels.reshape(array.shape)

    def find(self, image: Array, voxel: Array) -> Objects:
        """Return the objects of a checked image without channels, as (plane, row, column)."""
        volume, voxels = _as_volume(image, voxel)
        most = math.inf if self.max_size is None else float(self.max_size)
        sizes = (float(self.min_size), most)
        if self.max_size is None or image.size <= sample.PIXELS:
            volume = as_float(volume)
        else:  # what is known of an image that is not in memory
            frame = frame_of(volume.shape, voxels, image.ndim, COMPETING * most)
            volume = above(volume, _lowest(lambda box: volume[box], frame))
        volume = volume.astype(np.float32, copy=False)
        found = []
        if self.polarity != "dark":
            found.append(find_objects(volume, voxels, image.ndim, self.sensitivity, sizes))
        if self.polarity != "bright":
            found.append(find_objects(-volume, voxels, image.ndim, self.sensitivity, sizes))
        return found[0] if len(found) == 1 else found[0].beside(found[1])

    def find_spread(self, read: Read, shape: tuple[int, ...], most: int | None = None) -> Spread:
        """Return the objects of a large image, of which a tile at a time is looked at.

        The same objects as those of `find`, where `max_size` is given. Where it is None, something
        has to be told from a cluster all the same: it is estimated on a sample of the image.

        Parameters
        ----------
        read : callable
            Returns the pixels (plane, row, column) of a box of the image.
        shape : tuple of int
            Of the image, (row, column) or (plane, row, column).
        most : int, optional
            Pixels of a tile with what is looked at around it.
        """
        ndim = len(shape)
        volume, voxel = (1,) * (3 - ndim) + shape, checks.voxel(self.spacing, ndim)
        voxels = np.array((1,) * (3 - ndim) + tuple(voxel))
        pixels = PIXELS[ndim] if most is None else most
        widest = self.max_size
        if widest is None:
            widest = self._largest(read, volume, voxels, ndim)
        sizes = (float(self.min_size), math.inf if self.max_size is None else float(widest))
        frame = frame_of(volume, voxels, ndim, COMPETING * float(widest))
        lowest = _lowest(read, frame)
        layers = []
        for sign in {"bright": (1,), "dark": (-1,), "both": (1, -1)}[self.polarity]:

            def signed(box: Any, sign: int = sign) -> Array:
                part = checks.finite_pixels(read(box))
                values = above(part, lowest).astype(np.float32, copy=False)
                return np.ascontiguousarray(values if sign > 0 else -values)

            layers.append(search_tiles(signed, frame, self.sensitivity, sizes, pixels))
        return spread(layers, pixels)

    def _largest(self, read: Read, shape: tuple[int, ...], voxel: Array, ndim: int) -> float:
        """Return a diameter somewhat larger than any object has in a sample of an image."""
        frame = frame_of(shape, voxel, ndim, 1.0)
        most = _LARGEST[ndim] * frame.unit
        found = [most / 8]
        for box in sample.boxes(shape, frame, read):
            part = checks.finite_pixels(read(box))
            part = part.reshape(part.shape[3 - ndim :])
            found += self.find(part, voxel[3 - ndim :]).diameters.tolist()
        return min(_MARGIN * max(found), most)

    def _estimate(self, image: Array, voxel: Array) -> Array:
        return self._analyse(image, voxel)[1]

    def _analyse(self, image: Array, voxel: Array) -> tuple[Array, Array, Array]:
        """Return the map (*spatial), the sizes (*spatial, d) and the labels of one image."""
        ndim = image.ndim
        objects = self.find(image, voxel)
        shape = objects.labels.shape
        response, sizes = np.empty(shape, np.float32), np.empty((*shape, 3), np.float32)
        _paint(objects, np.array((1,) * (3 - ndim) + tuple(voxel)), ndim, response, sizes)
        labels = objects.labels.reshape(image.shape)
        if self.shape == "ellipse":
            sizes = self._ellipses(image, labels)
        else:
            sizes = sizes.reshape(*image.shape, 3)[..., 3 - ndim :]
        return response.reshape(image.shape), sizes, labels

    def _ellipses(self, image: Array, labels: Array) -> Array:
        """Return for each pixel the ellipse of the object that it lies in, (*spatial, P)."""
        values = as_float(image)
        if self.polarity == "dark":
            values = values.max() - values
        # Where some are bright and some dark, their labels are the objects as they are.
        objects = labels if self.polarity == "both" else outlined(values, labels)
        # Pixels just beyond an outline have a response, and so need a window too.
        return ellipses_of(objects, int(labels.max()) + 1)[np.where(objects > 0, objects, labels)]


def _as_volume(image: Array, voxel: Array) -> tuple[Array, Array]:
    """Return an image as (plane, row, column), and its voxel size along these."""
    missing = (1,) * (3 - image.ndim)
    return image.reshape(missing + image.shape), np.array(missing + tuple(voxel))


def _lowest(read: Read, frame: Frame) -> Any:
    """Return the lowest value of a sample of an image."""
    boxes = sample.boxes(tuple(frame.shapes[0].tolist()), frame, read)
    return min(read(box).min() for box in boxes)


def _paint(objects: Objects, voxel: Array, ndim: int, response: Array, sizes: Array) -> None:
    """Draw objects into the map, and give each pixel of theirs a window that reaches the peak."""
    count = len(objects.peaks)
    deepness = np.zeros(count, np.float32)
    components.deepest(
        objects.labels, objects.depth, np.zeros((count, 3), np.int64), deepness, work=0
    )
    most = (objects.diameters[:, np.newaxis] / 2 / voxel).astype(np.int64)
    most[:, : 3 - ndim] = 0
    half = np.zeros_like(most)
    components.free_boxes(objects.peaks, objects.labels, most, half, work=0)
    components.paint(
        objects.labels,
        objects.depth,
        objects.peaks,
        deepness,
        objects.contrasts.astype(np.float32),
        half,
        response,
        sizes,
        work=0,
    )
