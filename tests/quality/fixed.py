"""Fixed pooling, as published, over blocks of an image: (rows, columns, K) -> (rows, columns)."""

from __future__ import annotations

import numpy as np

from .scores import Array

# Local importance pooling scales a sigmoid by this before the exponential (its section 4.2).
_LIP_SCALE = 12.0


def blocks(image: Array, side: int) -> Array:
    """Cut an image into its whole blocks."""
    rows, columns = (n // side for n in image.shape)
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.asarray(cut.swapaxes(1, 2).reshape(rows, columns, side * side))


def maximum(values: Array) -> Array:
    return np.asarray(values.max(axis=-1))


def mean(values: Array) -> Array:
    return np.asarray(values.mean(axis=-1))


def soft(values: Array) -> Array:
    """SoftPool (Stergiou, Poppe and Kalliatakis, ICCV 2021): weights exp(x)."""
    return _weighted(values, values)


def lip(values: Array) -> Array:
    """Local importance pooling (Gao, Wang and Wu, ICCV 2019): weights exp(12 sigmoid(x)).

    Its logits are learned, then normalised over the image. Untrained, they are the image itself,
    which is normalised already.
    """
    return _weighted(values, _LIP_SCALE / (1 + np.exp(-values)))


def ada(values: Array) -> Array:
    """AdaPool (Stergiou and Poppe, TIP 2023): half SoftPool, half weights exp(Dice(x, mean)).

    The share of the two is learned; untrained, it is a half.
    """
    centre = values.mean(axis=-1, keepdims=True)
    dice = 2 * np.abs(values * centre) / (values**2 + centre**2 + 1e-12)
    return 0.5 * soft(values) + 0.5 * _weighted(values, dice)


def _weighted(values: Array, logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray((weights * values).sum(axis=-1) / weights.sum(axis=-1))


FIXED = {"max": maximum, "mean": mean, "SoftPool": soft, "LIP": lip, "adaPool": ada}
