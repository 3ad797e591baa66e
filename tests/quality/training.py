"""What training through a pooling gains: three tasks, two folds, networks under 20,000 parameters.

Each network is trained on one half of the images and scored on the other, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import nn

import adapool

from . import learned
from .counting import TILE, counts
from .fixed import FIXED, blocks
from .learned import SIDE, SIGMA, Example
from .scores import Array, average_precision
from .survival import noisy

NOISES: tuple[float | None, ...] = (None, 5.0, 2.0)  # signal to noise
SEEDS = 5

PATCH = 32  # pixels, of the images that are classified
_PATCHES = 40  # at most, of one image
_MOVED = 6  # pixels: objects lie up to so far from the middle
_BLOCK = 16  # pixels, of the classifier's pooling: four values a channel

Pair = tuple[Array, Array]  # an image and its labels
Patch = tuple[Array, int]  # a part of an image around an object, and the object's area
Item = TypeVar("Item")


class Score(NamedTuple):
    """A number for each left-out image, or for each seed, of one method."""

    task: str
    method: str
    values: Array
    parameters: int = 0


def folds(items: Sequence[Item]) -> list[tuple[Sequence[Item], Sequence[Item]]]:
    """Return (to train, to score) twice: the even and the odd ones."""
    return [(items[1::2], items[::2]), (items[::2], items[1::2])]


# --- does this block hold an object? ------------------------------------------------------------


def _block_example(pair: Pair, snr: float | None) -> tuple[Array, Example]:
    """Return the image of whole blocks, and what a network is given and should say."""
    values = noisy(*pair, snr)
    rows, columns = (n // SIDE * SIDE for n in values.shape)
    values = values[:rows, :columns]
    truth = blocks(pair[1], SIDE).max(axis=-1) > 0
    image = torch.from_numpy((values - values.min()).astype(np.float32))[None, None]
    given = (image, learned.scales(values))
    return values, (given, torch.from_numpy(truth.astype(np.float32))[None, None])


def block_scores(pairs: Sequence[Pair], snr: float | None, rounds: int = 30) -> Iterator[Score]:
    """Average precision of fixed, and of trained, poolings."""
    task = f"blocks, AP, {'no noise added' if snr is None else f'SNR {snr:g}'}"
    networks: dict[str, Callable[[], nn.Module]] = {
        "attention": learned.Attention,
        "attention after a Gaussian": learned.Attention,
        "deformable": learned.Deformable,
    }
    scores: dict[str, list[float]] = {}
    for train, test in folds([_block_example(pair, snr) for pair in pairs]):
        for name, make in networks.items():
            torch.manual_seed(0)
            prepared = _smoothed if "Gaussian" in name else _as_it_is
            given = [prepared(example) for _, example in train]
            network = learned.fit(
                make(), learned.turns(given, 0), rounds * len(given), 0.02,
                nn.functional.binary_cross_entropy_with_logits,
            )  # fmt: skip
            for _, example in test:
                inputs, truth = prepared(example)
                with torch.no_grad():
                    score = average_precision(truth.numpy() > 0, network(*inputs).numpy())
                scores.setdefault(f"{name}, trained", []).append(score)
        for values, (_, wanted) in test:
            truth, cut = wanted[0, 0].numpy() > 0, blocks(values, SIDE)
            for name, pool in FIXED.items():
                scores.setdefault(name, []).append(average_precision(truth, pool(cut)))
            smooth = blocks(ndi.gaussian_filter(values, SIGMA), SIDE).max(axis=-1)
            scores.setdefault("Gaussian, then max", []).append(average_precision(truth, smooth))
    for name, found in scores.items():
        yield Score(task, name, np.array(found))


def _as_it_is(example: Example) -> Example:
    return example


def _smoothed(example: Example) -> Example:
    (image, seen), wanted = example
    smooth = ndi.gaussian_filter(image[0, 0].numpy(), SIGMA)
    return (torch.from_numpy(smooth - smooth.min())[None, None], seen), wanted


# --- how many objects are in this tile? ---------------------------------------------------------


def _count_example(pair: Pair) -> Example:
    image, labels = pair
    rows, columns = (n // TILE * TILE for n in image.shape)
    image, labels = image[:rows, :columns].astype(np.float64), labels[:rows, :columns]
    values = (image - np.median(image)) / image.std()
    wanted = counts(labels).reshape(rows // TILE, columns // TILE)
    as_tensor = torch.from_numpy(values.astype(np.float32))[None, None]
    return (as_tensor,), torch.from_numpy(wanted.astype(np.float32))[None, None]


def count_scores(pairs: Sequence[Pair], seeds: int = SEEDS, rounds: int = 30) -> Iterator[Score]:
    """Mean absolute error of counts in tiles, for each seed."""
    whole = [pair for pair in pairs if min(pair[0].shape) >= TILE]
    for pooling in ("max", "mean", "attention", "dynamic"):
        errors, size = [], 0
        for seed in range(seeds):
            wrong = []
            for train, test in folds([_count_example(pair) for pair in whole]):
                torch.manual_seed(seed)
                network = learned.fit(
                    learned.Counter(pooling, TILE), learned.turns(train, seed),
                    rounds * len(train), 0.01, nn.functional.smooth_l1_loss,
                )  # fmt: skip
                size = learned.parameters(network)
                with torch.no_grad():
                    wrong += [(network(*x) - y).abs().flatten() for x, y in test]
            errors.append(float(torch.cat(wrong).mean()))
        yield Score("counts in tiles, mean absolute error", pooling, np.array(errors), size)


# --- is this object small or large? -------------------------------------------------------------


def _patches(pair: Pair, rng: np.random.Generator) -> Iterator[Patch]:
    """Yield parts of an image around objects, not quite in the middle, with the object's area."""
    image, labels = pair
    values = (image - np.median(image)) / image.std()
    padded = np.pad(values, PATCH, mode="reflect")
    areas = np.bincount(labels.ravel())
    objects = 1 + np.flatnonzero(areas[1:])
    chosen = rng.permutation(objects)[:_PATCHES]
    centres = np.reshape(ndi.center_of_mass(labels > 0, labels, chosen), (-1, 2))
    for number, centre in zip(chosen, centres, strict=True):
        moved = np.rint(centre).astype(int) + rng.integers(-_MOVED, _MOVED + 1, 2)
        row, column = moved + PATCH - PATCH // 2
        yield padded[row : row + PATCH, column : column + PATCH], int(areas[number])


