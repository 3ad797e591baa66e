"""Small networks of torch whose pooling is trained, and the same with a pooling that is not.

All begin as what they are compared with: weights of 1, offsets of 0, windows of the sizes that
`BlobSizes` gives. What they gain or lose, training has made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import Tensor, nn

import adapool.torch

from .scores import Array

SIDE = 8  # pixels, of blocks that hold an object or not
SIGMA = 2.0  # pixels, of the Gaussian before a maximum
SCALES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)  # pixels: what networks of pixels are given
_MOST = 63  # pixels: the largest window

# Of how much lower than the maximum of its window a pixel still hands on a gradient, in standard
# deviations of the image: only with it do windows learn.
_SLOPE = 0.1
# How fast the logarithm of a size learns, beside the other parameters, where every pixel has one.
_SLOW = 0.05

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


def turns(examples: Sequence[Example], seed: int) -> Iterator[Example]:
    """Yield examples for ever, in a new order each time around."""
    rng = np.random.default_rng(seed)
    while True:
        for index in rng.permutation(len(examples)):
            yield examples[index]


def parts(examples: Sequence[Example], seed: int, side: int) -> Iterator[Example]:
    """Yield a square of whole blocks of each example, for ever, in a new order and elsewhere."""
    rng = np.random.default_rng(seed)
    for given, wanted in turns(examples, seed):
        spare = [max(n - side, 0) // SIDE + 1 for n in given[0].shape[-2:]]
        row, column = (int(rng.integers(n)) for n in spare)
        many = side // SIDE
        row_px, column_px = row * SIDE, column * SIDE
        yield (
            tuple(
                each[..., row_px : row_px + side, column_px : column_px + side] for each in given
            ),
            wanted[..., row : row + many, column : column + many],
        )


def plane(values: Array) -> Tensor:
    """Return an image as a tensor (1, 1, row, column)."""
    return torch.from_numpy(values.astype(np.float32))[None, None]


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

    def pool(self, image: Tensor, seen: Tensor, offsets: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, image: Tensor, seen: Tensor, offsets: Tensor) -> Tensor:
        return self.slope * self.pool(image, seen, offsets) + self.intercept


class Attention(_Blocks):
    """A weight for each pixel, from the image at all scales."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _pixels(1, (0.0, 2.0))

    def pool(self, image: Tensor, seen: Tensor, offsets: Tensor) -> Tensor:
        pooled: Tensor = adapool.torch.attention_pooling(image, SIDE, self.network(seen))
        return pooled


class Deformable(_Blocks):
    """A Gaussian of 5 x 5 taps, two pixels apart, then the maximum.

    All taps move by the offsets given; each by what is trained, and begins at 0, too.
    """

    def __init__(self) -> None:
        super().__init__()
        steps = torch.arange(-4.0, 5, 2)
        tap = torch.exp(-(steps**2) / (2 * SIGMA**2))
        self.network = _pixels(2 * 25)
        self.register_buffer("gaussian", (torch.outer(tap, tap) / tap.sum() ** 2)[None, None])
        # Of the logarithm: weights are a hundredth, and a step of Adam is not less.
        self.gain = nn.Parameter(torch.zeros(5, 5))

    def pool(self, image: Tensor, seen: Tensor, offsets: Tensor) -> Tensor:
        moved = offsets.repeat(1, self.gain.numel(), 1, 1) + self.network(seen)
        pooled: Tensor = adapool.torch.deformable_conv_and_pool(
            image, self.gaussian * self.gain.exp(), moved, SIDE, padding=4, dilation=2
        )
        return pooled


class BlockCounter(nn.Module):
    """The number of objects in each tile: a convolution, a fixed pooling to blocks, a sum."""

    def __init__(self, pooling: str, tile: int, block: int, channels: int = 8) -> None:
        super().__init__()
        self.tile = tile // block
        self.first = nn.Conv2d(1, channels, 5, padding=2)
        self.pool = FIXED_LAYERS[pooling](block)
        self.second = nn.Conv2d(channels, 16, 1)
        self.last = nn.Conv2d(16, 1, 1)
        with torch.no_grad():
            self.last.bias.fill_(-4.0)  # few blocks hold an object

    def forward(self, seen: Tensor, sizes: Tensor) -> Tensor:
        pooled = self.pool(torch.relu(self.first(seen[:, :1])))
        blocks = nn.functional.softplus(self.last(torch.relu(self.second(pooled))))
        return nn.functional.avg_pool2d(blocks, self.tile) * self.tile**2


