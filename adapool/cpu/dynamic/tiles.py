"""One tile: loaded into its first table, and its results written."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._memory import flat
from adapool.cpu.dynamic.keys import KeyOrder, from_key, to_key
from adapool.cpu.dynamic.packing import key_of, pack, place_of
from adapool.cpu.dynamic.queries import CLASS, CLASSES, HIGH, LOW, VOLUME
from adapool.cpu.dynamic.tables import LEVELS

# Windows longer than this along any axis are not looked up in tables.
LONGEST = (1 << LEVELS) - 1

# Bytes of one table that are aimed at: two or three of them, and the queries, fit into L2.
TABLE_BYTES = 1 << 19

# Where fewer of a tile's windows than one in so many are of the longest kind, and widen the tile
# to more than twice its size, it is cheaper to search for them.
_FEW = 256


@device
def load_tile(
    keys: Any,
    places: Any,
    image: Any,
    order: KeyOrder,
    batch: int,
    state: Any,
    channel: int,
    group: int,
    packed: Any,
) -> None:
    """Copy `group` channels of a tile with its halo to the first table.

    `packed`, if it is not None, together with their places: then `places` is None.
    """
    # Slices of a flat array are half the price of slices of five axes, in rows that are short.
    pixels = flat(image)
    channels = image.shape[4]
    size = (state[HIGH, 2] - state[LOW, 2]) * group
    at = 0
    for z in range(state[LOW, 0], state[HIGH, 0]):
        for y in range(state[LOW, 1], state[HIGH, 1]):
            begin = ((batch * image.shape[1] + z) * image.shape[2] + y) * image.shape[3]
            begin = (begin + state[LOW, 2]) * channels + channel
            target = keys[0, at : at + size]
            if packed is not None:
                corner = (z - state[LOW, 0]) << 20 | (y - state[LOW, 1]) << 10
                if group == 1 and channels == 1:
                    source = pixels[begin : begin + size]
                    for j in range(size):
                        target[j] = pack(to_key(source[j], order), corner + j)
                else:
                    for j in range(size):
                        key = to_key(pixels[begin + j // group * channels + j % group], order)
                        target[j] = pack(key, corner + j // group)
            elif group == channels:
                source = pixels[begin : begin + size]
                for j in range(size):
                    target[j] = to_key(source[j], order)
            else:
                for j in range(size):
                    target[j] = to_key(pixels[begin + j // group * channels + j % group], order)
            if places is not None:
                corner = (z - state[LOW, 0]) << 20 | (y - state[LOW, 1]) << 10
                for j in range(size):
                    places[0, at + j] = corner + j // group
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
    packed: Any,
) -> None:
    """Write the results of a tile's queries to their slots; `empty` ones get `fill`."""
    for q in empty:
        for c in range(q * group, (q + 1) * group):
            if packed is None:
                keys[3, c] = to_key(fill, order)
            else:
                keys[3, c] = pack(to_key(fill, order), -1)
            if places is not None:
                places[3, c] = -1
    begin = 0
    r = 0
    while begin < total * group:
        n, slot = rows[r, 0] * group, rows[r, 1] * channels + channel
        result = keys[3, begin : begin + n]
        place = None if places is None else places[3, begin : begin + n]
        write(out, indices, result, place, slot, order, geometry, state, channels, group, packed)
        begin += n
        r += 1


@device
def write(
    out: Any,
    indices: Any,
    result: Any,
    places: Any,
    slot: int,
    order: KeyOrder,
    geometry: Any,
    state: Any,
    channels: int,
    group: int,
    packed: Any,
) -> None:
    """Write `group` of the channels of a row of results, and where in the image they were."""
    bits = out.dtype.type
    target = out[slot : slot + result.size] if group == channels else out[slot:]
    if packed is None:
        if group == channels:
            for j in range(result.size):
                target[j] = from_key(result[j], order)
        else:
            for j in range(result.size):
                target[j // group * channels + j % group] = from_key(result[j], order)
    elif group == channels:
        for j in range(result.size):
            target[j] = from_key(bits(key_of(result[j])), order)
    else:
        for j in range(result.size):
            key = bits(key_of(result[j]))
            target[j // group * channels + j % group] = from_key(key, order)
    if indices is not None:
        winners = indices[slot : slot + result.size] if group == channels else indices[slot:]
        height, width = geometry[VOLUME, 1], geometry[VOLUME, 2]
        first = (state[LOW, 0] * height + state[LOW, 1]) * width + state[LOW, 2]
        for j in range(result.size):
            place = place_of(result[j]) if places is None else np.int64(places[j])
            at = ((place >> 20) * height + (place >> 10 & 1023)) * width + (place & 1023)
            at = first + at if place >= 0 else np.int64(-1)
            if group == channels:
                winners[j] = at
            else:
                winners[j // group * channels + j % group] = at


@device
def are_few(queries: Any, total: int, length: int) -> bool:
    """Return whether windows of at least `length`, a power of two, are few, but not none."""
    count = 0
    for i in range(total):
        c = queries[CLASS, i]
        if c < CLASSES:
            count += 1 << max(c >> 6, c >> 3 & 7, c & 7) >= length
    return 0 < count < total // _FEW


@device
def part(array: Any, i: int) -> Any:
    """Return a thread's part of an array that may be None."""
    if array is None:
        return None
    return array[i]
