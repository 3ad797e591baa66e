"""The numbers in the captions: how the windows fit the objects of the image."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from adapool._backends import Array


def label_blocks(shape: tuple[int, ...], size: int) -> Array:
    """Return the partition into square blocks, numbered from 1 on."""
    rows, columns = (np.arange(n) // size for n in shape)
    return np.asarray(1 + rows[:, np.newaxis] * (columns[-1] + 1) + columns)


def alone(labels: Array, windows: Array) -> int:
    """Count the objects that have a window to themselves.

    It must hold at least 90 percent of their pixels, and no other object may have most of its
    pixels there. Label 0 is background in one, and stands for no window in the other.
    """
    inside = labels > 0
    # A window more than there are, so that there always is one.
    shared = np.zeros((labels.max() + 1, windows.max() + 2), np.int64)
    np.add.at(shared, (labels[inside], windows[inside]), 1)
    totals, shared = shared[1:].sum(axis=1), shared[1:, 1:]
    best, most = shared.argmax(axis=1), shared.max(axis=1)
    whole = most >= 0.9 * totals
    # Objects without any window occupy none.
    occupants = np.bincount(best[most > 0], minlength=shared.shape[1])
    return int(np.sum(whole & (occupants[best] == 1)))


def level_between(labels: Array, pooled: Array, step: int) -> float:
    """Return the mean, over background, of a map with a centered window each `step` pixels."""
    return float(pooled[labels[::step, ::step] == 0].mean())


def prominence(labels: Array, pooled: Array, step: int) -> float:
    """Return the mean on objects less that on background, of a map of blocks of `step` pixels."""
    objects = labels[step // 2 :: step, step // 2 :: step] > 0
    return float(pooled[objects].mean() - pooled[~objects].mean())


def innermost(sizes: Array, labels: Array) -> Array:
    """Return the (row, column) of each object where the largest window lies."""
    return np.array(ndimage.maximum_position(sizes, labels, np.arange(1, labels.max() + 1)))
