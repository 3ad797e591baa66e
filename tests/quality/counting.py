"""Count objects from what pooling leaves: a forest is given 16 features of each tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu
from sklearn.ensemble import RandomForestRegressor

from .scores import Array

TILE = 64  # pixels
FEATURES = 16
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
HALVINGS = 5
_RANGE = (0.05, 0.995)  # quantiles of the painted map that are 0 and 1


def tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield the whole tiles of an image: of a smaller one, the image."""
    rows, columns = (max(1, n // TILE) for n in shape)
    for row in range(rows):
        for column in range(columns):
            yield (
                slice(row * TILE, (row + 1) * TILE),
                slice(column * TILE, (column + 1) * TILE),
            )


def counts(labels: Array) -> Array:
    """Return how many objects have their centroid in each tile."""
    return _in_tiles(centroids(labels), labels.shape)


def centroids(labels: Array) -> Array:
    """Return the centroids of the regions from 1 on, in order of label."""
    objects = np.unique(labels[labels > 0])
    return np.reshape(ndi.center_of_mass(labels > 0, labels, objects), (-1, 2))


def features(owner: Array, values: Array) -> Array:
    """Describe each tile by the values, the numbers and the areas of the regions in it.

    Of the painted map in a tile: mean, standard deviation, five quantiles, maximum, and the share
    above Otsu's threshold of the whole map. Of the regions with their centroid in the tile: how
    many there are, how many above that threshold, how many above all that they touch; the mean and
    standard deviation of their values, and of the logarithm of the areas of those above.
    """
    image = np.r_[values.min(), values][owner]
    low, high = np.quantile(image, _RANGE)
    scaled = (values - low) / max(float(high - low), 1e-12)
    image = np.r_[scaled.min(), scaled][owner]
    areas = np.bincount(owner.ravel(), minlength=len(values) + 1)[1:]
    flat = image.max() == image.min()
    level = float(image.max()) if flat else float(threshold_otsu(image))
    peaks = scaled > highest_neighbours(owner, scaled)
    at = centroids(owner)
    rows = []
    for tile in tiles(owner.shape):
        part, here = image[tile], _inside(at, tile)
        above = here & (scaled > level)
        rows.append(
            [
                part.mean(),
                part.std(),
                *np.quantile(part, _QUANTILES),
                part.max(),
                (part > level).mean(),
                here.sum(),
                above.sum(),
                (here & peaks).sum(),
                *_moments(scaled[here]),
                *_moments(np.log(areas[above])),
            ]
        )
    return np.array(rows)


def highest_neighbours(owner: Array, values: Array) -> Array:
    """Return, for each region, the highest value among those that it touches."""
    highest = np.full(len(values) + 1, -np.inf)
    known = np.r_[-np.inf, values]
    for one, other in ((owner[1:], owner[:-1]), (owner[:, 1:], owner[:, :-1])):
        differ = one != other
        a, b = one[differ], other[differ]
        np.maximum.at(highest, a, known[b])
        np.maximum.at(highest, b, known[a])
    return highest[1:]


def error(described: Sequence[Array], counted: Sequence[Array]) -> float:
    """Mean absolute error: trained on one half of the images, scored on the other, both ways.

    The halves are the even and the odd ones. NaN where there are less than four images.
    """
    return _error(described, counted, [np.r_[0 : len(counted) : 2, 1 : len(counted) : 2]])


def error_shuffled(described: Sequence[Array], counted: Sequence[Array]) -> float:
    """Mean of `error` over halvings at random: few images are crowded, and their half decides."""
    rng = np.random.default_rng(0)
    return _error(described, counted, [rng.permutation(len(counted)) for _ in range(HALVINGS)])


def _error(described: Sequence[Array], counted: Sequence[Array], orders: Sequence[Array]) -> float:
    if len(described) < 4:
        return float("nan")
    errors = []
    for order in orders:
        middle = (len(order) + 1) // 2
        for train, test in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            forest = RandomForestRegressor(50, min_samples_leaf=3, random_state=0)
            forest.fit(*(np.concatenate([each[i] for i in train]) for each in (described, counted)))
            guessed = forest.predict(np.concatenate([described[i] for i in test]))
            errors.append(np.abs(guessed - np.concatenate([counted[i] for i in test])))
    return float(np.concatenate(errors).mean())


def _moments(values: Array) -> tuple[float, float]:
    return (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)


def _inside(points: Array, tile: tuple[slice, slice]) -> Array:
    (top, bottom), (left, right) = ((each.start, each.stop) for each in tile)
    row, column = points.T
    return np.asarray((row >= top) & (row < bottom) & (column >= left) & (column < right))


def _in_tiles(points: Array, shape: tuple[int, ...]) -> Array:
    return np.array([_inside(points, tile).sum() for tile in tiles(shape)])
