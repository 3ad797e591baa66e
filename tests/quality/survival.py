"""What survives pooling: is the pooled value of a block high where the block holds an object?"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from scipy import ndimage as ndi

import adapool
from adapool.estimators import BlobSizes, CentroidOffsets, ContrastAttention, ScaleSpaceSizes

from .fixed import FIXED, blocks
from .images import Annotated
from .scores import Array, average_precision

REDUCTIONS = (4, 8, 16)
NOISES: tuple[float | None, ...] = (None, 5.0, 2.0)  # signal to noise
CONTROL = "Gaussian, then max"
ADAPTIVE = ("attention", "dynamic", "deformable", "dynamic strides", "BlobSizes' map, max")

# Large images are cut to this, for time.
_MOST = 512
# A block is found if it is valued higher than this share of the blocks without an object.
_QUIET = 0.95

# Standard deviation of the control, and of the taps of the deformable convolution, in pixels.
_SIGMA = 2.0

Scores = dict[tuple[float | None, int, str], list[tuple[float, float]]]


def noisy(image: Array, labels: Array, snr: float | None) -> Array:
    """Add normal noise, objects being brighter by `snr` of it on average; then normalise."""
    image = image.astype(np.float64)
    if snr is not None:
        signal = image[labels > 0].mean() - image[labels == 0].mean()
        image = image + np.random.default_rng(0).normal(0, signal / snr, image.shape)
    return np.asarray((image - image.mean()) / image.std())


class Prepared:
    """What the adaptive methods compute once for all reductions."""

    def __init__(self, image: Array) -> None:
        self.image = image
        stack = image[np.newaxis, ..., np.newaxis]
        self.sizes = ScaleSpaceSizes(min_size=4, max_size=64, num_scales=8).predict(stack)[0]
        offsets = CentroidOffsets(sigma=4).predict(stack)
        steps = np.arange(-4, 5, 2)
        tap = np.exp(-(steps**2) / (2 * _SIGMA**2))
        weights = np.outer(tap, tap)[..., np.newaxis, np.newaxis] / tap.sum() ** 2
        self.moved = adapool.deformable_conv(
            image, weights, offsets, padding=4, dilation=2, channel_axis=None
        )
        self.smooth = ndi.gaussian_filter(image, _SIGMA)
        self.response = BlobSizes().response(stack)[0]

    def pool(self, side: int) -> dict[str, Array]:
        """The pooled maps of the adaptive methods, and of the control."""
        options: dict[str, Any] = {"channel_axis": None}
        lifted = self.image - self.image.min()  # attention is for values that are not negative
        # So much in front that windows one side apart are centered in blocks, but the first, which
        # is left out. What is put there is below all else, and no window's maximum.
        front = side - side // 2
        cut = tuple(n // side for n in self.image.shape)
        dynamic = adapool.dynamic_pooling(
            np.pad(self.image, (front, 0), constant_values=self.image.min()),
            np.pad(np.maximum(self.sizes, side), ((front, 0), (front, 0), (0, 0)), "edge"),
            stride=side,
            anchor="center",
            **options,
        )[1:, 1:]
        return {
            "attention": adapool.attention_pooling(lifted, side, ContrastAttention(), **options),
            "dynamic": dynamic[: cut[0], : cut[1]],
            "deformable": adapool.max_pooling(self.moved, side, **options),
            "dynamic strides": blocks(self._sites(side), side).mean(axis=-1),
            "BlobSizes' map, max": adapool.max_pooling(self.response, side, **options)
            + 1e-3 * adapool.max_pooling(self.smooth, side, **options),
            CONTROL: adapool.max_pooling(self.smooth, side, **options),
        }

    def _sites(self, side: int) -> Array:
        """Pool at as many sites as there are blocks, strides in proportion to sizes."""
        low, high = 0.01, 20.0
        for _ in range(12):
            scale = np.sqrt(low * high)
            strides = np.maximum(scale * self.sizes, 1)
            params = np.concatenate([strides, strides], axis=-1)
            sites = adapool.dynamic_stride_pooling(self.image, params, channel_axis=None)
            if len(sites.values) > self.image.size / side**2:
                low = scale
            else:
                high = scale
        return np.asarray(sites.to_map())


def small_found(labels: Array, pooled: Array, truth: Array, side: int) -> float:
    """Share of the objects under the median area whose best block stands out of the others."""
    rows, columns = pooled.shape
    labels = labels[: rows * side, : columns * side]
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    small = np.flatnonzero((areas > 0) & (areas < np.median(areas[areas > 0])))
    if not len(small) or truth.all():
        return float("nan")
    values = np.kron(pooled, np.ones((side, side)))
    best = np.asarray(ndi.maximum(values, labels, small))
    return float(np.mean(best > np.quantile(pooled[~truth], _QUIET)))


def measure(images: list[Annotated]) -> Scores:
    """Score every method on every image: (noise, reduction, method) -> (AP, small) per image."""
    scores: Scores = defaultdict(list)
    for each in images:
        assert each.labels is not None
        labels = each.labels[:_MOST, :_MOST]
        for snr in NOISES:
            image = noisy(each.image[:_MOST, :_MOST], labels, snr)
            prepared = Prepared(image)
            for side in REDUCTIONS:
                truth = blocks(labels, side).max(axis=-1) > 0
                cut = blocks(image, side)
                pooled = {name: pool(cut) for name, pool in FIXED.items()} | prepared.pool(side)
                for name, values in pooled.items():
                    pair = (
                        average_precision(truth, values),
                        small_found(labels, values, truth, side),
                    )
                    scores[snr, side, name].append(pair)
    return scores
