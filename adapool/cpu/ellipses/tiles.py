"""One tile: its keys with their places, in one word where both fit.

The 32 bits below a key hold its place, inverted, so that one maximum finds both, and of equal keys
the one of the smallest place. Keys of 64 bits have their places in an array beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._memory import flat
from adapool.cpu.dynamic.keys import KeyOrder, from_key, to_key
from adapool.cpu.dynamic.queries import HIGH, LOW, VOLUME

# A place is that of a cell in the tile: ten bits for each of column, row and plane. Where it is not
# asked for it is scattered, by an odd factor: of equal keys the first would always be in the corner
# of the box, where the ellipse is not, and the background of images is full of equal keys.
_BITS = 10
_CELL = (1 << _BITS) - 1
_ALL = (1 << 3 * _BITS) - 1
_SCATTER = 0x2545F495
_GATHER = pow(_SCATTER, -1, 1 << 3 * _BITS)

# The bit of a word that says it has no place: that of an empty window.
_NOWHERE = 1 << 31


@device
def place_of(plane: int, row: int, column: int, ordered: bool) -> Any:
    """Return what stands for a cell: where ordered, smaller in raster order."""
    place = np.int64(plane) << 2 * _BITS | np.int64(row) << _BITS | np.int64(column)
    return place if ordered else place * _SCATTER & _ALL


@device
def cell_of(place: Any, ordered: bool) -> Any:
    """Return plane, row and column of a cell in its tile."""
    at = np.int64(place) if ordered else np.int64(place) * _GATHER & _ALL
    return at >> 2 * _BITS, at >> _BITS & _CELL, at & _CELL


@device
def packed(key: Any, place: Any) -> Any:
    """Return a key of up to 32 bits and a place as one word."""
    return np.int64(key) << 32 | (_ALL - place)


@device
def place_in(word: Any) -> Any:
    """Return the place in a word."""
    return _ALL - (word & _ALL)


@device
def load_tile(
    keys: Any,
    places: Any,
    spans: Any,
    span_places: Any,
    image: Any,
    order: KeyOrder,
    batch: int,
    state: Any,
    channel: int,
    group: int,
    ordered: bool,
) -> None:
    """Copy `group` channels of a tile with its halo to the first tables, of boxes and of rows."""
    pixels = flat(image)
    channels = image.shape[4]
    size = (state[HIGH, 2] - state[LOW, 2]) * group
    at = 0
    for z in range(state[LOW, 0], state[HIGH, 0]):
        for y in range(state[LOW, 1], state[HIGH, 1]):
            begin = ((batch * image.shape[1] + z) * image.shape[2] + y) * image.shape[3]
            begin = (begin + state[LOW, 2]) * channels + channel
            target, row = keys[0, at : at + size], spans[0, at : at + size]
            first = place_of(z - state[LOW, 0], y - state[LOW, 1], 0, True)
            for j in range(size):
                column = j if group == 1 else j // group
                source = begin + (j * channels if group == 1 else column * channels + j % group)
                key = to_key(pixels[source], order)
                place = first + column
                if not ordered:
                    place = place * _SCATTER & _ALL
                if places is None:
                    target[j] = packed(key, place)
                    # Rows need no places where nobody asks for them.
                    row[j] = target[j] if ordered else spans.dtype.type(key)
                else:
                    target[j] = row[j] = key
                    places[0, at + j] = place
                    if span_places is not None:
                        span_places[0, at + j] = place
            at += size


@device
def store_tile(
    out: Any,
    indices: Any,
    keys: Any,
    places: Any,
    rows: Any,
    empty: Any,
    fill: Any,
    order: KeyOrder,
    total: int,
    channels: int,
    channel: int,
    group: int,
    geometry: Any,
    state: Any,
) -> None:
    """Write the results of a tile's queries to their slots; `empty` ones get `fill`."""
    for q in empty:
        key = to_key(fill, order)
        for c in range(q * group, (q + 1) * group):
            if places is None:
                keys[3, c] = np.int64(key) << 32 | _NOWHERE
            else:
                keys[3, c] = key
                places[3, c] = -1
    begin = 0
    r = 0
    while begin < total * group:
        n, slot = rows[r, 0] * group, rows[r, 1] * channels + channel
        for j in range(n):
            key = keys[3, begin + j]
            to = slot + (j * channels if group == 1 else j // group * channels + j % group)
            if places is None:
                out[to] = from_key(out.dtype.type(key >> 32), order)
            else:
                out[to] = from_key(out.dtype.type(key), order)
            if indices is not None:
                nowhere = key & _NOWHERE != 0 if places is None else places[3, begin + j] < 0
                place = place_in(key) if places is None else np.int64(places[3, begin + j])
                z, y, x = cell_of(place, True)
                at = (state[LOW, 0] + z) * geometry[VOLUME, 1] + state[LOW, 1] + y
                at = at * geometry[VOLUME, 2] + state[LOW, 2] + x
                indices[to] = -1 if nowhere else at
        begin += n
        r += 1
