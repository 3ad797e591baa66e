"""An irregular set of places, to which strides lead, or of regions: what was pooled there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from adapool._backends import Array, backend_of
from adapool._checks.libraries import bare
from adapool._named import NONE, Names


@dataclass(frozen=True, eq=False)
class Sites:
    """Pooled values at data-dependent sites, and the partition of the image among them.

    Attributes
    ----------
    values : (n, C) array, or (n,) without channels
        Maximum over the window of each site. Of regions the maximum, minimum, mean or sum over
        each, in the order of their labels.
    positions : (n, d) array of int64
        (Plane,) row and column of each site, in raster order. Of a region the pixel that is
        nearest to its centroid, the first in raster order among equals.
    sizes : (n, d) array of int64
        Window size of each site, clipped to ``max_kernel_size``, before it is cut to the image.
        Of a region the extents of its bounding box.
    strides : (n, d) array of int64
        Size of the box that each site claims, before it is cut to the image; of a region as
        `sizes`.
    owner : array of int32
        For each pixel the number of the site that claimed it first, or of the region that it
        belongs to; -1 where the window of that site was empty, so that it was dropped, and where
        there is no region.
    channel_axis : int or None
        Where the feature map has its channels, counted from the front.

    Of an array of xarray, `owner`, `labels` and what `to_map` returns are such arrays too.
    """

    values: Array
    positions: Array
    sizes: Array
    strides: Array
    owner: Array
    channel_axis: int | None
    _names: Names = field(default=NONE, repr=False)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The partition as a label image: ``owner + 1``, as `skimage.measure.regionprops` wants."""
        labels: NDArray[np.int32] = backend_of(self.owner).label(self.owner)
        return labels

    def to_map(self) -> Array:
        """Paint each value over the pixels that its site owns.

        Returns
        -------
        map : array
            Of the shape of the feature map and the dtype of `values`. Pixels without an owner get
            NaN in a float map and the lowest value of the dtype in an integer one.
        """
        painted: Array = self._names.pooled(self._painted())
        return painted

    def named(self, names: Names) -> Self:
        """Return these sites with the names of the axes of their image."""
        return replace(self, owner=names.of_pixels(self.owner), _names=names)

    def _painted(self) -> Any:
        owner = bare("owner", self.owner)
        return backend_of(owner).paint(self.values, owner, self.channel_axis)
