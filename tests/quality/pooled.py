"""Scores of a partition and of its pooled values: own, fg and read."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .scores import Array

# Share of an object and its region in what they cover together, from which it owns an output.
_OWNS = 0.5

# Levels at which the painted map is cut: quantiles of its pixels.
_LEVELS = np.linspace(0.02, 0.995, 60)

# How far a value may be from an object's true maximum, in units of the maximum over background.
_CLOSE = 0.05


def reduced(image: Array, owner: Array, reduction: str) -> Array:
    """Return the value of each region, from 1 on: its maximum or its mean."""
    index = np.arange(1, int(owner.max()) + 1)
    reduce = ndi.maximum if reduction == "max" else ndi.mean
    return np.asarray(reduce(image.astype(np.float64), owner, index))


def painted(values: Array, owner: Array) -> Array:
    """Paint each value over its region; what belongs to none has the lowest value."""
    return np.asarray(np.r_[values.min(), values][owner])


def owned(labels: Array, owner: Array) -> tuple[Array, Array]:
    """Return which objects own an output, and which are under the median area."""
    objects, number = np.unique(labels, return_inverse=True)
    table = np.zeros((len(objects), int(owner.max()) + 1))
    np.add.at(table, (number.ravel(), owner.ravel()), 1)
    areas, regions = table.sum(axis=1, keepdims=True), table.sum(axis=0)
    iou = (table / (areas + regions - table))[:, 1:].max(axis=1)
    is_object = objects > 0
    areas = areas[is_object, 0]
    return iou[is_object] >= _OWNS, areas < np.median(areas)


def foreground(labels: Array, values: Array) -> float:
    """Return the largest IoU of the painted map, cut at one of 60 levels, with the objects."""
    inside = labels > 0
    order = np.argsort(values.ravel(), kind="stable")
    ranked = values.ravel()[order]
    # Above a level are the pixels from there on.
    first = np.searchsorted(ranked, np.quantile(ranked, _LEVELS), side="left")
    both = np.r_[np.cumsum(inside.ravel()[order][::-1])[::-1], 0][first]
    return float((both / (inside.sum() + (values.size - first) - both)).max())


def readable(labels: Array, image: Array, values: Array) -> Array:
    """Return which objects have, painted at their centroid, (nearly) their true maximum."""
    objects = np.unique(labels[labels > 0])
    true = np.asarray(ndi.maximum(image.astype(np.float64), labels, objects))
    at = np.rint(ndi.center_of_mass(labels > 0, labels, objects)).astype(int)
    background = float(np.median(image[labels == 0])) if (labels == 0).any() else float(image.min())
    return np.asarray(np.abs(values[tuple(at.T)] - true) <= _CLOSE * (true - background))
