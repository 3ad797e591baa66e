"""One value for each region of a partition: windows shaped like the clusters themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from adapool._backends import check_places
from adapool._checks import arguments, words
from adapool._checks.arguments import AnyArray, HostArray
from adapool._layout import Layout
from adapool._named import Names
from adapool._options import Reduction, RegionOptions
from adapool._plans.regions import RegionsPlan
from adapool._regions import REDUCTIONS
from adapool._run import Call, public
from adapool.sites import Sites


@overload
def region_pooling(
    feature_map: HostArray, region_network: Any, *,
    return_indices: Literal[False] = False, **options: Unpack[RegionOptions],
) -> Sites: ...  # fmt: skip
@overload
def region_pooling(
    feature_map: HostArray, region_network: Any, *,
    return_indices: Literal[True], **options: Unpack[RegionOptions],
) -> tuple[Sites, NDArray[np.int64]]: ...  # fmt: skip
@overload
def region_pooling(
    feature_map: AnyArray, region_network: Any, *,
    return_indices: bool = False, **options: Unpack[RegionOptions],
) -> Any: ...  # fmt: skip
@public(words.REGIONS)
def region_pooling(
    feature_map: AnyArray,
    region_network: Any,
    *,
    reduction: Reduction = "max",
    attention_network: Any = None,
    channel_axis: int | None = -1,
    return_indices: bool = False,
    network_halo: int | Sequence[int] = 0,
) -> Any:
    """Take one value over each region of a label image.

    Windows shaped like the clusters themselves: the regions come from a segmentation, such as
    `skimage.measure.label`, a watershed, StarDist or Cellpose, or from an estimator, such as
    :class:`adapool.estimators.ObjectRegions`. One pass over the image measures all of them.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis. Booleans, integers
        up to 64 bits, float16, float32 or float64. float16 is computed in float32. Arrays of
        Dask, of xarray and on a GPU give results of their kind.
    region_network : array_like of int, callable or object with ``.predict``
        A label image of shape ``spatial``, of any integer dtype: 0 belongs to no region, every
        distinct label from 1 on is a region, which may be in several pieces. Labels may be of any
        size, and need not follow each other. A network is given ``feature_map[np.newaxis]``,
        channels last, and returns ``(1, *spatial)``.
    reduction : {"max", "min", "mean", "sum"}, optional
        What is taken over the pixels of a region. Means and sums are computed in float64.
    attention_network : array_like, callable or object with ``.predict``, optional
        Weights of the pixels, of shape ``spatial`` or ``spatial + (C,)``, finite. Values are
        multiplied by them first. A network is given the same as `region_network`, and returns
        ``(1, *spatial)`` or ``(1, *spatial, C)``.
    channel_axis : int or None, optional
        None for an image or a volume without channels, as in the examples below. Otherwise the
        axis of the channels, by default the last: a volume without channels would be taken for an
        image whose channels are its columns.
    return_indices : bool, optional
        Whether to return where each maximum or minimum was found.
    network_halo : int or sequence of int, optional
        For Dask arrays: the pixels around a chunk that a network is given with it, along each
        spatial axis or all of them. A network that gives labels must give those of the whole
        image: what has one label in several chunks is one region.

    Returns
    -------
    sites : Sites
        In the order of the labels: site i is the region of the i-th smallest label. `values`, of
        the dtype of `feature_map`, or ``np.result_type(feature_map, attention)`` with weights;
        means and sums are of ``np.result_type(dtype, np.float32)``. NaN where a region holds NaN.
        `positions` are the pixels of the regions that are nearest to their centroids, the first
        in raster order among equals; `sizes` and `strides` the extents of their bounding boxes;
        `owner` has -1 where there is no region. Without any region, as of an empty label image
        of `skimage.measure.regionprops`, there are no sites.
    indices : (n, C) array of int64, or (n,) without channels
        With `return_indices`: for each extremum its flat index into the spatial axes of the
        image, the first in raster order among equals, and the first NaN where there is one.

    Raises
    ------
    TypeError
        If an argument has the wrong type, an array a dtype that is not real, or labels are not
        integers.
    ValueError
        If the array is empty or has the wrong number of axes, labels are negative or of another
        shape, weights are not finite, or indices of a mean or a sum are wanted. Exceptions of the
        networks pass unchanged.

    See Also
    --------
    skimage.measure.regionprops_table : many properties of regions.
    scipy.ndimage.labeled_comprehension : any function of regions.

    Notes
    -----
    Sums are carried in two parts, with some 106 bits, and rounded once. So their bits depend
    neither on threads nor on chunks, unless terms cancel to less than 2**-50 of the largest. On a
    GPU they are carried in float64, in any order.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = np.array([[3, 1, 4, 1], [5, 9, 2, 6]], dtype=np.uint8)
    >>> labels = np.array([[7, 7, 0, 2], [7, 7, 2, 2]])
    >>> sites = adapool.region_pooling(image, labels, channel_axis=None)
    >>> sites.values
    array([6, 9], dtype=uint8)
    >>> sites.owner
    array([[ 1,  1, -1,  0],
           [ 1,  1,  0,  0]], dtype=int32)
    >>> adapool.region_pooling(image, labels, reduction="mean", channel_axis=None).values
    array([3. , 4.5], dtype=float32)
    """
    check_places(
        "feature_map",
        feature_map,
        region_network=region_network,
        attention_network=attention_network,
    )
    layout, array = Layout.of("feature_map", feature_map, channel_axis, None, batches=False)
    chosen = arguments.choice("reduction", reduction, REDUCTIONS)
    with_indices = arguments.flag("return_indices", return_indices)
    arguments.has_indices(chosen, with_indices)
    networks = {"region_network": region_network, "attention_network": attention_network}
    names = Names.of(feature_map, layout, **networks)
    plan = RegionsPlan.of(layout, region_network, attention_network, chosen, with_indices)
    restored = partial(_named, names=names)
    return Call(plan, layout, array, names, restored, network_halo)


def _named(result: Any, names: Names) -> Any:
    """Give sites the names of the image; indices have none of its dimensions."""
    if isinstance(result, tuple):
        sites, indices = result
        return sites.named(names), indices
    return result.named(names)
