"""Objects of an image that is larger than memory, tile by tile.

What is common to the image is measured on a sample of it. Each tile is searched with a halo around
it, and keeps the candidates whose middle lies in it; which of them are objects is decided for all
together, as in memory. What is kept of a candidate is a row of numbers, and its mask as runs of
pixels, so that memory goes with the tiles and with what stands out of the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import components
from adapool.estimators.blobs import runs, sample
from adapool.estimators.blobs.analysis import (
    Common,
    common_to,
    nearest,
    search,
)
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.measures import Candidates, joined
from adapool.estimators.blobs.pyramid import Frame, Octave, grids
from adapool.estimators.blobs.runs import Runs, runs_of
from adapool.estimators.blobs.selection import holders_of, rising, select
from adapool.estimators.blobs.spread import Layer
from adapool.estimators.blobs.tiles import Box, core_of, halo_of, tiles_of

Read = Callable[[Any], Array]


def search_tiles(
    read: Read,
    frame: Frame,
    sensitivity: float,
    sizes: tuple[float, float],
    most: int,
) -> Layer:
    """Find the objects of an image whose pixels `read` returns, as float32.

    Tiles, with their halo, have at most so many pixels.
    """
    shape = frame.shapes[0]
    boxes = sample.boxes(tuple(shape.tolist()), frame, read)
    common = common_to([read(box) for box in boxes], frame)
    halo, found = halo_of(frame), []
    for tile in tiles_of(shape, core_of(frame, most)):
        window = tile.grown(halo, shape)
        found.append(_searched(read(window.slices), tile, window, frame, sensitivity, common))
    return _decided(found, frame, sensitivity, np.asarray(sizes))


@dataclass(frozen=True)
class _Part:
    """The candidates of a tile that stand out of the noise.

    Attributes
    ----------
    each : Candidates
        Their positions are those in the whole image.
    octave : (n,) array of int
        In which octave each was found.
    keys : (n,) array of int64
        What tells them apart: the source of each and its deepest pixel.
    over : (n, m) array of int64
        Keys of the candidates that each lies in, or -1.
    masks : Runs
    """

    each: Candidates
    octave: Array
    keys: Array
    over: Array
    masks: Runs


def _searched(
    image: Array, tile: Box, window: Box, frame: Frame, sensitivity: float, common: Common
) -> _Part:
    found, each = search(image, frame, sensitivity, common)
    positions = each.positions + window.low
    alive = rising(each, sensitivity)
    own = np.flatnonzero(alive & tile.holds(np.floor(positions)))
    octaves = [grids(frame)[source.octave.index] for source in found]
    keys = np.concatenate(
        [_deepest(source, octave, window) for source, octave in zip(found, octaves, strict=True)]
    )
    keys = keys * len(found) + each.source
    over = np.stack(
        [np.where((lies >= 0) & alive[lies], keys[lies], -1) for lies in holders_of(found, each)],
        axis=-1,
    )
    masks = []
    for number, (source, octave) in enumerate(zip(found, octaves, strict=True)):
        mine = own[each.source[own] == number]
        numbers = np.zeros(len(source.fits) + 1, np.int32)
        numbers[each.number[mine]] = np.arange(1, len(mine) + 1)
        masks.append(runs_of(source.labels, numbers, _begin(octave, window)))
    kept = Candidates(*(getattr(each, name.name)[own] for name in fields(Candidates)))
    kept = replace(kept, positions=positions[own], places=positions[own] * frame.voxel)
    octave_of = np.array([octave.index for octave in octaves])[kept.source]
    return _Part(kept, octave_of, keys[own], over[own], runs.joined(masks))


def _begin(octave: Octave, window: Box) -> Array:
    """Return where a window begins, in pixels of an octave."""
    return (window.low / octave.step).astype(np.int64)


def _deepest(source: Found, octave: Octave, window: Box) -> Array:
    """Return the deepest pixel of each candidate of a source, as a number in the whole octave."""
    count = len(source.fits)
    deepest, deepness = np.zeros((count, 3), np.int64), np.zeros(count, np.float32)
    components.deepest(source.labels, source.depth, deepest, deepness, work=0)
    z, y, x = (deepest + _begin(octave, window)).T
    _, rows, columns = octave.image.shape
    return np.asarray((z * rows + y) * columns + x)


def _decided(found: list[_Part], frame: Frame, sensitivity: float, sizes: Array) -> Layer:
    """Return the objects among the candidates of all tiles."""
    each = joined([part.each for part in found])
    octave = np.concatenate([part.octave for part in found])
    keys = np.concatenate([part.keys for part in found])
    over = np.concatenate([part.over for part in found])
    masks = runs.joined([part.masks for part in found])
    found.clear()  # memory
    # Whatever the tiles, in one order: by source, and in it in raster order.
    order = np.lexsort((keys, each.source))
    each = Candidates(*(getattr(each, name.name)[order] for name in fields(Candidates)))
    octave, keys, over = octave[order], keys[order], over[order]
    rising_keys = np.argsort(keys)
    holders = []
    for column in over.T:
        place = np.searchsorted(keys, column, sorter=rising_keys)
        place = rising_keys[np.minimum(place, len(keys) - 1)] if len(keys) else place
        holders.append(np.where(keys[place] == column, place, -1))
    alive = np.ones(len(keys), np.bool_)
    kept = select(each, alive, holders, frame, sensitivity, sizes)
    which = np.flatnonzero(kept)
    masks = masks.of(order[which])
    source, octave = each.source[which], octave[which]
    low, high = _in_image(masks, octave, frame)
    shape = frame.shapes[0]
    return Layer(
        frame=frame,
        source=source,
        octave=octave,
        masks=masks,
        low=low,
        high=high,
        peaks=nearest(each.positions[which], tuple(shape.tolist())),
        positions=each.positions[which],
        diameters=each.diameters[which],
        contrasts=each.contrasts[which],
    )


def _in_image(masks: Runs, octave: Array, frame: Frame) -> tuple[Array, Array]:
    """Return boxes that hold masks, in pixels of the image: wider by a pixel of the octave."""
    low, high = masks.bounds()
    for grid in grids(frame):
        own = octave == grid.index
        low[own] = np.floor(grid.to_image(low[own] - 1)).astype(int)
        high[own] = np.ceil(grid.to_image(high[own] + 1)).astype(int)
    return np.maximum(low, 0), np.minimum(high, frame.shapes[0])
