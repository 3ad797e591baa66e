"""Small networks of torch whose pooling is trained, and the same with a pooling that is not.

All begin as the fixed pooling that they are compared with: weights of 1, offsets of 0, windows of
the size of a block. What they gain or lose, training has made of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import Tensor, nn

import adapool.torch

from .scores import Array

SIDE = 8  # pixels, of the blocks of all poolings but the classifier's
SIGMA = 2.0  # pixels, of the Gaussian before a maximum
SCALES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)  # pixels: what networks of pixels are given

Example = tuple[tuple[Tensor, ...], Tensor]  # what a network is given, and what it should say
Loss = Callable[[Tensor, Tensor], Tensor]


def fit(
    network: nn.Module, examples: Iterable[Example], steps: int, rate: float, loss: Loss
) -> nn.Module:
    """Train with Adam, one example a step, the rate falling to 0."""
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _, (given, wanted) in zip(range(steps), examples, strict=False):
        optimizer.zero_grad()
        loss(network(*given), wanted).backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def turns(examples: Sequence[Example], seed: int) -> Iterable[Example]:
    """Yield examples for ever, in a new order each time around."""
    rng = np.random.default_rng(seed)
    while True:
        for index in rng.permutation(len(examples)):
            yield examples[index]


def scales(image: Array) -> Tensor:
    """Return an image at all scales, each of zero mean and unit variance: (1, S, row, column)."""
    smooth = np.stack([ndi.gaussian_filter(image, sigma) for sigma in SCALES])
    smooth -= smooth.mean(axis=(1, 2), keepdims=True)
    smooth /= smooth.std(axis=(1, 2), keepdims=True) + 1e-9
    return torch.from_numpy(smooth.astype(np.float32))[None]


def _pixels(values: int, bounds: tuple[float, float] | None = None) -> nn.Module:
    """Make a network that looks at all scales of a pixel."""
    return adapool.torch.Convolutional(len(SCALES), values, 1, bounds=bounds)


class _Blocks(nn.Module):
    """The log-odds that a block holds an object, of one pooled value."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.intercept = (nn.Parameter(torch.tensor(value)) for value in (2.0, -2.0))

    def pool(self, image: Tensor, seen: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, image: Tensor, seen: Tensor) -> Tensor:
        return self.slope * self.pool(image, seen) + self.intercept


class Attention(_Blocks):
    """A weight for each pixel, from the image at all scales."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _pixels(1, (0.0, 2.0))

    def pool(self, image: Tensor, seen: Tensor) -> Tensor:
        pooled: Tensor = adapool.torch.attention_pooling(image, SIDE, self.network(seen))
        return pooled


class Deformable(_Blocks):
    """A Gaussian of 5 x 5 taps, two pixels apart, whose taps move; then the maximum."""

    def __init__(self) -> None:
        super().__init__()
        steps = torch.arange(-4.0, 5, 2)
        tap = torch.exp(-(steps**2) / (2 * SIGMA**2))
        self.network = _pixels(2 * 25)
        self.weight = nn.Parameter((torch.outer(tap, tap) / tap.sum() ** 2)[None, None])

    def pool(self, image: Tensor, seen: Tensor) -> Tensor:
        pooled: Tensor = adapool.torch.deformable_conv_and_pool(
            image, self.weight, self.network(seen), SIDE, padding=4, dilation=2, max_offset=4
        )
        return pooled


class Counter(nn.Module):
    """The number of objects in each tile: a convolution, a pooling to blocks, a sum over them."""

    def __init__(self, pooling: str, tile: int, channels: int = 8) -> None:
        super().__init__()
        self.tile = tile // SIDE
        self.first = nn.Conv2d(1, channels, 5, padding=2)
        self.pool = pooling_layer(pooling, channels, SIDE)
        self.second = nn.Conv2d(channels, 16, 1)
        self.last = nn.Conv2d(16, 1, 1)
        with torch.no_grad():
            self.last.bias.fill_(-4.0)  # few blocks hold an object

    def forward(self, image: Tensor) -> Tensor:
        pooled = self.pool(torch.relu(self.first(image)))
        blocks = nn.functional.softplus(self.last(torch.relu(self.second(pooled))))
        return nn.functional.avg_pool2d(blocks, self.tile) * self.tile**2


class Classifier(nn.Module):
    """Large or small: a convolution, whose results a pooling brings to few values, and a sum."""

    def __init__(self, pooling: str, side: int, block: int, channels: int = 4) -> None:
        super().__init__()
        convolution = nn.Conv2d(1, channels, 5, padding=2)
        self.features = nn.Sequential(convolution, pooling_layer(pooling, channels, block))
        self.last = nn.Linear(channels * (side // block) ** 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.last(torch.relu(self.features(image)).flatten(1))[:, 0]


class _Weighed(nn.Module):
    """Weights of pixels, first all 1, from what is within two pixels."""

    def __init__(self, channels: int, block: int) -> None:
        super().__init__()
        self.network = adapool.torch.Convolutional(channels, 1, 5, bounds=(0.0, 2.0))
        self.block = block

    def forward(self, image: Tensor) -> Tensor:
        pooled: Tensor = adapool.torch.attention_pooling(image, self.block, self.network(image))
        return pooled


class _Sized(nn.Module):
    """Windows of a size of their own around the middles of blocks; first all of a block's size."""

    def __init__(self, channels: int, block: int) -> None:
        super().__init__()
        bounds = (1.0, 2.0 * block - 1)
        network = adapool.torch.Convolutional(channels, 1, 5, bounds=bounds)
        self.layer = adapool.torch.DynamicPool(
            channels, math.ceil(bounds[1]), network, stride=block
        )
        self.block = block

    def forward(self, image: Tensor) -> Tensor:
        # Windows lie around every block-th pixel: of an image moved so that those are the middles,
        # all but the first.
        before = self.block - self.block // 2
        rows, columns = (n // self.block for n in image.shape[-2:])
        moved = nn.functional.pad(image, (before, 0, before, 0), mode="replicate")
        pooled: Tensor = self.layer(moved)
        return pooled[..., 1 : rows + 1, 1 : columns + 1]


def pooling_layer(name: str, channels: int, block: int) -> nn.Module:
    """Make a pooling by its name."""
    layers: dict[str, Callable[[], Any]] = {
        "max": lambda: nn.MaxPool2d(block),
        "mean": lambda: nn.AvgPool2d(block),
        "attention": lambda: _Weighed(channels, block),
        "dynamic": lambda: _Sized(channels, block),
    }
    layer: nn.Module = layers[name]()
    return layer


def parameters(network: nn.Module) -> int:
    """Count what is trained."""
    return sum(each.numel() for each in network.parameters())
