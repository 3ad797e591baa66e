"""Deformable convolution, alone and followed by max pooling: where to look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Unpack, overload

from adapool._backends import Array, check_places
from adapool._checks import arguments, words
from adapool._checks.arguments import AnyArray, HostArray
from adapool._convolution import conv_kernel
from adapool._layout import Layout
from adapool._named import Names, middles
from adapool._options import ArrayAndIndices, ConvAndPoolOptions, ConvOptions, Interpolation, Ints
from adapool._plans.convolution import ConvolutionPlan
from adapool._run import Call, public
from adapool._windows import conv_windows, pooling_windows


@overload
def deformable_conv(
    feature_map: HostArray, conv_weights: AnyArray, offset_network: Any,
    **options: Unpack[ConvOptions],
) -> Array: ...  # fmt: skip
@overload
def deformable_conv(
    feature_map: AnyArray, conv_weights: AnyArray, offset_network: Any,
    **options: Unpack[ConvOptions],
) -> Any: ...  # fmt: skip
@public(words.CONVOLUTIONS)
def deformable_conv(
    feature_map: AnyArray,
    conv_weights: AnyArray,
    offset_network: Any,
    *,
    mask_network: Any = None,
    bias: AnyArray | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    offset_groups: int = 1,
    interpolation: Interpolation | None = None,
    max_offset: float | Sequence[float] | None = None,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    network_halo: int | Sequence[int] = 0,
) -> Any:
    """Convolve, each tap looking where an offset leads.

    Deformable convolution, version 1 [1]_ and, with a mask, version 2 [2]_, in two and three
    dimensions.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis, and a batch axis
        where `batch_axis` names one. Booleans, integers up to 64 bits, float16 (computed in
        float32), float32 or float64. Dask, xarray and GPU arrays give results of their kind.
    conv_weights : array_like
        ``(*kernel, C // groups, F)``: a convolution with F filters (a correlation, as everywhere
        in deep learning). Or ``(C,)``: one tap, and one factor for each channel.
    offset_network : array_like, callable or object with ``.predict``
        A network is given ``(1, *spatial, C)``, channels last, and returns
        ``(1, *out_spatial, offset_groups * K * d)``: for each group and each of the K taps the d
        displacements (plane,) row, column, in pixels, interleaved as in torchvision; or
        ``(1, *out_spatial, d)``, shared by all taps and groups. With `batch_axis` the batch
        stands in place of the 1. An array may drop the leading 1, or hold what all points have.
        Offsets that lead outside the image, however far, sample zero.
    mask_network : array_like, callable or object with ``.predict``, optional
        Gives ``(1, *out_spatial, offset_groups * K)``: what each sample is multiplied by
        (version 2 [2]_).
    bias : (F,) array_like, optional
        Added to each filter's output.
    stride, padding, dilation : int or sequence of int, optional
        Of the convolution, in pixels. Padding holds zeros.
    groups : int, optional
        Number of groups that channels and filters are split into. 1 with ``(C,)`` weights.
    offset_groups : int, optional
        Number of groups of channels with offsets and masks of their own.
    interpolation : {"linear", "nearest", "truncate"}, optional
        Linear between pixels, corners outside the image counting as zero; the nearest pixel,
        ``floor(p + 1/2)``; or ``int(base + offset)``, which rounds toward zero. By default
        "truncate" with ``(C,)`` weights and "linear" otherwise.
    max_offset : float or sequence of float, optional
        What displacements are clipped to, in pixels, component by component.
    channel_axis : int or None, optional
        None for an image or a volume without channels, as in the examples below. Otherwise the
        axis of the channels, by default the last: a volume without channels would be taken for an
        image whose channels are its columns.
    batch_axis : int or None, optional
        The axis along which independent images are stacked; None for a single one.
    network_halo : int or sequence of int, optional
        For Dask arrays: the pixels around a chunk that networks are given with it, along each
        spatial axis or all of them. They must look no farther to give the result in memory.

    Returns
    -------
    convolved : array
        The axes of `feature_map`, with F channels (C for ``(C,)`` weights), of dtype
        ``np.result_type(feature_map, conv_weights, mask, bias, np.float32)``, where integer
        factors and masks from a network count as float32.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If an array is empty or has the wrong shape, a number is out of its range, groups do not
        divide channels or filters, no window fits, or a network gives a wrong shape or a value
        that is not finite. Exceptions of a network pass unchanged.

    References
    ----------
    .. [1] J. Dai et al., "Deformable Convolutional Networks", ICCV 2017.
    .. [2] X. Zhu et al., "Deformable ConvNets v2: More Deformable, Better Results", CVPR 2019.

    Examples
    --------
    Every pixel looks one column to its right:

    >>> import numpy as np
    >>> import adapool
    >>> image = np.arange(6, dtype=np.float32).reshape(2, 3)
    >>> offsets = np.broadcast_to([0, 1], (2, 3, 2))
    >>> adapool.deformable_conv(image, [1], offsets, channel_axis=None)
    array([[1., 2., 0.],
           [4., 5., 0.]], dtype=float32)

    A 3 x 3 mean whose taps do not move:

    >>> mean = np.full((3, 3, 1, 1), 1 / 9, dtype=np.float32)
    >>> still = np.zeros((2, 3, 2))
    >>> adapool.deformable_conv(image, 9 * mean, still, padding=1, channel_axis=None)
    array([[ 8., 15., 12.],
           [ 8., 15., 12.]], dtype=float32)
    """
    check_places(
        "feature_map", feature_map, conv_weights=conv_weights, offset_network=offset_network,
        mask_network=mask_network, bias=bias,
    )  # fmt: skip
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    kernel = conv_kernel(layout, conv_weights, bias, groups)
    windows = conv_windows(layout.spatial, kernel.size, stride, padding, dilation)
    names = Names.of(feature_map, layout, offset_network=offset_network, mask_network=mask_network)
    plan = ConvolutionPlan.of(
        layout, kernel, windows, None, offset_network, mask_network,
        offset_groups, interpolation, max_offset, False,
    )  # fmt: skip
    grid, same = middles(windows), kernel.per_channel
    restored = partial(names.pooled, grid=grid, same_channels=same)
    return Call(plan, layout, array, names, restored, network_halo)


@overload
def deformable_conv_and_pool(
    feature_map: HostArray, conv_weights: AnyArray, offset_network: Any, kernel_size: Ints, *,
    return_indices: Literal[False] = False, **options: Unpack[ConvAndPoolOptions],
) -> Array: ...  # fmt: skip
@overload
def deformable_conv_and_pool(
    feature_map: HostArray, conv_weights: AnyArray, offset_network: Any, kernel_size: Ints, *,
    return_indices: Literal[True], **options: Unpack[ConvAndPoolOptions],
) -> ArrayAndIndices: ...  # fmt: skip
@overload
def deformable_conv_and_pool(
    feature_map: AnyArray, conv_weights: AnyArray, offset_network: Any, kernel_size: Ints, *,
    return_indices: bool = False, **options: Unpack[ConvAndPoolOptions],
) -> Any: ...  # fmt: skip
@public(words.CONVOLUTIONS)
def deformable_conv_and_pool(
    feature_map: AnyArray,
    conv_weights: AnyArray,
    offset_network: Any,
    kernel_size: int | Sequence[int],
    *,
    pool_stride: int | Sequence[int] | None = None,
    pool_padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    mask_network: Any = None,
    bias: AnyArray | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    offset_groups: int = 1,
    interpolation: Interpolation | None = None,
    max_offset: float | Sequence[float] | None = None,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
    network_halo: int | Sequence[int] = 0,
) -> Any:
    """Convolve as :func:`deformable_conv` does, and take maxima over windows of the result.

    The two steps are fused: the convolution is computed block by block and never held whole.

    Parameters
    ----------
    feature_map : array_like
        Image (row, column) or volume (plane, row, column) with a channel axis, and a batch axis
        where `batch_axis` names one. Booleans, integers up to 64 bits, float16 (computed in
        float32), float32 or float64. Dask, xarray and GPU arrays give results of their kind.
    conv_weights : array_like
        ``(*kernel, C // groups, F)``: a convolution with F filters (a correlation, as everywhere
        in deep learning). Or ``(C,)``: one tap, and one factor for each channel.
    offset_network : array_like, callable or object with ``.predict``
        A network is given ``(1, *spatial, C)``, channels last, and returns
        ``(1, *out_spatial, offset_groups * K * d)``: for each group and each of the K taps the d
        displacements (plane,) row, column, in pixels, interleaved as in torchvision; or
        ``(1, *out_spatial, d)``, shared by all taps and groups. With `batch_axis` the batch
        stands in place of the 1. An array may drop the leading 1, or hold what all points have.
        Offsets that lead outside the image, however far, sample zero.
    kernel_size : int or sequence of int
        Size of the pooling windows, in points of the convolution's output grid.
    pool_stride : int or sequence of int, optional
        Points between pooling windows. The kernel size where it is not given.
    pool_padding : int or sequence of int, optional
        Padding of the pooling: at most half the kernel size. Padded positions never win.
    ceil_mode : bool, optional
        Whether to keep pooling windows that leave the grid at its end, by torch's rule.
    mask_network : array_like, callable or object with ``.predict``, optional
        Gives ``(1, *out_spatial, offset_groups * K)``: what each sample is multiplied by
        (version 2 [2]_).
    bias : (F,) array_like, optional
        Added to each filter's output.
    stride, padding, dilation : int or sequence of int, optional
        Of the convolution, in pixels. Padding holds zeros.
    groups : int, optional
        Number of groups that channels and filters are split into. 1 with ``(C,)`` weights.
    offset_groups : int, optional
        Number of groups of channels with offsets and masks of their own.
    interpolation : {"linear", "nearest", "truncate"}, optional
        Linear between pixels, corners outside the image counting as zero; the nearest pixel,
        ``floor(p + 1/2)``; or ``int(base + offset)``, which rounds toward zero. By default
        "truncate" with ``(C,)`` weights and "linear" otherwise.
    max_offset : float or sequence of float, optional
        What displacements are clipped to, in pixels, component by component.
    channel_axis : int or None, optional
        None for an image or a volume without channels, as in the examples below. Otherwise the
        axis of the channels, by default the last: a volume without channels would be taken for an
        image whose channels are its columns.
    batch_axis : int or None, optional
        The axis along which independent images are stacked; None for a single one.
    return_indices : bool, optional
        Whether to return where each maximum was found.
    network_halo : int or sequence of int, optional
        For Dask arrays: the pixels around a chunk that networks are given with it, along each
        spatial axis or all of them. They must look no farther to give the result in memory.

    Returns
    -------
    pooled : array
        The axes of `feature_map`, with F channels (C for ``(C,)`` weights), of dtype
        ``np.result_type(feature_map, conv_weights, mask, bias, np.float32)``, where integer
        factors and masks from a network count as float32.
    indices : array of int64
        With `return_indices`: for each maximum its flat index into the convolution's output grid.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If an array is empty or has the wrong shape, a number is out of its range, groups do not
        divide channels or filters, no window fits, or a network gives a wrong shape or a value
        that is not finite. Exceptions of a network pass unchanged.

    References
    ----------
    .. [1] J. Dai et al., "Deformable Convolutional Networks", ICCV 2017.
    .. [2] X. Zhu et al., "Deformable ConvNets v2: More Deformable, Better Results", CVPR 2019.

    Examples
    --------
    Every pixel looks one column to its left, and blocks of 2 x 2 keep the maximum:

    >>> import numpy as np
    >>> import adapool
    >>> image = np.arange(8, dtype=np.float32).reshape(2, 4)
    >>> offsets = np.broadcast_to([0, -1], (2, 4, 2))
    >>> adapool.deformable_conv_and_pool(image, [2], offsets, 2, channel_axis=None)
    array([[ 8., 12.]], dtype=float32)
    """
    check_places(
        "feature_map", feature_map, conv_weights=conv_weights, offset_network=offset_network,
        mask_network=mask_network, bias=bias,
    )  # fmt: skip
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    kernel = conv_kernel(layout, conv_weights, bias, groups)
    windows = conv_windows(layout.spatial, kernel.size, stride, padding, dilation)
    grid = windows.outputs[-layout.ndim :]
    pool = pooling_windows(grid, kernel_size, pool_stride, pool_padding, 1, ceil_mode, "pool_")
    with_indices = arguments.flag("return_indices", return_indices)
    names = Names.of(feature_map, layout, offset_network=offset_network, mask_network=mask_network)
    plan = ConvolutionPlan.of(
        layout, kernel, windows, pool, offset_network, mask_network,
        offset_groups, interpolation, max_offset, with_indices,
    )  # fmt: skip
    middle, same = middles(windows, pool), kernel.per_channel
    restored = partial(names.pooled, grid=middle, same_channels=same)
    return Call(plan, layout, array, names, restored, network_halo)
