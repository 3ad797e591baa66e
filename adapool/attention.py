"""Attention-weighted max pooling: what counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Unpack, overload

from adapool._backends import Array, check_places
from adapool._checks import arguments, words
from adapool._checks.arguments import AnyArray, HostArray
from adapool._layout import Layout
from adapool._named import Names, middles
from adapool._options import ArrayAndIndices, AttentionOptions, Ints
from adapool._plans.fixed import AttentionPlan
from adapool._run import Call, public
from adapool._windows import pooling_windows


@overload
def attention_pooling(
    feature_map: HostArray, kernel_size: Ints, attention_network: Any, *,
    return_indices: Literal[False] = False, **options: Unpack[AttentionOptions],
) -> Array: ...  # fmt: skip
@overload
def attention_pooling(
    feature_map: HostArray, kernel_size: Ints, attention_network: Any, *,
    return_indices: Literal[True], **options: Unpack[AttentionOptions],
) -> ArrayAndIndices: ...  # fmt: skip
@overload
def attention_pooling(
    feature_map: AnyArray, kernel_size: Ints, attention_network: Any, *,
    return_indices: bool = False, **options: Unpack[AttentionOptions],
) -> Any: ...  # fmt: skip
@public(words.WINDOWS)
def attention_pooling(
    feature_map: AnyArray,
    kernel_size: int | Sequence[int],
    attention_network: Any,
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
    network_halo: int | Sequence[int] = 0,
) -> Any:
    """Take the maximum of value times attention weight over each window.

    The weights say what counts: a network sees every window and gives a weight for each of its
    positions, so that bright background need not win over the object beside it.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis, and a batch axis
        where `batch_axis` names one. Booleans, integers up to 64 bits, float16, float32 or
        float64. float16 is computed in float32. Arrays of Dask, of xarray and on a GPU give
        results of their kind.
    kernel_size : int or sequence of int
        Size of the windows in pixels, along each spatial axis or all of them: K positions.
    attention_network : array_like, callable or object with ``.predict``
        A network is given windows ``(n, K * C)``, each flattened in (plane, row, column, channel)
        order, in raster order of the windows, in batches; padded positions are 0. It returns
        ``(n, K)``, or ``(n, K * C)`` for weights per channel; one row stands for all windows.
        Where K is 1, ``(n,)`` will do. ``.predict`` is preferred where an object has both.
        An array gives weights per pixel, of shape ``spatial`` or ``spatial + (C,)``, or weights
        per window, ``out_spatial + kernel`` or with ``(C,)`` appended; the number of axes
        decides. With `batch_axis` it has the batch first.
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
    network_halo : int or sequence of int, optional
        For Dask arrays: taken by every function with a network. Windows are always whole, so that
        an attention network needs none.

    Returns
    -------
    pooled : array
        The axes of `feature_map`, of dtype ``np.result_type(feature_map, weights)``, where
        integer weights and whatever a network returns count as float32. That decides the dtype
        alone: products are taken in float64 where float32 would round a factor.
    indices : array of int64
        With `return_indices`: for each maximum its flat index into the spatial axes of the image,
        the first in raster order among equals, the first NaN where there is one, and -1 for a
        window without a valid position.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the array is empty or has the wrong number of axes, a number is out of its range, no
        window fits, or the network gives a wrong shape or a value that is not finite. Exceptions
        of the network pass unchanged.

    Examples
    --------
    A bright speck in the second window is not trusted:

    >>> import numpy as np
    >>> import adapool
    >>> image = np.array([[1, 2, 9, 4], [3, 1, 2, 5]], dtype=np.float32)
    >>> trust = np.ones_like(image)
    >>> trust[0, 2] = 0.25
    >>> adapool.attention_pooling(image, 2, trust, channel_axis=None)
    array([[3., 5.]], dtype=float32)

    A network that favours what stands out from its window:

    >>> def contrast(windows):
    ...     return windows > windows.mean(axis=1, keepdims=True)
    >>> adapool.attention_pooling(image, 2, contrast, channel_axis=None)
    array([[3., 9.]], dtype=float32)
    """
    check_places("feature_map", feature_map, attention_network=attention_network)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    windows = pooling_windows(layout.spatial, kernel_size, stride, padding, dilation, ceil_mode)
    with_indices = arguments.flag("return_indices", return_indices)
    names = Names.of(feature_map, layout, attention_network=attention_network)
    plan = AttentionPlan.of(layout, windows, attention_network, with_indices)
    restored = partial(names.pooled, grid=middles(windows))
    return Call(plan, layout, array, names, restored, network_halo)
