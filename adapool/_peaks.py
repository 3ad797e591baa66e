"""Local maxima, each in a window of its own: what `peak_local_max` does once it has its arrays.

Everything is (plane, row, column), as it is for kernels; points are rows of such indices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label

from adapool import _arguments, _peak_arguments
from adapool._backends import Array, Triple, plain
from adapool._layout import Layout, to_triple
from adapool._networks import grid_prediction
from adapool._otsu import otsu
from adapool._windows import size_columns, size_limits
from adapool.estimators import BlobSizes

Points = NDArray[np.int64]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Field:
    """A response map, and a window for each of its pixels.

    Attributes
    ----------
    response : (plane, row, column) array
        The map.
    sizes : (plane, row, column, P) array
        Window sizes, as a network gave them.
    columns, limits : triple of int
        Which of the P is the size along an axis, and what it saturates at.
    own_map : bool
        Whether the network made the map, as opposed to the image being it.
    """

    response: Array
    sizes: Array
    columns: Triple
    limits: Triple
    own_map: bool

    def sizes_at(self, points: Points) -> Points:
        """Return the size of the windows of points along each axis, before they are cut."""
        given = self.sizes[tuple(points.T)]
        sizes = np.ones(points.shape, np.int64)
        for axis, column in enumerate(self.columns):
            if column >= 0:
                # Clipped as floats: an int64 may not hold what a float does.
                sizes[:, axis] = np.clip(given[:, column], 0, self.limits[axis])
        return sizes


def ask(network: Any, spacing: Any, layout: Layout, image: Array) -> Field:
    """Return the response map and the sizes that a network, or the default one, gives."""
    if network is None:
        network = BlobSizes(spacing=spacing)
    elif spacing is not None:
        _peak_arguments.spacing_with_network(spacing)
    own_map = hasattr(network, "response")
    if hasattr(network, "response_and_sizes"):
        response, network = network.response_and_sizes(layout.as_given_to_networks(image))
    elif own_map:
        response = network.response(layout.as_given_to_networks(image))
    else:
        response = image[..., 0] if layout.channels == 1 else image.max(axis=-1)
        response = response.reshape(1, *layout.spatial)
    widths = (1, layout.ndim, 2 * layout.ndim)
    sizes = grid_prediction("param_network", network, layout, image, layout.spatial, widths)
    return Field(
        response=_checked_response(response, layout),
        sizes=plain(sizes)[0],
        columns=size_columns(layout.ndim, sizes.shape[-1]),
        limits=size_limits(layout.spatial, None),
        own_map=own_map,
    )


def _checked_response(response: Any, layout: Layout) -> Array:
    array = _arguments.network_result("param_network.response", response)
    wanted = (1, *layout.spatial)
    if array.shape not in (wanted, layout.spatial, (*wanted, 1)):
        _arguments.wrong_shape("param_network.response", array.shape, str(wanted))
    response_map: Array = plain(array).reshape(layout.volume)
    return response_map


def find(
    backend: ModuleType,
    field: Field,
    level: float | None,
    regions: Array | None,
    border: bool | tuple[int, ...],
) -> Points:
    """Return the peaks above `level`, in order, that are not too near to the border."""
    if level is None:
        level = 0.0 if field.own_map else _level(field.response)
    with np.errstate(over="ignore"):  # beyond what its dtype holds, nothing is above the level
        above = field.response > level
    wins = candidates(backend, field, regions) & above
    points = peaks(backend, field, wins, regions)
    return away_from_border(field, points, border) if border is not False else points


def _level(response: Array) -> float:
    """Return the threshold of a map that has none of its own."""
    values = response[np.isfinite(response)]
    if not len(values) or values.min() == values.max():
        return float(_lowest(np.dtype(np.float64)))
    return otsu(values)


# --- candidates ---------------------------------------------------------------------------------


def candidates(backend: ModuleType, field: Field, regions: Array | None) -> NDArray[np.bool_]:
    """Mark the pixels that win their own window, within their region where there are some."""
    wins = np.zeros(field.response.shape, np.bool_)
    for box, inside in _searched(field, regions):
        response, sizes = field.response[box], field.sizes[box]
        if inside is not None:
            response = np.where(inside, response, _lowest(response.dtype))
        pooled, _ = backend.dynamic_pooling(
            plain(response[np.newaxis, ..., np.newaxis]),
            plain(sizes[np.newaxis]),
            field.columns,
            field.limits,
            True,
            (1, 1, 1),
            False,
        )
        won = response == pooled[0, ..., 0]
        for column in field.columns:
            if column >= 0:
                won &= sizes[..., column] >= 1  # an empty window has no winner
        wins[box] |= won if inside is None else won & inside
    return wins


def _searched(field: Field, regions: Array | None) -> Iterator[tuple[Box, Array | None]]:
    """Yield the boxes to search, and which pixels of them belong to the region that is searched."""
    if regions is None:
        yield (slice(None), slice(None), slice(None)), None
        return
    for number, box in enumerate(ndi.find_objects(regions), start=1):
        planes, rows, columns = box
        yield (planes, rows, columns), regions[box] == number


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


# --- from candidates to peaks -------------------------------------------------------------------


def peaks(
    backend: ModuleType, field: Field, wins: NDArray[np.bool_], regions: Array | None
) -> Points:
    """Return one point for each plateau of candidates, none in the window of an equal one.

    In order of falling value, those of equal value in raster order.
    """
    points = np.argwhere(wins)
    ranks = _ranks(field, points, regions)
    points, ranks = _one_per_plateau(points, ranks, wins)
    order = np.lexsort((*points.T[::-1], ranks))
    points, ranks = points[order], ranks[order]
    sizes = field.sizes_at(points)
    low = points - sizes // 2
    high = np.minimum(low + sizes, wins.shape)
    keep = backend.uncovered(points, np.maximum(low, 0), high, ranks, wins.shape)
    points = points[keep]
    # By value alone: ranks also tell regions apart.
    values = field.response[tuple(points.T)]
    falling = np.unique(values, return_inverse=True)[1]
    return np.asarray(points[np.lexsort((*points.T[::-1], -falling))])


def _ranks(field: Field, points: Points, regions: Array | None) -> NDArray[np.int32]:
    """Rank the values of points, 1 the largest, each region on its own."""
    at = tuple(points.T)
    distinct, rising = np.unique(field.response[at], return_inverse=True)
    keys = len(distinct) - rising
    if regions is not None:
        keys = keys * (int(regions.max()) + 1) + regions[at]
    return (np.unique(keys, return_inverse=True)[1] + 1).astype(np.int32)


def _one_per_plateau(
    points: Points, ranks: NDArray[np.int32], wins: NDArray[np.bool_]
) -> tuple[Points, NDArray[np.int32]]:
    """Keep, of each connected set of equal points, the one nearest to its centroid."""
    valued = np.zeros(wins.shape, np.int32)
    valued[wins] = ranks
    member = label(valued, background=0, connectivity=3)[wins] - 1
    if not len(points):
        return points, ranks
    count = np.bincount(member)
    total = np.stack([np.bincount(member, axis) for axis in points.T], axis=-1)
    # Times the count, in whole numbers, so that equal distances are equal.
    scaled = points * count[member, np.newaxis] - total[member]
    distance = np.sum(scaled**2, axis=-1)
    nearest = np.lexsort((np.arange(len(points)), distance, member))
    first = nearest[np.r_[True, np.diff(member[nearest]) > 0]]
    return points[first], ranks[first]


def away_from_border(field: Field, points: Points, border: bool | tuple[int, ...]) -> Points:
    """Keep the points whose window, for True, or whose margin, in pixels, is in the image."""
    volume = np.array(field.response.shape)
    if isinstance(border, bool):
        sizes = field.sizes_at(points)
        low = points - sizes // 2
        inside = (low >= 0) & (low + sizes <= volume)
    else:
        margin: Array = np.array(to_triple(border, 0))
        inside = (points >= margin) & (points < volume - margin)
    return np.asarray(points[inside.all(axis=-1)])


def markers(points: Points, spatial: tuple[int, ...]) -> NDArray[np.int32]:
    """Return a label image: each point with its number, from 1 on."""
    image = np.zeros(to_triple(spatial, 1), np.int32)
    image[tuple(points.T)] = np.arange(1, len(points) + 1)
    return image.reshape(spatial)
