"""A tile whose windows all have one size: maxima by doubling, and no window is looked up."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device
from adapool.cpu._memory import flat
from adapool.cpu.dynamic.keys import KeyOrder, to_key
from adapool.cpu.dynamic.packing import pack
from adapool.cpu.dynamic.queries import BEGIN, COLUMNS, END, HIGH, LIMITS, LOW, STRIDE, VOLUME
from adapool.cpu.dynamic.tables import double
from adapool.cpu.dynamic.tiles import LONGEST, write

_to_size = device(_formulas.to_size)
_window_start = device(_formulas.window_start)


@device
def _row_at(params: Any, geometry: Any, state: Any, batch: int, z: int, y: int) -> Any:
    """Return where the sizes of a row of the tile begin."""
    pixel = (batch * geometry[VOLUME, 0] + z) * geometry[VOLUME, 1] + y
    return (pixel * geometry[VOLUME, 2] + state[BEGIN, 2]) % params.shape[0] * params.shape[1]


@device
def _differ(left: Any, right: Any) -> Any:
    """Whether rows differ anywhere: not 0 if so. NaN differs from everything."""
    differ = np.int32(0)
    for j in range(left.size):
        differ |= np.int32(left[j] != right[j])
    return differ


@device
def all_alike(params: Any, geometry: Any, centered: bool, batch: int, state: Any) -> bool:
    """Whether all windows of a tile on a dense grid are alike, not empty, and not too large.

    If so, the box that they cover goes to `state`; it may reach beyond the image.
    """
    sizes, width = flat(params), params.shape[1]
    length = (state[END, 2] - state[BEGIN, 2]) * width
    at = _row_at(params, geometry, state, batch, state[BEGIN, 0], state[BEGIN, 1])
    first = sizes[at : at + length]
    if _differ(first[width:], first[: first.size - width]) != 0:
        return False
    for z in range(state[BEGIN, 0], state[END, 0]):
        for y in range(state[BEGIN, 1], state[END, 1]):
            at = _row_at(params, geometry, state, batch, z, y)
            if _differ(sizes[at : at + length], first) != 0:
                return False
    for j in range(width):
        # Infinity, of strides too, is reported by whoever reads the parameters one by one.
        if first[j] - first[j] != 0:
            return False
    for axis in range(3):
        size = 1
        if geometry[STRIDE, axis] != 1:
            return False
        if geometry[COLUMNS, axis] >= 0:
            size = _to_size(first[geometry[COLUMNS, axis]], geometry[LIMITS, axis])
        if size < 1 or size > LONGEST:
            return False
        state[LOW, axis] = _window_start(state[BEGIN, axis], size, centered)
        state[HIGH, axis] = _window_start(state[END, axis] - 1, size, centered) + size
    return True


@device
def _span(state: Any, axis: int) -> Any:
    """Return the size of the windows along an axis, and the power of two that fits into it."""
    size = state[HIGH, axis] - state[LOW, axis] - (state[END, axis] - state[BEGIN, axis]) + 1
    power = 1
    while 2 * power <= size:
        power *= 2
    return size, power


@device
def _load_row(
    line: Any, image: Any, order: KeyOrder, batch: int, z: int, y: int, state: Any, packed: Any
) -> None:
    """Copy a row of the box to a line; what is outside of the image gets the least key."""
    channels = image.shape[4]
    least = np.iinfo(line.dtype).min
    begin, end = max(state[LOW, 2], 0), min(state[HIGH, 2], image.shape[3])
    size = (end - begin) * channels
    before = (begin - state[LOW, 2]) * channels
    for j in range(before):
        line[j] = least
    for j in range(before + size, line.size):
        line[j] = least
    place = ((batch * image.shape[1] + z) * image.shape[2] + y) * image.shape[3] + begin
    source = flat(image)[place * channels : place * channels + size]
    target = line[before : before + size]
    if packed is None:
        for j in range(size):
            target[j] = to_key(source[j], order)
    else:
        corner = (z - state[LOW, 0]) << 20 | (y - state[LOW, 1]) << 10 | (begin - state[LOW, 2])
        if channels == 1:
            for j in range(size):
                target[j] = pack(to_key(source[j], order), corner + j)
        else:
            for j in range(size):
                target[j] = pack(to_key(source[j], order), corner + j // channels)


@device
def _slide(line: Any, spare: Any, size: int, power: int, step: int, target: Any) -> None:
    """Write the maxima over `size` elements of a line, `step` apart."""
    length, reach = line.size, 1
    while reach < power:
        shift = reach * step
        length -= shift
        low, high, larger = line[:length], line[shift : shift + length], spare[:length]
        for j in range(length):
            larger[j] = max(low[j], high[j])
        line, spare = spare, line
        reach *= 2
    rest = (size - power) * step
    low, high = line[: target.size], line[rest : rest + target.size]
    for j in range(target.size):
        target[j] = max(low[j], high[j])


@device
def pool_alike(
    image: Any,
    order: KeyOrder,
    batch: int,
    geometry: Any,
    state: Any,
    keys: Any,
    out: Any,
    indices: Any,
    packed: Any,
) -> bool:
    """Pool the tile that :func:`all_alike` has found alike; return whether there was room."""
    channels = image.shape[4]
    row = (state[END, 2] - state[BEGIN, 2]) * channels
    length = (state[HIGH, 2] - state[LOW, 2]) * channels
    planes, lines = state[HIGH, 0] - state[LOW, 0], state[HIGH, 1] - state[LOW, 1]
    plane = lines * row
    if max(planes * plane, 2 * length) > keys.shape[1]:
        return False
    size_x, power_x = _span(state, 2)
    size_y, power_y = _span(state, 1)
    size_z, power_z = _span(state, 0)
    table, line, spare = keys[0], keys[1, :length], keys[1, length : 2 * length]
    at = 0
    for z in range(state[LOW, 0], state[HIGH, 0]):
        for y in range(state[LOW, 1], state[HIGH, 1]):
            target = table[at : at + row]
            at += row
            if z < 0 or z >= image.shape[1] or y < 0 or y >= image.shape[2]:
                for j in range(row):
                    target[j] = np.iinfo(keys.dtype).min
                continue
            _load_row(line, image, order, batch, z, y, state, packed)
            _slide(line, spare, size_x, power_x, channels, target)
    cells = planes * plane
    reach = 1
    while reach < power_y:
        cells -= reach * row
        double(keys, None, np.int64(0), np.int64(0), reach * row, cells)
        reach *= 2
    reach = 1
    while reach < power_z:
        cells -= reach * plane
        double(keys, None, np.int64(0), np.int64(0), reach * plane, cells)
        reach *= 2
    below, behind = (size_y - power_y) * row, (size_z - power_z) * plane
    result = keys[1, :row]
    for z in range(state[BEGIN, 0], state[END, 0]):
        for y in range(state[BEGIN, 1], state[END, 1]):
            at = (z - state[BEGIN, 0]) * plane + (y - state[BEGIN, 1]) * row
            low, high = table[at : at + row], table[at + below : at + below + row]
            for j in range(row):
                result[j] = max(low[j], high[j])
            if behind > 0:
                at += behind
                low, high = table[at : at + row], table[at + below : at + below + row]
                for j in range(row):
                    result[j] = max(result[j], max(low[j], high[j]))
            slot = (batch * geometry[VOLUME, 0] + z) * geometry[VOLUME, 1] + y
            slot = (slot * geometry[VOLUME, 2] + state[BEGIN, 2]) * channels
            write(
                out, indices, result, None, slot, order, geometry, state, channels, channels, packed
            )
    return True