def _classified(pairs: Sequence[Pair]) -> list[list[Patch]]:
    """Return patches and their areas, by image."""
    rng = np.random.default_rng(0)
    return [
        [(patch + rng.normal(0, 0.5, patch.shape), area) for patch, area in _patches(pair, rng)]
        for pair in pairs
    ]


def class_scores(pairs: Sequence[Pair], seeds: int = SEEDS, rounds: int = 8) -> Iterator[Score]:
    """Share of objects that are told right as below or above the median area, for each seed."""
    by_image = _classified(pairs)
    middle = float(np.median([area for image in by_image for _, area in image]))
    for pooling in ("max", "mean", "attention", "dynamic"):
        right, size = [], 0
        for seed in range(seeds):
            hits = []
            for train, test in folds(by_image):
                torch.manual_seed(seed)
                x, y = _batch(train, middle)
                order = np.random.default_rng(seed)
                batches = [
                    ((x[part],), y[part])
                    for _ in range(rounds)
                    for part in torch.from_numpy(order.permutation(len(y))).split(32)
                ]
                network = learned.fit(
                    learned.Classifier(pooling, PATCH, _BLOCK), batches, len(batches), 0.01,
                    nn.functional.binary_cross_entropy_with_logits,
                )  # fmt: skip
                size = learned.parameters(network)
                x, y = _batch(test, middle)
                with torch.no_grad():
                    hits.append((network(x) > 0) == (y > 0))
            right.append(float(torch.cat(hits).float().mean()))
        yield Score("small or large, share right", pooling, np.array(right), size)


def _batch(images: Sequence[Sequence[Patch]], middle: float) -> tuple[torch.Tensor, torch.Tensor]:
    patches = [patch for image in images for patch in image]
    x = np.stack([part for part, _ in patches])[:, np.newaxis].astype(np.float32)
    y = np.array([area > middle for _, area in patches], np.float32)
    return torch.from_numpy(x), torch.from_numpy(y)


def scores(pairs: Sequence[Pair]) -> Iterator[Score]:
    """Yield all, task by task."""
    torch.set_num_threads(adapool.get_num_threads())
    for snr in NOISES:
        yield from block_scores(pairs, snr)
    yield from count_scores(pairs)
    yield from class_scores(pairs)
