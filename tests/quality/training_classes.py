"""Is this object small or large? Share of patches that a two-layer classifier tells right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import nn

from adapool.estimators import BlobSizes, ObjectRegions

from . import learned
from .learned import Classifier, FixedPool, ObjectPool, SizedPool
from .scores import Array
from .training_score import Kind, Pair, Score, folds

TASK = "small or large, share right"
DYNAMIC, REGION = "dynamic", "region"
AREA = "area of the region, nothing trained"
SEEDS = 5

PATCH = 32  # pixels, of the images that are classified
_PATCHES = 40  # at most, of one image
_MOVED = 6  # pixels: objects lie up to so far from the middle
_BLOCK = 16  # pixels, of the pooling: four values a channel
_CHANNELS = 4
_NOISE = 0.5  # standard deviations of the image
_ROUNDS, _RATE, _BATCH = 6, 0.01, 32


class Patch(NamedTuple):
    """A part of an image around an object, not quite in the middle, and what is known of it."""

    image: Array
    region: Array  # which of its pixels are of the region nearest to its middle
    sizes: Array  # of windows
    area: int  # of the object
    found: int  # pixels of the region


def _patches(pair: Pair, rng: np.random.Generator) -> Iterator[Patch]:
    image, labels = pair
    values = (image - np.median(image)) / image.std()
    values = values + rng.normal(0, _NOISE, values.shape)
    stack = values[np.newaxis, ..., np.newaxis]
    _, sizes, inside = BlobSizes(shape="size").analyse(stack)
    regions = ObjectRegions(objects=inside[0]).predict(stack)[0]
    padded = [np.pad(each, PATCH, mode="reflect") for each in (values, regions, sizes[0, ..., 0])]
    areas, extents = np.bincount(labels.ravel()), np.bincount(regions.ravel())
    extents[0] = 0
    objects = 1 + np.flatnonzero(areas[1:])
    chosen = rng.permutation(objects)[:_PATCHES]
    centres = np.reshape(ndi.center_of_mass(labels > 0, labels, chosen), (-1, 2))
    away = np.hypot(*(np.indices((PATCH, PATCH)) - (PATCH - 1) / 2))
    for number, centre in zip(chosen, centres, strict=True):
        moved = np.rint(centre).astype(int) + rng.integers(-_MOVED, _MOVED + 1, 2)
        row, column = moved + PATCH - PATCH // 2
        part = np.s_[row : row + PATCH, column : column + PATCH]
        own = padded[1][part]
        nearest = own.flat[np.where(own > 0, away, np.inf).argmin()]
        region = (own == nearest) & (nearest > 0)
        yield Patch(
            padded[0][part], region, padded[2][part], int(areas[number]), int(extents[nearest])
        )


def class_scores(
    pairs: Sequence[Pair], seeds: int = SEEDS, rounds: int = _ROUNDS
) -> Iterator[Score]:
    """Share of objects that are told right as below or above the median area, for each seed."""
    rng = np.random.default_rng(0)
    by_image = [list(_patches(pair, rng)) for pair in pairs]
    middle = float(np.median([patch.area for image in by_image for patch in image]))
    yield Score(TASK, AREA, "untrained", np.array([_by_area(by_image, middle)]))
    four = _CHANNELS * (PATCH // _BLOCK) ** 2
    poolings: list[tuple[str, Kind, Callable[[], nn.Module], int]] = [
        *((name, "fixed", _fixed(name), four) for name in learned.FIXED_LAYERS),
        (DYNAMIC, "untrained", lambda: SizedPool(_CHANNELS, _BLOCK, False), four),
        (DYNAMIC, "trained", lambda: SizedPool(_CHANNELS, _BLOCK, True), four),
        (REGION, "untrained", lambda: ObjectPool(_CHANNELS, False), _CHANNELS),
        (REGION, "trained", lambda: ObjectPool(_CHANNELS, True), _CHANNELS),
    ]
    batches = [(_batch(train, middle), _batch(test, middle)) for train, test in folds(by_image)]
    for name, kind, make, values in poolings:
        right = np.array(
            [_shares_right(make, values, batches, seed, rounds) for seed in range(seeds)]
        )
        size = learned.parameters(Classifier(make(), values, _CHANNELS))
        yield Score(TASK, name, kind, right[:, 0], size, float(right[:, 1].mean()))


def _fixed(name: str) -> Callable[[], nn.Module]:
    return lambda: FixedPool(name, _BLOCK)


def _by_area(by_image: Sequence[Sequence[Patch]], middle: float) -> float:
    """Cut the estimated area where it tells most of the images to train on right."""
    right = []
    for train, test in folds(by_image):
        found, large = _areas(train, middle)
        levels = np.unique(found)
        level = levels[np.argmax([np.mean((found > each) == large) for each in levels])]
        found, large = _areas(test, middle)
        right.append((found > level) == large)
    return float(np.concatenate(right).mean())


def _areas(images: Sequence[Sequence[Patch]], middle: float) -> tuple[Array, Array]:
    both = np.array([(patch.found, patch.area > middle) for image in images for patch in image])
    return both[:, 0], both[:, 1] > 0


def _batch(
    images: Sequence[Sequence[Patch]], middle: float
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    patches = [patch for image in images for patch in image]
    image, region, sizes = (
        torch.from_numpy(np.stack([getattr(patch, name) for patch in patches])[:, np.newaxis])
        for name in ("image", "region", "sizes")
    )
    large = np.array([patch.area > middle for patch in patches], np.float32)
    return (image.float(), region, sizes.float()), torch.from_numpy(large)


def _shares_right(
    make: Callable[[], nn.Module],
    values: int,
    batches: Sequence[tuple[learned.Example, learned.Example]],
    seed: int,
    rounds: int,
) -> tuple[float, float]:
    """Return the share of the patches left out, and of those trained on."""
    hits: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for (given, large), (others, wanted) in batches:
        torch.manual_seed(seed)
        order = np.random.default_rng(seed)
        turns = [
            (tuple(each[part] for each in given), large[part])
            for _ in range(rounds)
            for part in torch.from_numpy(order.permutation(len(large))).split(_BATCH)
            if len(part) > 1  # of one alone there is no spread
        ]
        network = learned.fit(
            Classifier(make(), values, _CHANNELS), turns, len(turns), _RATE,
            nn.functional.binary_cross_entropy_with_logits,
        )  # fmt: skip
        with torch.no_grad():
            hits[0].append((network(*others) > 0) == (wanted > 0))
            hits[1].append((network(*given) > 0) == (large > 0))
    left_out, fitted = (float(torch.cat(each).float().mean()) for each in hits)
    return left_out, fitted
