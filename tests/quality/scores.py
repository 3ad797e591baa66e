"""Scores of points and of pooled maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

Array = NDArray[Any]


def f1_of_labels(labels: Array, points: Array) -> float:
    """F1 of points on a label image: one hit for each label, whatever else is a false one."""
    hit = labels[tuple(points.T)]
    hits = len(np.unique(hit[hit > 0]))
    objects = len(np.unique(labels[labels > 0]))
    return 2 * hits / max(len(points) + objects, 1)


def hits_of_spots(spots: Array, points: Array, reach: float = 3.0) -> int:
    """How many spots and points can be paired, one to one, within `reach` pixels."""
    if not len(points):
        return 0
    near = cdist(spots, points) <= reach
    rows, columns = linear_sum_assignment(~near)
    return int(near[rows, columns].sum())


def f1_of_spots(spots: Array, points: Array) -> float:
    return 2 * hits_of_spots(spots, points) / max(len(spots) + len(points), 1)


def average_precision(truth: Array, values: Array) -> float:
    """Mean, over the true ones, of the precision among what is valued no lower."""
    order = np.argsort(-values.ravel(), kind="stable")
    values, truth = values.ravel()[order], truth.ravel()[order].astype(bool)
    hits = np.cumsum(truth)
    # Ties are entered together.
    last = np.searchsorted(-values, -values, side="right") - 1
    precision = hits[last] / (last + 1)
    return float(precision[truth].mean()) if truth.any() else float("nan")
