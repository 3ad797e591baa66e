"""Does this block hold an object? Average precision of one pooled value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import nn

import adapool
from adapool.estimators import CentroidOffsets, ContrastAttention

from . import learned
from .fixed import FIXED, blocks
from .learned import SIDE, SIGMA, Example
from .scores import Array, average_precision
from .survival import noisy
from .training_score import Kind, Pair, Score, folds

NOISES: tuple[float | None, ...] = (None, 5.0, 2.0)  # signal to noise


class _Network(NamedTuple):
    """What is trained, for how long, and on squares of how many pixels."""

    make: Callable[[], nn.Module]
    smooth: bool
    side: int
    rate: float
    rounds: int
    seeds: int


# A step of deformable convolution takes ten times as long: fewer, on smaller parts.
_NETWORKS = {
    "attention": _Network(learned.Attention, False, 256, 0.05, 16, 2),
    "attention after a Gaussian": _Network(learned.Attention, True, 256, 0.05, 8, 2),
    "deformable": _Network(learned.Deformable, False, 128, 0.005, 5, 1),
}


class Blocks(NamedTuple):
    """An image of whole blocks, normalised; the same smoothed; and what its blocks hold."""

    values: Array
    smooth: Array
    seen: torch.Tensor
    offsets: torch.Tensor  # as they are estimated
    truth: Array

    @classmethod
    def of(cls, pair: Pair, snr: float | None) -> Blocks:
        values = noisy(*pair, snr)
        rows, columns = (n // SIDE * SIDE for n in values.shape)
        values = values[:rows, :columns]
        truth = blocks(pair[1], SIDE).max(axis=-1) > 0
        offsets = CentroidOffsets(sigma=4).predict(values[np.newaxis, ..., np.newaxis])
        return cls(
            values,
            ndi.gaussian_filter(values, SIGMA),
            learned.scales(values),
            torch.from_numpy(offsets.astype(np.float32)).movedim(-1, 1),
            truth,
        )

    def example(self, smooth: bool) -> Example:
        """What a network is given, and what it should say."""
        image = self.smooth if smooth else self.values
        return (learned.plane(image - image.min()), self.seen, self.offsets), learned.plane(
            self.truth
        )


def block_scores(pairs: Sequence[Pair], snr: float | None, quick: bool = False) -> Iterator[Score]:
    """Average precision, the mean over images, of fixed, estimated and trained poolings."""
    task = f"blocks, AP, {'no noise added' if snr is None else f'SNR {snr:g}'}"
    every = [Blocks.of(pair, snr) for pair in pairs]
    poolings: list[tuple[str, Kind, Callable[[Blocks], Array]]] = [
        *((name, "fixed", _of_blocks(pool)) for name, pool in FIXED.items()),
        ("Gaussian, then max", "fixed", lambda each: blocks(each.smooth, SIDE).max(axis=-1)),
        ("Gaussian of the best width for each image, then max", "hindsight", _best_width),
        ("attention", "untrained", _contrast),
        ("deformable", "untrained", _centroids),
    ]
    for name, kind, pool in poolings:
        found = [average_precision(each.truth, pool(each)) for each in every]
        yield Score(task, name, kind, np.array([np.nanmean(found)]))
    for name, network in _NETWORKS.items():
        seeds, rounds = (1, 1) if quick else (network.seeds, network.rounds)
        examples = [each.example(network.smooth) for each in every]
        values = [_trained(network, examples, rounds, seed) for seed in range(seeds)]
        size = learned.parameters(network.make())
        yield Score(task, name, "trained", np.array(values), size)


def _of_blocks(pool: Callable[[Array], Array]) -> Callable[[Blocks], Array]:
    return lambda each: pool(blocks(each.values, SIDE))


def _best_width(each: Blocks) -> Array:
    """Of the image at all scales the one whose maxima tell blocks best."""
    pooled = [blocks(image, SIDE).max(axis=-1) for image in each.seen[0].numpy()]
    return max(pooled, key=lambda values: average_precision(each.truth, values))


def _contrast(each: Blocks) -> Array:
    """Attention as it is estimated; it is for values that are not negative."""
    lifted = each.values - each.values.min()
    pooled = adapool.attention_pooling(lifted, SIDE, ContrastAttention(), channel_axis=None)
    return np.asarray(pooled)


def _centroids(each: Blocks) -> Array:
    """The deformable pooling before it is trained."""
    given, _ = each.example(False)
    with torch.no_grad():
        pooled: Array = learned.Deformable().pool(*given).numpy()
    return pooled


def _trained(network: _Network, examples: Sequence[Example], rounds: int, seed: int) -> float:
    found = []
    for train, test in folds(examples):
        torch.manual_seed(seed)
        made = learned.fit(
            network.make(), learned.parts(train, seed, network.side), rounds * len(train),
            network.rate,
            nn.functional.binary_cross_entropy_with_logits,
        )  # fmt: skip
        for given, truth in test:
            with torch.no_grad():
                found.append(average_precision(truth.numpy() > 0, made(*given).numpy()))
    return float(np.nanmean(found))
