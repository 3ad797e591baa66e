"""How well windows and points fit objects: shares that the picture tells."""

from __future__ import annotations

import numpy as np
from skimage import metrics

from adapool._backends import Array


def label_blocks(shape: tuple[int, ...], size: int) -> Array:
    """Return the partition into square blocks, numbered from 1 on."""
    row, column = np.indices(shape) // size
    return np.asarray(1 + row * (column.max() + 1) + column)


def share_owned(labels: Array, windows: Array) -> float:
    """Return the share of objects that a window is like: as an intersection over union, 0.5.

    Label 0 is background in one, and stands for no window in the other.
    """
    shared = metrics.contingency_table(labels, windows).toarray()
    either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    alike = shared >= either / 2
    return float(alike[1:, 1:].any(axis=1).mean())


def count_beside(labels: Array, points: Array) -> int:
    """Return how many points lie in no object."""
    return int((labels[tuple(points.T)] == 0).sum())


def share_marked(labels: Array, points: Array) -> float:
    """Return the share of objects that hold just one point."""
    held = np.bincount(labels[tuple(points.T)], minlength=labels.max() + 1)
    return float((held[1:] == 1).mean())
