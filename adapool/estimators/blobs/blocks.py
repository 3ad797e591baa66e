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
    axes_of,
    common_to,
    nearest,
    search,
    visible,
)
from adapool.estimators.blobs.candidates import Found
from adapool.estimators.blobs.measures import Candidates, joined
from adapool.estimators.blobs.pyramid import Frame, Octave, grids, pixels_of
from adapool.estimators.blobs.runs import Runs, runs_of
from adapool.estimators.blobs.selection import holders_of, rising, select
from adapool.estimators.blobs.tiles import Box, core_of, halo_of, tiles_of

Read = Callable[[Any], Array]


@dataclass(frozen=True)
class Layer:
    """Objects of one polarity, wherever in an image they are: rows in one order.

    Attributes
    ----------
    frame : Frame
    source, octave : (n,) array of int
        Which of the sources each was found in, the last of which is drawn first, and in which
        octave.
    masks : Runs
        In pixels of the octave of the source.
    low, high : (n, 3) array of int
        Boxes that hold the masks, in pixels of the image.
    peaks : (n, 3) array of int64
    positions : (n, 3) array
    diameters, contrasts : (n,) array
    """

    frame: Frame
    source: Array
    octave: Array
    masks: Runs
    low: Array
    high: Array
    peaks: Array
    positions: Array
    diameters: Array
    contrasts: Array

    def only(self, which: Array) -> Layer:
        """Return some of the objects."""
        rows = {
            each.name: getattr(self, each.name)[which]
            for each in fields(self)
            if each.name not in ("frame", "masks")
        }
        return replace(self, masks=self.masks.of(which), **rows)

    def draw(self, box: Box) -> tuple[Array, Array]:
        """Return an image of labels of a box, and the rows of the objects that they stand for."""
        rows = np.flatnonzero(((self.low < box.high) & (self.high > box.low)).all(axis=1))
        labels = np.zeros(box.shape, np.int32)
        octaves = grids(self.frame)
        for source in np.unique(self.source[rows])[::-1]:
            own = np.flatnonzero(self.source[rows] == source)
            whole = pixels_of(octaves[0], octaves[self.octave[rows[own[0]]]])
            maps = [each[part] for each, part in zip(whole, box.slices, strict=True)]
            first = np.array([each[0] for each in maps])
            seen = np.zeros([each[-1] + 1 - each[0] for each in maps], np.int32)
            self.masks.of(rows[own]).draw((own + 1).astype(np.int32), first, seen)
            shown = seen[np.ix_(*(each - each[0] for each in maps))]
            np.copyto(labels, shown, where=shown > 0)
        return labels, rows


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
    kept = select(each, alive, holders, axes_of(frame), sensitivity, sizes)
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


@dataclass(frozen=True)
class Spread:
    """Objects of an image, which is not in memory: rows in one order.

    Attributes
    ----------
    layers : list of Layer
        Of bright objects, of dark ones, or of both, one after the other.
    rows : (n,) array of int
        Which of the objects of the layers each is.
    peaks : (n, 3) array of int64
    contrasts : (n,) array of float32
    half : (n, 3) array of int64
        Half the size of their windows, in which there is no other object.
    core : (3,) array of int
        Sides of tiles to go through them by.
    """

    layers: list[Layer]
    rows: Array
    peaks: Array
    contrasts: Array
    half: Array
    core: Array


def draw(layers: list[Layer], box: Box) -> tuple[Array, Array]:
    """Return labels of a box, and the objects that they stand for, numbered through all layers.

    Where objects of two layers overlap, the one of higher contrast is seen.
    """
    labels, rows = layers[0].draw(box)
    if len(layers) == 1:
        return labels, rows
    others, theirs = layers[1].draw(box)
    first = np.append(-np.inf, layers[0].contrasts[rows])
    second = np.append(-np.inf, layers[1].contrasts[theirs])
    over = (others > 0) & (second[others] > first[labels])
    labels = np.where(over, others + len(rows), labels).astype(np.int32)
    return labels, np.concatenate([rows, theirs + len(layers[0].source)])


def spread(layers: list[Layer], most: int) -> Spread:
    """Return the objects of layers that are seen, and where."""
    layers = [_seen(layer, most) for layer in layers]
    if len(layers) > 1:
        first, second = layers
        shown = [_visible([first, second], tile) for tile in _tiles(first.frame, most)]
        rows = np.concatenate([each[0] for each in shown])
        peaks = np.concatenate([each[1] for each in shown])
        order = np.argsort(rows)
        rows, peaks = rows[order], peaks[order]
        bright = rows < len(first.source)
        layers = [
            replace(first.only(rows[bright]), peaks=peaks[bright]),
            replace(second.only(rows[~bright] - len(first.source)), peaks=peaks[~bright]),
        ]
    parts = [_windows(layers, tile) for tile in _tiles(layers[0].frame, most)]
    rows = np.concatenate([part[0] for part in parts])
    half = np.concatenate([part[1] for part in parts])
    peaks = np.concatenate([layer.peaks for layer in layers])[rows]
    contrasts = np.concatenate([layer.contrasts for layer in layers])[rows].astype(np.float32)
    order = np.lexsort((*peaks.T[::-1], -contrasts))
    core = core_of(layers[0].frame, most)
    return Spread(layers, rows[order], peaks[order], contrasts[order], half[order], core)


def _tiles(frame: Frame, most: int) -> list[Box]:
    return list(tiles_of(frame.shapes[0], core_of(frame, most)))


def _seen(layer: Layer, most: int) -> Layer:
    shown = [_visible([layer], tile) for tile in _tiles(layer.frame, most)]
    rows = np.concatenate([each[0] for each in shown])
    peaks = np.concatenate([each[1] for each in shown])
    order = np.argsort(rows)
    return replace(layer.only(rows[order]), peaks=peaks[order])


def _visible(layers: list[Layer], tile: Box) -> tuple[Array, Array]:
    """Return which of the objects with a peak in a tile are seen, and where their peaks are."""
    peaks = np.concatenate([layer.peaks for layer in layers])
    own = np.flatnonzero(tile.holds(peaks))
    if not len(own):
        return own, peaks[own]
    low = np.concatenate([layer.low for layer in layers])[own].min(axis=0)
    high = np.concatenate([layer.high for layer in layers])[own].max(axis=0)
    window = Box(np.minimum(low, tile.low), np.maximum(high, tile.high))
    labels, rows = draw(layers, window)
    positions = np.concatenate([layer.positions for layer in layers])
    inside = np.clip(peaks[rows] - window.low, 0, np.array(window.shape) - 1)
    moved, there = visible(labels, inside, positions[rows] - window.low)
    mine = np.isin(rows, own) & there
    return rows[mine], moved[mine] + window.low


def _windows(layers: list[Layer], tile: Box) -> tuple[Array, Array]:
    """Return the objects with a peak in a tile, and half the size of the window of each."""
    peaks = np.concatenate([layer.peaks for layer in layers])
    own = np.flatnonzero(tile.holds(peaks))
    frame = layers[0].frame
    wide = np.concatenate([layer.diameters for layer in layers])[own]
    most = (wide[:, np.newaxis] / 2 / frame.voxel).astype(np.int64)
    most[:, : 3 - frame.ndim] = 0
    half = np.zeros_like(most)
    if len(own):
        window = tile.grown(most.max(axis=0) + 1, frame.shapes[0])
        labels, _ = draw(layers, window)
        components.free_boxes(peaks[own] - window.low, labels, most, half, work=0)
    return own, half
