"""Max pooling with windows of a size of their own at each pixel: how large, how far apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import methodcaller
from typing import Any, Literal, Unpack, overload

from adapool._backends import Array, check_places
from adapool._checks import arguments, words
from adapool._checks.arguments import AnyArray, HostArray
from adapool._layout import Layout
from adapool._named import Names, every
from adapool._options import Anchor, ArrayAndIndices, DynamicOptions, Footprint, SiteOptions
from adapool._plans.dynamic import DynamicPlan
from adapool._plans.fractional import FractionalPlan
from adapool._plans.sites import SitesPlan
from adapool._run import Call, public
from adapool.sites import Sites


@overload
def dynamic_pooling(
    feature_map: HostArray, param_network: Any, *,
    return_indices: Literal[False] = False, **options: Unpack[DynamicOptions],
) -> Array: ...  # fmt: skip
@overload
def dynamic_pooling(
    feature_map: HostArray, param_network: Any, *,
    return_indices: Literal[True], **options: Unpack[DynamicOptions],
) -> ArrayAndIndices: ...  # fmt: skip
@overload
def dynamic_pooling(
    feature_map: AnyArray, param_network: Any, *,
    return_indices: bool = False, **options: Unpack[DynamicOptions],
) -> Any: ...  # fmt: skip
@public(words.SIZES)
def dynamic_pooling(
    feature_map: AnyArray,
    param_network: Any,
    *,
    stride: int | Sequence[int] = 1,
    max_kernel_size: int | Sequence[int] | None = None,
    anchor: Anchor | None = None,
    footprint: Footprint = "box",
    fractional: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
    network_halo: int | Sequence[int] = 0,
) -> Any:
    r"""Take the maximum over a window whose size, and shape, is given for each pixel.

    Flat dilation with a spatially variant structuring element [1]_: windows as large as what they
    are meant to hold, at every pixel or at every `stride`-th one. A window is the maximum of four
    blocks (eight in volumes), however large it is; what grows with the sizes is the number of
    kinds of blocks, one for each power of two along each axis.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis, and a batch axis
        where `batch_axis` names one. Booleans, integers up to 64 bits, float16, float32 or
        float64. float16 is computed in float32. Arrays of Dask, of xarray and on a GPU give
        results of their kind.
    param_network : array_like, callable or object with ``.predict``
        A network is given ``feature_map[np.newaxis]``, channels last, and returns
        ``(1, *spatial, P)``; with `batch_axis` the batch stands in place of the 1. P is 1 (one
        size for all axes), d (a size for each of the d spatial axes) or 2 d (sizes, then
        strides, which are ignored here); for ellipses in images also 3 (major axis length, minor
        axis length and orientation, as `skimage.measure.regionprops` has them). An array may drop
        the leading 1, and an axis P of length 1, or hold what all pixels have: one number, or P
        of them. Sizes of boxes, in pixels, are truncated toward zero and saturate; below 1 the
        window is empty. Those of ellipses are diameters, real numbers; where one is not above 0
        the window is empty.
    stride : int or sequence of int, optional
        Pixels between the windows that are computed: ``ceil(size / stride)`` along an axis.
    max_kernel_size : int or sequence of int, optional
        What sizes are clipped to; the axes of ellipses that are turned, to the least of these.
    anchor : {"corner", "center"}, optional
        Where in its window a pixel is: the window of pixel i is ``[i, i + size)``, or
        ``[i - size // 2, i - size // 2 + size)``, SciPy's convention. Windows are cut to the
        image. None means "corner" for boxes, and "center" for ellipses, which take no other.
    footprint : {"box", "ellipse"}, optional
        What windows are. The ellipse (disc, ball, ellipsoid) of pixel i has every pixel j of the
        image with ``sum((2 * (j - i) / size) ** 2) <= 1`` over the axes, in float64, and so i.
    fractional : bool, optional
        Whether the fractions of sizes count instead of being cut off. A size k + f then gives
        ``(1 - f)`` times the maximum over size k and ``f`` times that over k + 1, along each axis
        that has a size of its own, so that the result is continuous in the sizes, and a network
        that predicts them can be trained (:func:`adapool.vjp`). A maximum of share 0 does not
        count, whatever it is. Boxes only.
    channel_axis : int or None, optional
        None for an image or a volume without channels, as in the examples below. Otherwise the
        axis of the channels, by default the last: a volume without channels would be taken for an
        image whose channels are its columns.
    batch_axis : int or None, optional
        The axis along which independent images are stacked; None for a single one.
    return_indices : bool, optional
        Whether to return where each maximum was found. Not with `fractional`.
    network_halo : int or sequence of int, optional
        For Dask arrays: the pixels around a chunk that a network is given with it, along each
        spatial axis or all of them. Equality with the result in memory asks that the network
        look no farther.

    Returns
    -------
    pooled : array
        The axes and the dtype of `feature_map`, which is ``np.result_type(dtype, np.float32)``
        with `fractional`. NaN where a window holds NaN. An empty window gives NaN, or the lowest
        value of an integer dtype.
    indices : array of int64
        With `return_indices`: for each maximum its flat index into the spatial axes of the image,
        the first in raster order among equals, the first NaN where there is one, and -1 for a
        window without a valid position.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the array is empty or has the wrong number of axes, a number is out of its range, or
        the network gives a wrong shape or a value that is not finite. Exceptions of the network
        pass unchanged.

    Notes
    -----
    Of an ellipse with axes of lengths a and b, the first turned by an angle t from the axis of rows
    toward that of columns, the height is :math:`h = \sqrt{a^2 \cos^2 t + b^2 \sin^2 t}`, the chord
    of the row through its centre :math:`w = a b / h`, and the middles of the chords lie
    :math:`k = \sin t \cos t \, (a^2 - b^2) / h^2` columns farther in each row. A pixel that is y
    rows and x columns from the centre is in it if
    :math:`(2 y / h)^2 + (2 (x - k y) / w)^2 \le 1`. That
    is the usual equation, rearranged so that each row of an ellipse is an interval in
    floating-point numbers too. Angles within 1e-15 of a quarter turn count as that.

    The maximum over the box around an ellipse is found with its place, as for boxes; where that is
    in the ellipse it is the answer, as in three cases of four. Otherwise each of its rows is
    looked up, so that the cost grows with its height, and not with its area.

    References
    ----------
    .. [1] N. Bouaynaya and D. Schonfeld, "Theoretical Foundations of Spatially-Variant
       Mathematical Morphology Part II: Gray-Level Images", IEEE Transactions on Pattern Analysis
       and Machine Intelligence 30(5), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = np.array([[3, 1, 4, 1], [5, 9, 2, 6]], dtype=np.uint8)
    >>> sizes = np.array([[1, 1, 2, 2], [1, 1, 2, 2]])
    >>> adapool.dynamic_pooling(image, sizes, channel_axis=None)
    array([[3, 1, 6, 6],
           [5, 9, 6, 6]], dtype=uint8)

    Discs, and an ellipse that is turned by an eighth of a turn:

    >>> dots = np.zeros((5, 5), dtype=int)
    >>> dots[2, 2] = 1
    >>> adapool.dynamic_pooling(dots, 4, footprint="ellipse", channel_axis=None)
    array([[0, 0, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [1, 1, 1, 1, 1],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 0, 0]])
    >>> turned = np.array([6, 1, np.pi / 4])
    >>> adapool.dynamic_pooling(dots, turned, footprint="ellipse", channel_axis=None)
    array([[1, 0, 0, 0, 0],
           [0, 1, 0, 0, 0],
           [0, 0, 1, 0, 0],
           [0, 0, 0, 1, 0],
           [0, 0, 0, 0, 1]])

    Between sizes 1 and 2, a quarter of the way:

    >>> adapool.dynamic_pooling(image, 1.25, fractional=True, channel_axis=None)
    array([[4.5 , 3.  , 4.5 , 2.25],
           [6.  , 9.  , 3.  , 6.  ]], dtype=float32)
    """
    check_places("feature_map", feature_map, param_network=param_network)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    step = arguments.integers("stride", stride, layout.ndim, least=1)
    ellipses = arguments.choice("footprint", footprint, arguments.FOOTPRINTS) == "ellipse"
    centered = arguments.anchored(anchor, ellipses)
    with_indices = arguments.flag("return_indices", return_indices)
    names = Names.of(feature_map, layout, param_network=param_network)
    fractions = arguments.fractional(fractional, ellipses, with_indices)
    plan = (FractionalPlan if fractions else DynamicPlan).of(
        layout, param_network, step, max_kernel_size, centered, ellipses, with_indices
    )
    restored = partial(names.pooled, grid=every(plan.step))
    return Call(plan, layout, array, names, restored, network_halo)


@overload
def dynamic_stride_pooling(
    feature_map: HostArray, param_network: Any,
    **options: Unpack[SiteOptions],
) -> Sites: ...  # fmt: skip
@overload
def dynamic_stride_pooling(
    feature_map: AnyArray, param_network: Any,
    **options: Unpack[SiteOptions],
) -> Any: ...  # fmt: skip
@public(words.SITES)
def dynamic_stride_pooling(
    feature_map: AnyArray,
    param_network: Any,
    *,
    max_kernel_size: int | Sequence[int] | None = None,
    anchor: Anchor = "corner",
    channel_axis: int | None = -1,
    network_halo: int | Sequence[int] = 0,
) -> Any:
    """Take the maximum at the sites that per-pixel strides lead to.

    The pixels are scanned in raster order. A pixel that no earlier site has claimed becomes a
    site, and claims the box of its own stride that starts at it; its value is the maximum over the
    window of its own size. Large strides where objects are large leave few sites there, small ones
    keep small objects apart; a constant stride gives the regular grid.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis. Booleans, integers
        up to 64 bits, float16, float32 or float64. float16 is computed in float32. Arrays of
        Dask, of xarray and on a GPU give results of their kind.
    param_network : array_like, callable or object with ``.predict``
        A network is given ``feature_map[np.newaxis]``, channels last, and returns
        ``(1, *spatial, 2 d)``: for each pixel the d sizes of its window, then its d strides, in
        pixels. Both are truncated toward zero and saturate; strides must be at least 1, and a
        size below 1 makes the window empty. An array may drop the leading 1, or hold what all
        pixels have, 2 d numbers. Of an estimator of sizes alone pass ``.with_strides()``.
    max_kernel_size : int or sequence of int, optional
        What sizes are clipped to.
    anchor : {"corner", "center"}, optional
        Where in its window a pixel is: the window of pixel i is ``[i, i + size)``, or
        ``[i - size // 2, i - size // 2 + size)``, SciPy's convention. Windows are cut to the
        image. It moves windows, and never the boxes that sites claim.
    channel_axis : int or None, optional
        None for an image or a volume without channels, as in the examples below. Otherwise the
        axis of the channels, by default the last: a volume without channels would be taken for an
        image whose channels are its columns.
    network_halo : int or sequence of int, optional
        For Dask arrays: the pixels around a chunk that a network is given with it, along each
        spatial axis or all of them. Equality with the result in memory asks that the network
        look no farther.

    Returns
    -------
    sites : Sites
        Values, positions, sizes and strides of the sites in raster order, and the partition of
        the image among them. Sites with an empty window are dropped, and own no pixels.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the array is empty or has the wrong number of axes, a number is out of its range, or
        the network gives a wrong shape, a value that is not finite, a stride below 1, or no site
        a window.
        Exceptions of the network pass unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = np.array([[3, 1, 4, 1], [5, 9, 2, 6]], dtype=np.uint8)
    >>> params = np.ones((2, 4, 4), dtype=int)
    >>> params[:, :2] = 2
    >>> sites = adapool.dynamic_stride_pooling(image, params, channel_axis=None)
    >>> sites.values
    array([9, 4, 1, 2, 6], dtype=uint8)
    >>> sites.owner
    array([[0, 0, 1, 2],
           [0, 0, 3, 4]], dtype=int32)
    >>> sites.to_map()
    array([[9, 9, 4, 1],
           [9, 9, 2, 6]], dtype=uint8)
    """
    check_places("feature_map", feature_map, param_network=param_network)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, None, batches=False)
    centered = arguments.choice("anchor", anchor, arguments.ANCHORS) == "center"
    names = Names.of(feature_map, layout, param_network=param_network)
    plan = SitesPlan.of(layout, param_network, max_kernel_size, centered)
    restored = methodcaller("named", names)
    return Call(plan, layout, array, names, restored, network_halo)
