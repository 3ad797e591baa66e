"""Pooling of tensors on a grid: networks are asked in torch, an operator computes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from adapool._checks import arguments
from adapool._options import Anchor, Footprint, Ints
from adapool.torch import _predictions
from adapool.torch._arguments import ints, limit, pooled, windows
from adapool.torch._predictions import Network
from adapool.torch._tensors import Axes


def max_pooling(
    feature_map: Tensor,
    kernel_size: Ints,
    *,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = 1,
    batch_axis: int | None = 0,
    return_indices: bool = False,
) -> Any:
    """Take the maximum over windows of one size: :func:`adapool.max_pooling` on a tensor.

    Parameters
    ----------
    feature_map : tensor
        ``(N, C, H, W)`` or ``(N, C, D, H, W)``, or as `channel_axis` and `batch_axis` say.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in :func:`adapool.max_pooling`.
    channel_axis, batch_axis : int or None, optional
        Where channels and images are; None where there are none.

    Returns
    -------
    pooled : tensor
        The axes of `feature_map`.
    indices : tensor of int64
        With `return_indices`.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.tensor([[[[3.0, 1, 4, 1], [5, 9, 2, 6]]]], requires_grad=True)
    >>> adapool.torch.max_pooling(image, 2).sum().backward()
    >>> image.grad
    tensor([[[[0., 0., 0., 0.],
              [0., 1., 0., 1.]]]])
    """
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    options = windows(axes, kernel_size, stride, padding, dilation, ceil_mode)
    options += (axes.channel, axes.batch)
    return pooled("max_pooling", (feature_map,), options, return_indices)


def attention_pooling(
    feature_map: Tensor,
    kernel_size: Ints,
    attention_network: Network,
    *,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = 1,
    batch_axis: int | None = 0,
    return_indices: bool = False,
) -> Any:
    """Take the maximum of value times weight: :func:`adapool.attention_pooling` on a tensor.

    Parameters
    ----------
    feature_map : tensor
        ``(N, C, H, W)`` or ``(N, C, D, H, W)``, or as `channel_axis` and `batch_axis` say.
    attention_network : tensor, module, callable or object with ``.predict``
        A module or callable is given all windows at once, ``(n, K * C)``, each flattened in
        (plane, row, column, channel) order, and returns ``(n, K)``, or ``(n, K * C)`` for weights
        per channel. A tensor gives weights per pixel, the axes of `feature_map` with 1 or C
        channels, or per window, ``(N, *out, *kernel)`` or ``(N, C, *out, *kernel)``.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in :func:`adapool.attention_pooling`.
    channel_axis, batch_axis : int or None, optional
        Where channels and images are; None where there are none.

    Returns
    -------
    pooled : tensor
        The axes of `feature_map`.
    indices : tensor of int64
        With `return_indices`.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.tensor([[[[3.0, 1, 4, 1], [5, 9, 2, 6]]]])
    >>> weights = torch.full((1, 1, 2, 4), 0.5, requires_grad=True)
    >>> pooled = adapool.torch.attention_pooling(image, 2, weights)
    >>> pooled.sum().backward()
    >>> weights.grad
    tensor([[[[0., 0., 0., 0.],
              [0., 9., 0., 6.]]]])
    """
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    options = windows(axes, kernel_size, stride, padding, dilation, ceil_mode)
    weights = _predictions.weights(attention_network, feature_map, axes, options)
    options += (axes.channel, axes.batch)
    return pooled("attention_pooling", (feature_map, weights), options, return_indices)


def dynamic_pooling(
    feature_map: Tensor,
    param_network: Network,
    *,
    stride: Ints = 1,
    max_kernel_size: Ints | None = None,
    anchor: Anchor | None = None,
    footprint: Footprint = "box",
    fractional: bool = False,
    channel_axis: int | None = 1,
    batch_axis: int | None = 0,
    return_indices: bool = False,
) -> Any:
    """Take the maximum over a window of a size of its own at each pixel, on a tensor.

    :func:`adapool.dynamic_pooling` for torch. Sizes are learned with ``fractional=True``.

    Parameters
    ----------
    feature_map : tensor
        ``(N, C, H, W)`` or ``(N, C, D, H, W)``, or as `channel_axis` and `batch_axis` say.
    param_network : tensor, module, callable or object with ``.predict``
        Sizes, with the axes of `feature_map` and P values in place of the channels, or none of
        that axis; a module or callable is given `feature_map`. One number, or P of them, hold
        for all pixels.
    stride, max_kernel_size, anchor, footprint, fractional, return_indices
        As in :func:`adapool.dynamic_pooling`.
    channel_axis, batch_axis : int or None, optional
        Where channels and images are; None where there are none.

    Returns
    -------
    pooled : tensor
        The axes of `feature_map`.
    indices : tensor of int64
        With `return_indices`.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.tensor([[[[3.0, 1, 4, 1], [5, 9, 2, 6]]]])
    >>> size = torch.tensor(1.25, requires_grad=True)
    >>> pooled = adapool.torch.dynamic_pooling(image, size, fractional=True)
    >>> pooled.sum().backward()
    >>> size.grad
    tensor(29.)
    """
    axes = Axes.of(feature_map, channel_axis, batch_axis)
    sizes = _predictions.by_point("param_network", param_network, feature_map, axes)
    if not fractional:
        _predictions.without_gradient(
            "param_network", sizes, "pass fractional=True to learn sizes, or detach them"
        )
    options = (
        ints("stride", stride, axes), limit(max_kernel_size, axes), anchor, footprint,
        fractional, axes.channel, axes.batch,
    )  # fmt: skip
    arguments.fractional(fractional, footprint == "ellipse", return_indices)
    return pooled("dynamic_pooling", (feature_map, sizes), options, return_indices)