class PeakCounter(nn.Module):
    """The number of objects in each tile: of pixels that are the maximum of their window.

    The map is a sum of all scales, and each peak counts by how much it looks like an object: both
    are trained. Windows are of one size, of the sizes given, or of those times a factor that is
    trained and begins at 1.
    """

    def __init__(self, windows: int | None, tile: int, trained: bool = False) -> None:
        super().__init__()
        self.windows, self.tile = windows, tile
        first = torch.zeros(len(SCALES), 1, 1)
        first[1] = 1
        self.mix = nn.Parameter(first)
        self.object = _pixels(1)
        self.factor = _pixels(1) if trained else None
        nn.init.constant_(self.object.last.bias, -3.0)  # few pixels are one

    def forward(self, seen: Tensor, sizes: Tensor) -> Tensor:
        values = (seen * self.mix).sum(dim=1, keepdim=True)
        given: Tensor | float = sizes if self.windows is None else float(self.windows)
        if self.factor is not None:
            given = given * torch.exp(_SLOW * self.factor(seen))
        if isinstance(given, Tensor):
            given = given.clamp(1, _MOST)
        top = adapool.torch.dynamic_pooling(
            values, given, max_kernel_size=_MOST, anchor="center", fractional=True
        )
        # A peak or not, on the way there; how far from one, on the way back.
        soft = torch.exp((values - top) / _SLOPE)
        peaks = soft + ((values >= top).float() - soft).detach()
        density = peaks * torch.sigmoid(self.object(seen))
        return nn.functional.avg_pool2d(density, self.tile) * self.tile**2


class Classifier(nn.Module):
    """Large or small: a convolution, whose results a pooling brings to few values, and a sum."""

    def __init__(self, pool: nn.Module, values: int, channels: int = 4) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 5, padding=2)
        self.pool = pool
        self.last = nn.Sequential(nn.BatchNorm1d(values), nn.Linear(values, 1))

    def forward(self, image: Tensor, labels: Tensor, sizes: Tensor) -> Tensor:
        pooled = self.pool(nn.functional.leaky_relu(self.first(image), 0.1), labels, sizes)
        return self.last(pooled.flatten(1))[:, 0]


class FixedPool(nn.Module):
    """The maximum or the mean over blocks."""

    def __init__(self, name: str, block: int) -> None:
        super().__init__()
        self.pool = FIXED_LAYERS[name](block)

    def forward(self, features: Tensor, labels: Tensor, sizes: Tensor) -> Tensor:
        return self.pool(features)


class SizedPool(nn.Module):
    """Maxima in windows of given sizes around the middles of blocks, times a trained factor."""

    def __init__(self, channels: int, block: int, trained: bool) -> None:
        super().__init__()
        self.network = adapool.torch.Convolutional(channels, 1, 5) if trained else None
        self.block = block

    def forward(self, features: Tensor, labels: Tensor, sizes: Tensor) -> Tensor:
        if self.network is not None:
            sizes = sizes * torch.exp(self.network(features))
        # Windows lie around every block-th pixel: of an image moved so that those are the middles,
        # all but the first. Repeating the border changes no maximum.
        before = self.block - self.block // 2
        rows, columns = (n // self.block for n in features.shape[-2:])
        moved, around = (
            nn.functional.pad(each, (before, 0, before, 0), mode="replicate")
            for each in (features, sizes)
        )
        most = 2 * self.block - 1
        pooled: Tensor = adapool.torch.dynamic_pooling(
            moved, around.clamp(1, most), stride=self.block, max_kernel_size=most,
            anchor="center", fractional=True,
        )  # fmt: skip
        return pooled[..., 1 : rows + 1, 1 : columns + 1]


class ObjectPool(nn.Module):
    """A sum over the region of one object in each image, of features or of weighed ones."""

    def __init__(self, channels: int, trained: bool) -> None:
        super().__init__()
        bounds = (0.0, 2.0)
        self.network = (
            adapool.torch.Convolutional(channels, 1, 5, bounds=bounds) if trained else None
        )

    def forward(self, features: Tensor, labels: Tensor, sizes: Tensor) -> Tensor:
        number, channels = features.shape[:2]
        # All images as one, below each other, whose regions have the numbers of the images.
        order = torch.arange(1, number + 1, dtype=torch.int32)[:, None, None, None]
        weights = None if self.network is None else _below(self.network(features))
        sites = adapool.torch.region_pooling(
            _below(features), _below(labels.int() * order)[0], reduction="sum",
            attention_network=weights,
        )  # fmt: skip
        found = labels.flatten(1).any(dim=1).nonzero()[:, 0]
        # The sum of an image without a region is 0; that of one of 32 pixels is of the order of 1.
        return features.new_zeros(number, channels).index_copy(0, found, sites.values / 32)


def _below(images: Tensor) -> Tensor:
    """(N, C, row, column) to (C, N * row, column)."""
    return images.transpose(0, 1).flatten(1, 2)


FIXED_LAYERS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "mean": nn.AvgPool2d}


def parameters(network: nn.Module) -> int:
    """Count what is trained."""
    return sum(each.numel() for each in network.parameters())
