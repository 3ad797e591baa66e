"""What comes out of each operator but for its values: for compilers, which call with lengths alone.

Results have the strides that adapool gives them: those of (batch, plane, row, column, channel).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adapool._layout import to_triple
from adapool._windows import windows_along
from adapool.torch._tensors import Axes, numpy_dtype, torch_dtype

Outputs = tuple[Tensor, list[Tensor], list[Tensor]]


def _dtype(feature_map: Tensor, *factors: Tensor | None, least: Any = None) -> np.dtype[Any]:
    """Return the dtype of products: integer factors count as float32."""
    dtypes = [numpy_dtype("feature_map", feature_map)]
    for factor in factors:
        if factor is not None:
            dtype = numpy_dtype("tensors", factor)
            dtypes.append(dtype if dtype.kind == "f" else np.dtype(np.float32))
    return np.result_type(*dtypes, *([] if least is None else [least]))


def grid(
    spatial: Sequence[Any], kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Any, ...]:
    """Return the lengths of a grid of windows."""
    each = spatial, kernel, kernel if stride is None else stride, padding, dilation
    return tuple(windows_along(*axis, ceil) for axis in zip(*each, strict=True))


def _pooled(
    axes: Axes, feature_map: Tensor, outputs: Sequence[Any], dtype: Any, keep: int,
    channels: Any = None,
) -> Outputs:  # fmt: skip
    """Return values on a grid, and as many maps of winners as are kept."""
    shape = axes.canonical(outputs, axes.channels if channels is None else channels)
    values = feature_map.new_empty(shape, dtype=torch_dtype(dtype))
    kept = [feature_map.new_empty(shape, dtype=torch.int64) for _ in range(keep)]
    return axes.restored(values), [], kept


def max_pooling(
    keep: bool, feature_map: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool, channel_axis: Any, batch_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values, and winners."""
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    outputs = grid(axes.spatial, kernel_size, stride, padding, dilation, ceil_mode)
    return _pooled(axes, feature_map, outputs, _dtype(feature_map), keep)


def attention_pooling(
    keep: bool, feature_map: Tensor, attention_network: Tensor, kernel_size: Any, stride: Any,
    padding: Any, dilation: Any, ceil_mode: bool, channel_axis: Any, batch_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values, and winners."""
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    outputs = grid(axes.spatial, kernel_size, stride, padding, dilation, ceil_mode)
    return _pooled(axes, feature_map, outputs, _dtype(feature_map, attention_network), keep)


def dynamic_pooling(
    keep: bool, feature_map: Tensor, param_network: Tensor, stride: Any, max_kernel_size: Any,
    anchor: Any, footprint: str, fractional: bool, channel_axis: Any, batch_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values, and winners: of each corner, a choice between two whole sizes along axes."""
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    one = [1] * axes.ndim
    outputs = grid(axes.spatial, one, stride, [0] * axes.ndim, one, False)
    dtype = _dtype(feature_map, least=np.float32 if fractional else None)
    corners = 1
    if fractional:
        points = param_network.ndim == axes.ndim + (axes.batch is not None)
        number = param_network.ndim == 0
        width = 1 if points or number else param_network.shape[-1]
        corners = 2 if width == 1 else 1 << axes.ndim
    return _pooled(axes, feature_map, outputs, dtype, keep * corners)


def dynamic_stride_pooling(
    keep: bool, feature_map: Tensor, param_network: Tensor, max_kernel_size: Any, anchor: str,
    channel_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values of sites, of which nobody knows how many there are."""
    axes = Axes.of(feature_map, channel_axis)
    number = torch.library.get_ctx().new_dynamic_size()
    values = _by_site(axes, feature_map, number, _dtype(feature_map))
    places = [_whole(feature_map, number, axes.ndim) for _ in range(3)]
    owner = feature_map.new_empty(axes.spatial, dtype=torch.int32)
    kept = [_whole(feature_map, number, axes.channels)] if keep else []
    return values, [*places, owner], kept


def region_pooling(
    keep: bool, feature_map: Tensor, region_network: Tensor, attention_network: Tensor | None,
    reduction: str, channel_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values of regions, of which nobody knows how many there are."""
    axes = Axes.of(feature_map, channel_axis)
    number = torch.library.get_ctx().new_dynamic_size()
    least = np.float32 if reduction in ("mean", "sum") else None
    dtype = _dtype(feature_map, attention_network, least=least)
    values = _by_site(axes, feature_map, number, dtype)
    places = [_whole(feature_map, number, axes.ndim) for _ in range(2)]
    owner = feature_map.new_empty(to_triple(axes.spatial, 1), dtype=torch.int32)
    found = axes.channels if least is None else 0  # sums are at no place
    kept = [_whole(feature_map, number, found), _whole(feature_map, number), owner]
    return values, places, kept if keep else []


def _by_site(axes: Axes, feature_map: Tensor, number: Any, dtype: Any) -> Tensor:
    shape = (number,) if axes.channel is None else (number, axes.channels)
    return feature_map.new_empty(shape, dtype=torch_dtype(dtype))


def _whole(feature_map: Tensor, *shape: Any) -> Tensor:
    return feature_map.new_empty(shape, dtype=torch.int64)


def _convolved(
    feature_map: Tensor, conv_weights: Tensor, mask_network: Any, bias: Any, stride: Any,
    padding: Any, dilation: Any, channel_axis: Any, batch_axis: Any,
) -> tuple[Axes, tuple[Any, ...], Any, Any]:  # fmt: skip
    """Return the axes, the grid of a convolution, its number of channels, and its dtype."""
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    kernel = conv_weights.shape[:-2] if conv_weights.ndim > 1 else [1] * axes.ndim
    outputs = grid(axes.spatial, kernel, stride, padding, dilation, False)
    dtype = _dtype(feature_map, conv_weights, mask_network, bias, least=np.float32)
    return axes, outputs, conv_weights.shape[-1], dtype


def deformable_conv(
    keep: bool, feature_map: Tensor, conv_weights: Tensor, offset_network: Tensor,
    mask_network: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int,
    offset_groups: int, interpolation: Any, max_offset: Any, channel_axis: Any, batch_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values: nothing is kept."""
    axes, outputs, filters, dtype = _convolved(
        feature_map, conv_weights, mask_network, bias, stride, padding, dilation, channel_axis,
        batch_axis,
    )  # fmt: skip
    return _pooled(axes, feature_map, outputs, dtype, 0, filters)


def deformable_conv_and_pool(
    keep: bool, feature_map: Tensor, conv_weights: Tensor, offset_network: Tensor,
    mask_network: Any, bias: Any, kernel_size: Any, pool_stride: Any, pool_padding: Any,
    ceil_mode: bool, stride: Any, padding: Any, dilation: Any, groups: int, offset_groups: int,
    interpolation: Any, max_offset: Any, channel_axis: Any, batch_axis: Any,
) -> Outputs:  # fmt: skip
    """Return values, and winners."""
    axes, convolved, filters, dtype = _convolved(
        feature_map, conv_weights, mask_network, bias, stride, padding, dilation, channel_axis,
        batch_axis,
    )  # fmt: skip
    outputs = grid(convolved, kernel_size, pool_stride, pool_padding, [1] * axes.ndim, ceil_mode)
    return _pooled(axes, feature_map, outputs, dtype, keep, filters)
