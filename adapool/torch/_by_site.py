"""Pooling of tensors at sites and in regions."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from adapool._checks import arguments
from adapool._options import Anchor, Ints, Reduction
from adapool.torch import _predictions
from adapool.torch._arguments import limit, operate
from adapool.torch._predictions import Network
from adapool.torch._sites import Sites
from adapool.torch._tensors import Axes


def dynamic_stride_pooling(
    feature_map: Tensor,
    param_network: Network,
    *,
    max_kernel_size: Ints | None = None,
    anchor: Anchor = "corner",
    channel_axis: int | None = 0,
) -> Sites:
    """Take the maximum at the sites that strides lead to, on a tensor.

    :func:`adapool.dynamic_stride_pooling` for torch. Values have gradients by the feature map.

    Parameters
    ----------
    feature_map : tensor
        One image: ``(C, H, W)`` or ``(C, D, H, W)``, or as `channel_axis` says.
    param_network : tensor, module, callable or object with ``.predict``
        Sizes and strides, ``(2 d, H, W)``: the axes of `feature_map`, with them in place of the
        channels. They have no gradients.
    max_kernel_size, anchor
        As in :func:`adapool.dynamic_stride_pooling`.
    channel_axis : int or None, optional
        Where channels are; None where there are none.

    Returns
    -------
    sites : Sites
        Of tensors.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.tensor([[[3.0, 1, 4, 1], [5, 9, 2, 6]]])
    >>> adapool.torch.dynamic_stride_pooling(image, torch.tensor([2, 2, 2, 2])).values
    tensor([[9.],
            [6.]])
    """
    axes = Axes.of(feature_map, channel_axis, batches=False)
    params = _predictions.by_point("param_network", param_network, feature_map, axes)
    _predictions.without_gradient("param_network", params, "detach sizes and strides")
    tensors = (feature_map, params)
    options = (limit(max_kernel_size, axes), anchor, axes.channel)
    values, places, _ = operate("dynamic_stride_pooling", tensors, options)
    positions, sizes, strides, owner = places
    return Sites(values, positions, sizes, strides, owner, axes.channel)


def region_pooling(
    feature_map: Tensor,
    region_network: Network,
    *,
    reduction: Reduction = "max",
    attention_network: Network = None,
    channel_axis: int | None = 0,
    return_indices: bool = False,
) -> Any:
    """Take one value over each region of a label image: :func:`adapool.region_pooling` on a tensor.

    Parameters
    ----------
    feature_map : tensor
        One image: ``(C, H, W)`` or ``(C, D, H, W)``, or as `channel_axis` says.
    region_network : tensor, module, callable or object with ``.predict``
        Integer labels of shape ``(H, W)`` or ``(D, H, W)``.
    reduction, return_indices
        As in :func:`adapool.region_pooling`.
    attention_network : tensor, module, callable or object with ``.predict``, optional
        Weights of the pixels: the axes of `feature_map`, with 1 or C channels or without any.
    channel_axis : int or None, optional
        Where channels are; None where there are none.

    Returns
    -------
    sites : Sites
        Of tensors.
    indices : (n, C) tensor of int64, or (n,) without channels
        With `return_indices`.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> image = torch.tensor([[[3.0, 1, 4, 1], [5, 9, 2, 6]]])
    >>> labels = torch.tensor([[1, 1, 0, 2], [1, 1, 2, 2]])
    >>> adapool.torch.region_pooling(image, labels, reduction="mean").values
    tensor([[4.5000],
            [3.0000]])
    """
    axes = Axes.of(feature_map, channel_axis, batches=False)
    labels = _predictions.by_point("region_network", region_network, feature_map, axes)
    weights = None
    if attention_network is not None:
        weights = _predictions.by_point("attention_network", attention_network, feature_map, axes)
    arguments.has_indices(reduction, return_indices)
    values, (positions, sizes), (where, _, owner) = operate(
        "region_pooling", (feature_map, labels, weights), (reduction, axes.channel), keep=True
    )
    owner = owner.reshape(axes.spatial)
    sites = Sites(values, positions, sizes, sizes, owner, axes.channel)
    if not return_indices:
        return sites
    return sites, where if axes.channel is not None else where.squeeze(-1)
