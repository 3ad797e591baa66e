"""Layers whose pooling is learned: a function of adapool and the network that predicts for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from adapool._checks import arguments
from adapool._options import Anchor, Interpolation, Ints, Reduction
from adapool.torch._by_site import region_pooling
from adapool.torch._deformable import deformable_conv_and_pool
from adapool.torch._networks import Convolutional, FullyConnected
from adapool.torch._pooling import attention_pooling, dynamic_pooling
from adapool.torch._sites import Sites

Network = Callable[[Tensor], Tensor]  # a module, or any other


class _Pool(nn.Module):
    """What the layers share: options of a function, which `repr` shows."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def extra_repr(self) -> str:
        """Return the options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class AttentionPool(_Pool):
    """Max pooling of what counts: a network of windows gives the weights.

    Parameters
    ----------
    channels : int
        Of the feature map.
    kernel_size : int or sequence of int
    network : module or callable, optional
        Given all windows ``(n, K * C)``, returns weights ``(n, K)`` or ``(n, K * C)``; by default
        :class:`FullyConnected`.
    stride, padding, dilation, ceil_mode
        As in :func:`adapool.attention_pooling`.
    ndim : {2, 3}, optional
        Number of spatial axes.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> pool = adapool.torch.AttentionPool(3, 2)
    >>> pool(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 3, 8, 8])
    >>> pool
    AttentionPool(
      kernel_size=2, stride=None, padding=0, dilation=1, ceil_mode=False
      (network): FullyConnected(
        (first): Linear(in_features=12, out_features=16, bias=True)
        (last): Linear(in_features=16, out_features=4, bias=True)
      )
    )
    """

    def __init__(
        self,
        channels: int,
        kernel_size: Ints,
        network: Network | None = None,
        *,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        ndim: int = 2,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
            ceil_mode=ceil_mode,
        )  # fmt: skip
        taps = math.prod(arguments.integers("kernel_size", kernel_size, ndim, 1))
        self.network = FullyConnected(taps, channels) if network is None else network

    def forward(self, feature_map: Tensor) -> Tensor:
        """Pool ``(N, C, *spatial)``."""
        pooled: Tensor = attention_pooling(
            feature_map, attention_network=self.network, **self.options
        )
        return pooled


class DynamicPool(_Pool):
    """Max pooling whose windows have the sizes that a network gives, fractions of a pixel too.

    Parameters
    ----------
    channels : int
        Of the feature map.
    max_kernel_size : int
        What sizes are clipped to.
    network : module or callable, optional
        Given the feature map, returns sizes ``(N, P, *spatial)``, with P = 1 or one for each axis;
        by default :class:`Convolutional`, one size between 1 and `max_kernel_size`.
    stride, anchor
        As in :func:`adapool.dynamic_pooling`.
    ndim : {2, 3}, optional
        Number of spatial axes.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> pool = adapool.torch.DynamicPool(3, 9, stride=4)
    >>> pool(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 3, 4, 4])
    """

    def __init__(
        self,
        channels: int,
        max_kernel_size: int,
        network: Network | None = None,
        *,
        stride: Ints = 1,
        anchor: Anchor = "center",
        ndim: int = 2,
    ) -> None:
        super().__init__(max_kernel_size=max_kernel_size, stride=stride, anchor=anchor)
        bounds = (1, arguments.count("max_kernel_size", max_kernel_size))
        self.network = (
            Convolutional(channels, 1, bounds=bounds, ndim=ndim) if network is None else network
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        """Pool ``(N, C, *spatial)``."""
        pooled: Tensor = dynamic_pooling(feature_map, self.network, fractional=True, **self.options)
        return pooled


class DeformableConvPool(_Pool):
    """Deformable convolution whose offsets, and mask, networks give; max pooling of its result.

    At first the default networks move nothing: it is a convolution followed by max pooling.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or sequence of int
        Of the convolution.
    pool_size : int or sequence of int
        Of the windows on its result; 1 for no pooling.
    network : module or callable, optional
        Given the feature map, returns offsets ``(N, offset_groups * K * d, *out)``; by default
        :class:`Convolutional`, with kernel, stride, padding and dilation of the convolution.
    mask_network : module or callable, optional
        Returns factors ``(N, offset_groups * K, *out)``. There are none without it, unless
        `modulated`.
    modulated : bool, optional
        Whether to have a :class:`Convolutional` mask network, with factors between 0 and 2.
    bias : bool, optional
        Whether a number is added to each filter's output, and learned.
    stride, padding, dilation, groups, offset_groups, interpolation, max_offset
        Of the convolution: as in :func:`adapool.deformable_conv`.
    pool_stride, pool_padding, ceil_mode
        Of the pooling: as in :func:`adapool.deformable_conv_and_pool`.
    ndim : {2, 3}, optional
        Number of spatial axes.

    Attributes
    ----------
    weight : parameter
        ``(F, C // groups, *kernel)``.
    bias : parameter or None
        ``(F,)``.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> pool = adapool.torch.DeformableConvPool(3, 8, 3, 2, padding=1, modulated=True)
    >>> pool(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 8, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        pool_size: Ints,
        network: Network | None = None,
        *,
        mask_network: Network | None = None,
        modulated: bool = False,
        bias: bool = True,
        stride: Ints = 1,
        padding: Ints = 0,
        dilation: Ints = 1,
        groups: int = 1,
        offset_groups: int = 1,
        interpolation: Interpolation = "linear",
        max_offset: float | Sequence[float] | None = None,
        pool_stride: Ints | None = None,
        pool_padding: Ints = 0,
        ceil_mode: bool = False,
        ndim: int = 2,
    ) -> None:
        super().__init__(
            stride=stride, padding=padding, dilation=dilation, groups=groups,
            offset_groups=offset_groups, interpolation=interpolation, max_offset=max_offset,
            pool_stride=pool_stride, pool_padding=pool_padding, ceil_mode=ceil_mode,
        )  # fmt: skip
        kernel = arguments.integers("kernel_size", kernel_size, ndim, 1)
        self.pool_size = pool_size
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        samples = offset_groups * math.prod(kernel)

        def by_point(values: int, bounds: Sequence[float] | None = None) -> Convolutional:
            return Convolutional(
                in_channels, values, kernel, stride, padding, dilation, bounds=bounds, ndim=ndim
            )

        self.network = by_point(samples * ndim) if network is None else network
        self.mask_network = (
            by_point(samples, (0, 2)) if modulated and mask_network is None else mask_network
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias, as torch's convolutions do."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Convolve and pool ``(N, C, *spatial)``."""
        pooled: Tensor = deformable_conv_and_pool(
            feature_map, self.weight, self.network, self.pool_size,
            mask_network=self.mask_network, bias=self.bias, **self.options,
        )  # fmt: skip
        return pooled

    def extra_repr(self) -> str:
        """Return the shape of the weights, and the options."""
        return f"weight={tuple(self.weight.shape)}, pool_size={self.pool_size!r}, " + (
            super().extra_repr()
        )


class RegionPool(_Pool):
    """One value for each region of a label image, of values that a network weighs.

    Parameters
    ----------
    channels : int
        Of the feature map.
    network : module or callable, optional
        Given the feature map, returns weights ``(N, 1, *spatial)`` or ``(N, C, *spatial)``; by
        default :class:`Convolutional`, between 0 and 2.
    reduction : {"max", "min", "mean", "sum"}, optional
    ndim : {2, 3}, optional
        Number of spatial axes.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> pool = adapool.torch.RegionPool(3, reduction="mean")
    >>> labels = torch.zeros(2, 16, 16, dtype=torch.int64)
    >>> labels[0, 2:5, 2:5], labels[0, 7:9], labels[1, 3:] = 1, 2, 1
    >>> [sites.values.shape for sites in pool(torch.rand(2, 3, 16, 16), labels)]
    [torch.Size([2, 3]), torch.Size([1, 3])]
    """

    def __init__(
        self,
        channels: int,
        network: Network | None = None,
        *,
        reduction: Reduction = "max",
        ndim: int = 2,
    ) -> None:
        super().__init__(reduction=reduction)
        self.network = (
            Convolutional(channels, 1, bounds=(0, 2), ndim=ndim) if network is None else network
        )

    def forward(self, feature_map: Tensor, labels: Tensor) -> list[Sites]:
        """Pool ``(N, C, *spatial)`` over regions, labelled ``(N, *spatial)``: sites of each image.

        Images have regions of their own: as many as each has.
        """
        weights = self.network(feature_map)
        return [
            region_pooling(image, label, attention_network=weight, **self.options)
            for image, label, weight in zip(feature_map, labels, weights, strict=True)
        ]
