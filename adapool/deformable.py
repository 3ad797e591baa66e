"""Deformable convolution, alone and followed by max pooling: where to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from adapool import _arguments
from adapool._arguments import Array
from adapool._convolution import conv_kernel, plan_sampling
from adapool._dispatch import backend_for
from adapool._layout import Layout
from adapool._windows import conv_windows, pooling_windows

Interpolation = Literal["linear", "nearest", "truncate"]


def deformable_conv(
    feature_map: ArrayLike,
    conv_weights: ArrayLike,
    offset_network: Any,
    *,
    mask_network: Any = None,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    offset_groups: int = 1,
    interpolation: Interpolation | None = None,
    max_offset: float | Sequence[float] | None = None,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
) -> Array:
    """Convolve, each tap looking where an offset leads.
    """
    backend = backend_for("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    kernel = conv_kernel(layout, conv_weights, bias, groups)
    windows = conv_windows(layout.spatial, kernel.size, stride, padding, dilation)
    image = layout.canonical(array)
    sampling = plan_sampling(
        layout, image, windows, offset_network, mask_network, offset_groups,
        interpolation or kernel.default_interpolation, max_offset,
    )  # fmt: skip
    dtype = np.result_type(layout.dtype, kernel.dtype, sampling.dtype)
    return layout.restore(backend.deformable_conv(image, kernel, windows, sampling, dtype))


def deformable_conv_and_pool(
    feature_map: ArrayLike,
    conv_weights: ArrayLike,
    offset_network: Any,
    kernel_size: int | Sequence[int],
    *,
    pool_stride: int | Sequence[int] | None = None,
    pool_padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    mask_network: Any = None,
    bias: ArrayLike | None = None,
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
) -> Any:
    """Convolve as :func:`deformable_conv` does, and take maxima over windows of the result.
    """
    backend = backend_for("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    kernel = conv_kernel(layout, conv_weights, bias, groups)
    windows = conv_windows(layout.spatial, kernel.size, stride, padding, dilation)
    grid = windows.outputs[-layout.ndim :]
    pool = pooling_windows(grid, kernel_size, pool_stride, pool_padding, 1, ceil_mode, "pool_")
    with_indices = _arguments.flag("return_indices", return_indices)
    image = layout.canonical(array)
    sampling = plan_sampling(
        layout, image, windows, offset_network, mask_network, offset_groups,
        interpolation or kernel.default_interpolation, max_offset,
    )  # fmt: skip
    dtype = np.result_type(layout.dtype, kernel.dtype, sampling.dtype)
    pooled = backend.deformable_conv_and_pool(
        image, kernel, windows, sampling, dtype, pool, with_indices
    )
    return layout.restore_pooled(*pooled, dtype)
