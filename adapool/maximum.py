"""Plain max pooling: the fixed-window control of the adaptive methods."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Unpack, overload

from adapool._backends import Array, check_places
from adapool._checks import arguments, words
from adapool._checks.arguments import AnyArray, HostArray
from adapool._layout import Layout
from adapool._named import Names, middles
from adapool._options import ArrayAndIndices, Ints, WindowOptions
from adapool._plans.fixed import MaxPlan
from adapool._run import Call, public
from adapool._windows import pooling_windows


@overload
def max_pooling(
    feature_map: HostArray, kernel_size: Ints, *,
    return_indices: Literal[False] = False, **options: Unpack[WindowOptions],
) -> Array: ...  # fmt: skip
@overload
def max_pooling(
    feature_map: HostArray, kernel_size: Ints, *,
    return_indices: Literal[True], **options: Unpack[WindowOptions],
) -> ArrayAndIndices: ...  # fmt: skip
@overload
def max_pooling(
    feature_map: AnyArray, kernel_size: Ints, *,
    return_indices: bool = False, **options: Unpack[WindowOptions],
) -> Any: ...  # fmt: skip
@public(words.WINDOWS)
def max_pooling(
    feature_map: AnyArray,
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    """Take the maximum over windows of one size on a regular grid.

    The control that the adaptive methods are measured against, and the last step of
    :func:`deformable_conv_and_pool`.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis, and a batch axis
        where `batch_axis` names one. Booleans, integers up to 64 bits, float16, float32 or
        float64. float16 is computed in float32. Arrays of Dask, of xarray and on a GPU give
        results of their kind.
    kernel_size : int or sequence of int
        Size of the windows in pixels, along each spatial axis or all of them.
    stride : int or sequence of int, optional
        Pixels between windows. The kernel size where it is not given.
    padding : int or sequence of int, optional
        Pixels by which windows may begin before, and end after, the image: at most half the
        kernel size. Padded positions never win.
    dilation : int or sequence of int, optional
        Pixels between the positions in a window.
    ceil_mode : bool, optional
        Whether to keep windows that leave the image at its end, if they start inside it or its
        left padding (torch's rule). Blocks that do not fit are dropped otherwise.
    channel_axis : int or None, optional
        None for an image or a volume without channels, as in the examples below. Otherwise the
        axis of the channels, by default the last: a volume without channels would be taken for an
        image whose channels are its columns.
    batch_axis : int or None, optional
        The axis along which independent images are stacked; None for a single one.
    return_indices : bool, optional
        Whether to return where each maximum was found.

    Returns
    -------
    pooled : array
        The axes and the dtype of `feature_map`, with ``(size + 2 * padding - dilation *
        (kernel_size - 1) - 1) // stride + 1`` windows along each spatial axis. NaN where a window
        holds NaN. A window without a valid position (dilation can leave one) gives NaN, or the
        lowest value of an integer dtype.
    indices : array of int64
        With `return_indices`: for each maximum its flat index into the spatial axes of the image,
        the first in raster order among equals, the first NaN where there is one, and -1 for a
        window without a valid position.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the array is empty or has the wrong number of axes, a number is out of its range, or no
        window fits.

    See Also
    --------
    scipy.ndimage.maximum_filter : A window at each pixel, any footprint.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = np.arange(24, dtype=np.uint16).reshape(4, 6)
    >>> adapool.max_pooling(image, 2, channel_axis=None)
    array([[ 7,  9, 11],
           [19, 21, 23]], dtype=uint16)
    >>> adapool.max_pooling(image, (4, 3), channel_axis=None, return_indices=True)
    (array([[20, 23]], dtype=uint16), array([[20, 23]]))
    """
    check_places("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    windows = pooling_windows(layout.spatial, kernel_size, stride, padding, dilation, ceil_mode)
    with_indices = arguments.flag("return_indices", return_indices)
    names = Names.of(feature_map, layout)
    plan = MaxPlan(layout.dtype, with_indices, windows)
    return Call(plan, layout, array, names, partial(names.pooled, grid=middles(windows)))
