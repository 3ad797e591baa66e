"""Objects that were found in an image which is not in memory: drawn box by box."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from adapool._backends import Array
from adapool.cpu.objects import components
from adapool.estimators.blobs.analysis import visible
from adapool.estimators.blobs.pyramid import Frame, grids, pixels_of
from adapool.estimators.blobs.runs import Runs
from adapool.estimators.blobs.tiles import Box, core_of, tiles_of


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
