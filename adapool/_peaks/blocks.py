"""Peaks of the default network in large images, block by block.

Everything is (plane, row, column). What an object is measured by lies in a box around it: blocks
are read with what the boxes of their objects need, and each object is measured by the block that
its peak lies in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapool._peaks.candidates import away
from adapool._peaks.fields import Points
from adapool._peaks.measures import MARGIN, MORE, joined, measure
from adapool._peaks.search import Search
from adapool._peaks.table import Peaks, Table, columns, objects_of, shown, signs_of, voxel_of
from adapool.estimators import BlobSizes
from adapool.estimators.blobs import runs
from adapool.estimators.blobs.ellipsoids import unit_ball
from adapool.estimators.blobs.runs import Runs, runs_of
from adapool.estimators.blobs.sample import PIXELS
from adapool.estimators.blobs.spread import Spread, draw
from adapool.estimators.blobs.tiles import Box, tiles_of

Array = NDArray[Any]

_NOWHERE = np.zeros((0, 0, 0), np.int32)


def wanted(search: Search, prominence: bool = False) -> bool:
    """Whether an image is searched block by block.

    The default network is asked, about boxes, and not about regions; and the image is large and of
    Dask, or in memory where the sizes that are looked for have a limit. Blocks know no prominence:
    where that is wanted, what is in memory is searched whole.
    """
    network = _network(search)
    if type(network) is not BlobSizes or network.shape != "axes" or search.regions is not None:
        return False
    if int(np.prod(search.layout.spatial)) <= PIXELS:
        return False
    return search.images.layout.lazy or (network.max_size is not None and not prominence)


def _network(search: Search) -> Any:
    return BlobSizes(spacing=search.spacing) if search.network is None else search.network


@dataclass(frozen=True)
class Found:
    """The peaks of one image, in order.

    Attributes
    ----------
    spread : Spread
        All objects.
    which : (n,) array of int
        Which of them have a peak that is wanted.
    shape : (3,) array of int
    """

    spread: Spread
    which: Array
    shape: Array

    @property
    def points(self) -> Points:
        """Where the peaks are."""
        return np.asarray(self.spread.peaks[self.which])

    @property
    def sizes(self) -> Points:
        """The windows of the peaks."""
        return np.asarray(2 * self.spread.half[self.which] + 1)


def find(search: Search) -> Iterator[Found]:
    """Yield the peaks of each image, above the threshold and not too near to the border."""
    level = 0.0 if search.level is None else search.level
    for number in range(len(search.images)):

        def read(box: Any, number: int = number) -> Array:
            return search.images.box(number, box)

        spread = _network(search).find_spread(read, search.layout.spatial)
        shape = np.array(search.layout.volume)
        found = Found(spread, np.flatnonzero(spread.contrasts > level), shape)
        if search.border is not False:
            inside = away(found.points, found.sizes, shape, search.border)
            found = replace(found, which=found.which[inside])
        yield found


# --- measuring ----------------------------------------------------------------------------------


def tabulate(search: Search, properties: Sequence[str]) -> list[Table]:
    """Return the columns for the peaks of each image."""
    return [table for table, _ in _tabulated(search, properties, False)]


def tabulate_and_outline(search: Search, properties: Sequence[str]) -> list[tuple[Table, Runs]]:
    """Return the columns for the peaks of each image, and the objects that were measured.

    These as runs of pixels, an object for each row.
    """
    return list(_tabulated(search, properties, True))


def _tabulated(
    search: Search, properties: Sequence[str], outlined: bool
) -> Iterator[tuple[Table, Runs]]:
    voxel, ndim, signs = voxel_of(search), search.layout.ndim, signs_of(search)
    for number, found in enumerate(find(search)):
        points, sizes = found.points, found.sizes
        owned, parts, masks = [np.zeros(0, int)], [], []
        for own, window, regions in _regions(found, voxel, ndim):
            image = search.images.box(number, window.slices)
            each = [
                measure(shown(image, sign), regions, len(own), voxel, ndim, window.low)
                for sign in signs
            ]
            owned.append(own)
            parts.append([replace(measures, objects=_NOWHERE) for measures in each])
            if outlined:
                numbers = np.append(np.arange(len(own) + 1), np.zeros(regions.max(initial=0)))
                masks.append(runs_of(objects_of(each), numbers.astype(np.int32), window.low))
        order = np.argsort(np.concatenate(owned))
        measured = []
        for place, sign in enumerate(signs):
            of = joined([each[place] for each in parts], order)
            measured.append((Peaks(_NOWHERE, sign, points, sizes, _NOWHERE, voxel, ndim), of))
        outlines = runs.joined(masks)
        yield columns(number, measured, properties), outlines.of(order) if outlined else outlines


def _regions(found: Found, voxel: Array, ndim: int) -> Iterator[tuple[Array, Box, Array]]:
    """Yield the peaks of each tile, a window around them, and regions in it.

    Numbered from 1 on, theirs first, in their order, then others that reach into the window.
    """
    spread, points = found.spread, found.points
    rows = spread.rows[found.which]
    low = np.concatenate([layer.low for layer in spread.layers])
    high = np.concatenate([layer.high for layer in spread.layers])
    number = np.zeros(len(low), np.int64)
    number[rows] = np.arange(1, len(rows) + 1)
    for tile in tiles_of(found.shape, spread.core):
        own = np.flatnonzero(tile.holds(points))
        if not len(own):
            continue
        first, last = low[rows[own]], high[rows[own]]
        # No region is larger than the box that holds it.
        volume = ((last - first) * voxel)[:, 3 - ndim :].prod(axis=1, keepdims=True)
        radius = (volume / unit_ball(ndim)) ** (1 / ndim)
        margin = np.ceil(MARGIN * radius / voxel).astype(int) + MORE
        window = Box(
            np.maximum((first - margin).min(axis=0), 0),
            np.minimum((last + margin).max(axis=0), found.shape),
        )
        labels, drawn = draw(spread.layers, window)
        peaks = number[drawn]
        local = np.zeros(len(drawn) + 1, np.int32)
        place = np.minimum(np.searchsorted(own, peaks - 1), len(own) - 1)
        mine = own[place] == peaks - 1
        local[1:][mine] = place[mine] + 1
        others = ~mine & (peaks > 0)
        local[1:][others] = len(own) + 1 + np.arange(others.sum())
        yield own, window, local[labels]
