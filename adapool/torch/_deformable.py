"""Deformable convolution of tensors, alone and followed by max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from adapool._options import Interpolation, Ints
from adapool.torch import _predictions
from adapool.torch._arguments import ints, pooled
from adapool.torch._predictions import Network
from adapool.torch._tensors import Axes


def deformable_conv(
    feature_map: Tensor,
    conv_weights: Tensor,
    offset_network: Network,
    *,
    mask_network: Network = None,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    offset_groups: int = 1,
    interpolation: Interpolation | None = None,
    max_offset: float | Sequence[float] | None = None,
    channel_axis: int | None = 1,
    batch_axis: int | None = 0,
) -> Tensor:
    """Convolve, each tap looking where an offset leads, on a tensor.

    :func:`adapool.deformable_conv` for torch. With the defaults it takes and gives what
    `torchvision.ops.deform_conv2d` does, in two and in three dimensions.

    Parameters
    ----------
    feature_map : tensor
        ``(N, C, H, W)`` or ``(N, C, D, H, W)``, or as `channel_axis` and `batch_axis` say.
    conv_weights : tensor
        ``(F, C // groups, *kernel)``, as torch has them; or ``(C,)``.
    offset_network : tensor, module, callable or object with ``.predict``
        Displacements, ``(N, offset_groups * K * d, *out)`` or ``(N, d, *out)``, their values where
        the channels of `feature_map` are; a module or callable is given `feature_map`.
    mask_network : tensor, module, callable or object with ``.predict``, optional
        Factors, ``(N, offset_groups * K, *out)``.
    bias : (F,) tensor, optional
        Added to each filter's output.
    stride, padding, dilation, groups, offset_groups, interpolation, max_offset
        As in :func:`adapool.deformable_conv`.
    channel_axis, batch_axis : int or None, optional
        Where channels and images are; None where there are none.

    Returns
    -------
    convolved : tensor
        The axes of `feature_map`, with F channels.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.arange(8.0).reshape(1, 1, 2, 4)
    >>> one_left = torch.tensor([0.0, -1.0])
    >>> adapool.torch.deformable_conv(image, torch.ones(1, 1, 1, 1), one_left)
    tensor([[[[0., 0., 1., 2.],
              [0., 4., 5., 6.]]]])
    """
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    tensors, options = _convolution(
        axes, feature_map, conv_weights, offset_network, mask_network, bias, stride, padding,
        dilation, groups, offset_groups, interpolation, max_offset,
    )  # fmt: skip
    result: Tensor = pooled("deformable_conv", tensors, options, False)
    return result


def deformable_conv_and_pool(
    feature_map: Tensor,
    conv_weights: Tensor,
    offset_network: Network,
    kernel_size: Ints,
    *,
    pool_stride: Ints | None = None,
    pool_padding: Ints = 0,
    ceil_mode: bool = False,
    mask_network: Network = None,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    offset_groups: int = 1,
    interpolation: Interpolation | None = None,
    max_offset: float | Sequence[float] | None = None,
    channel_axis: int | None = 1,
    batch_axis: int | None = 0,
    return_indices: bool = False,
) -> Any:
    """Convolve as :func:`deformable_conv` does, and take maxima over windows of the result.

    :func:`adapool.deformable_conv_and_pool` for torch: fused, the convolution is never held whole,
    neither on the way there nor on the way back.

    Parameters
    ----------
    feature_map, conv_weights, offset_network, mask_network, bias
        As in :func:`deformable_conv`.
    kernel_size, pool_stride, pool_padding, ceil_mode, return_indices
        Of the pooling, as in :func:`adapool.deformable_conv_and_pool`.
    stride, padding, dilation, groups, offset_groups, interpolation, max_offset
        Of the convolution.
    channel_axis, batch_axis : int or None, optional
        Where channels and images are; None where there are none.

    Returns
    -------
    pooled : tensor
        The axes of `feature_map`, with F channels.
    indices : tensor of int64
        With `return_indices`.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.arange(8.0).reshape(1, 1, 2, 4)
    >>> one_left = torch.tensor([0.0, -1.0])
    >>> adapool.torch.deformable_conv_and_pool(image, torch.ones(1, 1, 1, 1), one_left, 2)
    tensor([[[[4., 6.]]]])
    """
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    tensors, options = _convolution(
        axes, feature_map, conv_weights, offset_network, mask_network, bias, stride, padding,
        dilation, groups, offset_groups, interpolation, max_offset,
    )  # fmt: skip
    pool = (
        ints("kernel_size", kernel_size, axes, 1),
        None if pool_stride is None else ints("pool_stride", pool_stride, axes, 1),
        ints("pool_padding", pool_padding, axes),
        ceil_mode,
    )
    return pooled("deformable_conv_and_pool", tensors, (*pool, *options), return_indices)


def _convolution(
    axes: Axes, feature_map: Tensor, conv_weights: Any, offset_network: Network,
    mask_network: Network, bias: Tensor | None, stride: Ints, padding: Ints, dilation: Ints,
    groups: int, offset_groups: int, interpolation: str | None, max_offset: Any,
) -> tuple[tuple[Tensor | None, ...], tuple[Any, ...]]:  # fmt: skip
    """Return the tensors and the options of a convolution, as its operators take them."""
    mask = None
    if mask_network is not None:
        mask = _predictions.by_point("mask_network", mask_network, feature_map, axes)
    tensors = (
        feature_map,
        _predictions.filters(conv_weights, feature_map),
        _predictions.by_point("offset_network", offset_network, feature_map, axes),
        mask,
        bias,
    )
    most = max_offset
    if max_offset is not None:
        one = isinstance(max_offset, (int, float))
        most = [float(each) for each in ([max_offset] * axes.ndim if one else max_offset)]
    options = (
        ints("stride", stride, axes, 1), ints("padding", padding, axes),
        ints("dilation", dilation, axes, 1), groups, offset_groups, interpolation, most,
        axes.channel, axes.batch,
    )  # fmt: skip
    return tensors, options
