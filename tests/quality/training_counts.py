"""How many objects are in this tile? Mean absolute error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import nn

import adapool
from adapool.estimators import BlobSizes

from . import learned
from .counting import TILE, counts
from .learned import BlockCounter, Example, PeakCounter
from .scores import Array
from .training_score import Kind, Pair, Score, folds

TASK = "counts in tiles, mean absolute error"
TRAINED = "peaks in windows of trained sizes"
UNTRAINED = "peaks in windows of BlobSizes"
POINTS = "peak_local_max, nothing trained"

_HALF = 2  # pixels that are one, for time
_WINDOWS = (11, 17)  # pixels of those: of fixed windows
_LEAST = 3.0  # pixels of those: of windows around objects of a pixel or two
_SEEDS, _ROUNDS, _RATE = 3, 6, 0.05


def _halved(image: Array) -> Array:
    rows, columns = (n // _HALF for n in image.shape)
    return np.asarray(image.reshape(rows, _HALF, columns, _HALF).mean(axis=(1, 3)))


def _example(pair: Pair) -> tuple[Example, Array]:
    """Return what a network is given and should say, and the points of `peak_local_max`."""
    rows, columns = (n // TILE * TILE for n in pair[0].shape)
    image, labels = (each[:rows, :columns] for each in pair)
    image = image.astype(np.float64)
    sizes = BlobSizes(shape="size").predict(image[np.newaxis, ..., np.newaxis])[0, ..., 0]
    given = (
        learned.scales(_halved(image)),
        learned.plane(np.maximum(_halved(sizes) / _HALF, _LEAST)),
    )
    wanted = counts(labels).reshape(rows // TILE, columns // TILE)
    points = np.zeros(wanted.shape)
    np.add.at(points, tuple(adapool.peak_local_max(image).T // TILE), 1)
    return (given, learned.plane(wanted)), points


def count_scores(
    pairs: Sequence[Pair], seeds: int = _SEEDS, rounds: int = _ROUNDS
) -> Iterator[Score]:
    """Mean absolute error of counts in tiles, for each seed."""
    found = [_example(pair) for pair in pairs if min(pair[0].shape) >= TILE]
    wrong = [np.abs(points - example[1].numpy()[0, 0]).ravel() for example, points in found]
    yield Score(TASK, POINTS, "untrained", np.array([np.concatenate(wrong).mean()]))
    tile = TILE // _HALF
    counters: list[tuple[str, Kind, Callable[[], nn.Module]]] = [
        *(
            (f"{name} over blocks of 8", "fixed", _blocks(name, tile))
            for name in learned.FIXED_LAYERS
        ),
        *(
            (f"peaks in windows of {_HALF * size}", "fixed", _peaks(size, tile))
            for size in _WINDOWS
        ),
        (UNTRAINED, "untrained", lambda: PeakCounter(None, tile)),
        (TRAINED, "trained", lambda: PeakCounter(None, tile, trained=True)),
    ]
    examples = [example for example, _ in found]
    for name, kind, make in counters:
        errors = np.array([_errors(make, examples, seed, rounds) for seed in range(seeds)])
        fitted = float(errors[:, 1].mean())
        yield Score(TASK, name, kind, errors[:, 0], learned.parameters(make()), fitted)


def _blocks(name: str, tile: int) -> Callable[[], nn.Module]:
    return lambda: BlockCounter(name, tile, learned.SIDE // _HALF)


def _peaks(size: int, tile: int) -> Callable[[], nn.Module]:
    return lambda: PeakCounter(size, tile)


def _errors(
    make: Callable[[], nn.Module], examples: Sequence[Example], seed: int, rounds: int
) -> tuple[float, float]:
    """Return the error on the images left out, and on those trained on."""
    wrong: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for train, test in folds(examples):
        torch.manual_seed(seed)
        network = learned.fit(
            make(), learned.turns(train, seed), rounds * len(train), _RATE,
            nn.functional.smooth_l1_loss,
        )  # fmt: skip
        for found, given in zip(wrong, (test, train), strict=True):
            with torch.no_grad():
                found += [(network(*inputs) - wanted).abs().flatten() for inputs, wanted in given]
    left_out, fitted = (float(torch.cat(found).mean()) for found in wrong)
    return left_out, fitted
