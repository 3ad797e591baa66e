"""How well windows with an object's true second moments fit the object."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .scores import Array

WINDOWS = ("square", "box", "disc", "ellipse along the axes", "oriented ellipse")
_LONG = 1.6  # aspect from which an object is long


def windows(row: Array, column: Array, covariance: Array) -> dict[str, Array]:
    """Return masks of windows about the origin, where (row, column) lie, by second moments.

    An ellipse with semiaxes a has the variances ``a**2 / 4``. The box is that around the ellipse,
    the square has the longer side of it, the disc has the area of the ellipse.
    """
    inverse = np.linalg.inv(covariance)
    half = 2 * np.sqrt(np.diag(covariance))
    area = 4 * np.sqrt(np.linalg.det(covariance))  # over pi
    form = inverse[0, 0] * row**2 + 2 * inverse[0, 1] * row * column + inverse[1, 1] * column**2
    return {
        "square": (np.abs(row) <= half.max()) & (np.abs(column) <= half.max()),
        "box": (np.abs(row) <= half[0]) & (np.abs(column) <= half[1]),
        "disc": row**2 + column**2 <= area,
        "ellipse along the axes": (row / half[0]) ** 2 + (column / half[1]) ** 2 <= 1,
        "oriented ellipse": form <= 4,
    }


def covariance_of(points: Array) -> Array:
    """Return the second moments of pixels, each of which has an extent of its own."""
    centred = points - points.mean(axis=0)
    return np.asarray(centred.T @ centred / len(points) + np.eye(2) / 12)


def measure(pairs: Iterable[tuple[Array, Array]]) -> dict[str, tuple[float, float, float]]:
    """Of each window: mean IoU, that of long objects, share with the maximum of another object."""
    found: dict[str, list[tuple[float, bool]]] = {name: [] for name in WINDOWS}
    long = []
    for image, labels in pairs:
        grid = np.indices(labels.shape)
        for number in np.unique(labels[labels > 0]):
            inside = labels == number
            points = np.argwhere(inside)
            covariance = covariance_of(points)
            least, most = np.linalg.eigvalsh(covariance)
            long.append(most > _LONG**2 * least)
            centre = points.mean(axis=0)
            # What is farther than the corner of the square is in no window.
            reach = int(np.ceil(4 * np.sqrt(most))) + 1
            part = tuple(slice(max(0, round(c) - reach), round(c) + reach + 1) for c in centre)
            row, column = grid[0][part] - centre[0], grid[1][part] - centre[1]
            for name, window in windows(row, column, covariance).items():
                both = np.count_nonzero(window & inside[part])
                iou = both / (len(points) + np.count_nonzero(window) - both)
                winner = labels[part][window][image[part][window].argmax()] if both else 0
                found[name].append((iou, winner not in (0, number)))
    rows = {}
    for name, each in found.items():
        iou, other = np.array(each, float).T
        chosen = np.array(long, bool)
        rows[name] = (
            float(iou.mean()),
            float(iou[chosen].mean()) if chosen.any() else float("nan"),
            float(other.mean()),
        )
    return rows
