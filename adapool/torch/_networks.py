"""Small networks for the layers: what they give at first changes nothing, and is then learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from adapool._options import Ints

_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}


class FullyConnected(nn.Module):
    """Attention from the values of a window: two linear layers, weights between 0 and 2.

    At first all weights are 1, so that pooling with them is max pooling.

    Parameters
    ----------
    positions : int
        K, the number of positions of a window.
    channels : int
        Of the feature map.
    hidden : int, optional
        Units between the layers.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> network = adapool.torch.FullyConnected(4, channels=3)
    >>> network(torch.rand(100, 12)).shape
    torch.Size([100, 4])
    """

    def __init__(self, positions: int, channels: int = 1, hidden: int = 16) -> None:
        super().__init__()
        self.first = nn.Linear(positions * channels, hidden)
        self.last = nn.Linear(hidden, positions)
        _silence(self.last)

    def forward(self, windows: Tensor) -> Tensor:
        """Return ``(n, K)`` weights of ``(n, K * C)`` windows."""
        return 2 * torch.sigmoid(self.last(torch.relu(self.first(windows))))


class Convolutional(nn.Module):
    """A value, or several, for each point of a grid: two convolutions.

    At first it gives the same everywhere: the middle of the bounds, or 0.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation : int or sequence of int, optional
        Of the first convolution; the second looks at one point. By default the grid is that of
        the pixels.
    bounds : (float, float), optional
        Between which values lie; None for no bounds.
    hidden : int, optional
        Channels between the convolutions.
    ndim : {2, 3}, optional
        Number of spatial axes.

    Examples
    --------
    >>> import torch
    >>> import adapool.torch
    >>> sizes = adapool.torch.Convolutional(3, 1, bounds=(1, 9))
    >>> sizes(torch.rand(2, 3, 16, 16)).unique()
    tensor([5.], grad_fn=<Unique2Backward0>)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints = 3,
        stride: Ints = 1,
        padding: Ints | None = None,
        dilation: Ints = 1,
        *,
        bounds: Sequence[float] | None = None,
        hidden: int = 16,
        ndim: int = 2,
    ) -> None:
        super().__init__()
        convolution = _CONVOLUTIONS[ndim]
        around = "same" if padding is None else padding
        self.first = convolution(in_channels, hidden, kernel_size, stride, around, dilation)
        self.last = convolution(hidden, out_channels, 1)
        self.bounds = None if bounds is None else tuple(bounds)
        _silence(self.last)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Return ``(N, out_channels, *grid)`` of ``(N, in_channels, *spatial)``."""
        values = self.last(torch.relu(self.first(feature_map)))
        if self.bounds is None:
            return values
        low, high = self.bounds
        return low + (high - low) * torch.sigmoid(values)

    def extra_repr(self) -> str:
        """Return the bounds."""
        return f"bounds={self.bounds}"


def _silence(layer: nn.Module) -> None:
    """Let a last layer give 0."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
