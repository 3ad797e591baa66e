"""Extrema or sums, areas, centroids and boxes of all regions, by atomic operations.

A thread takes some neighbouring pixels, and touches the tables once for each run of one region in
them. Integers come out the same in any order: extrema are compared as integers of the same order
(`key`), and where an extremum is, in a second pass. Sums of floats are in float64; their last bits
depend on the order, which is not the same from run to run.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda

# Neighbouring pixels of a thread: a sector of 32 bytes in float32.
SPAN = 8

# Of keys: NaN, and less than any.
_TOP = np.int64((1 << 63) - 1)
LOWEST = -(1 << 63)

# The bits of infinity, without the sign, by the bits of a float.
_INFINITY = {32: np.int64(0x7F800000), 64: np.int64(0x7FF0000000000000)}
_ALL_BUT_SIGN = {32: np.int64((1 << 31) - 1), 64: np.int64((1 << 63) - 1)}


@cuda_kernel()
def multiply(image: Any, weights: Any, depth: int, out: Any) -> None:
    """Write products (pixel * channel) of values with weights (pixel * depth), in the type of out.

    `depth` is 1, or the number of channels.
    """
    number = out.dtype.type
    channels = out.size // (weights.size // depth)
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        pixel, c = divmod(i, channels)
        weight = weights[pixel * depth + (c if depth > 1 else 0)]
        out[i] = number(image[i]) * number(weight)


@cuda_kernel()
def measure(owner: Any, shape: Any, areas: Any, boxes: Any) -> None:
    """Add to areas (region,), and to sums, lows and highs of coordinates (region * 9), int64.

    Lows are to be large beforehand, the rest 0.
    """
    _, height, width = shape
    for part in range(cuda.grid(1), (owner.size + SPAN - 1) // SPAN, cuda.gridsize(1)):
        i, end = part * SPAN, min((part + 1) * SPAN, owner.size)
        row, x = divmod(i, width)
        z, y = divmod(row, height)
        while i < end:
            own, begin = owner[i], x
            n = 0
            while i < end and x < width and owner[i] == own:
                i += 1
                x += 1
                n += 1
            if own >= 0:
                at = np.int64(own) * 9
                cuda.atomic.add(areas, own, n)
                cuda.atomic.add(boxes, at, z * n)
                cuda.atomic.add(boxes, at + 1, y * n)
                cuda.atomic.add(boxes, at + 2, begin * n + n * (n - 1) // 2)
                # Boxes only grow: what is in already needs no atomic operation.
                if z < boxes[at + 3]:
                    cuda.atomic.min(boxes, at + 3, z)
                if y < boxes[at + 4]:
                    cuda.atomic.min(boxes, at + 4, y)
                if begin < boxes[at + 5]:
                    cuda.atomic.min(boxes, at + 5, begin)
                if z > boxes[at + 6]:
                    cuda.atomic.max(boxes, at + 6, z)
                if y > boxes[at + 7]:
                    cuda.atomic.max(boxes, at + 7, y)
                if x - 1 > boxes[at + 8]:
                    cuda.atomic.max(boxes, at + 8, x - 1)
            if x == width:
                x = 0
                y += 1
                if y == height:
                    y = 0
                    z += 1


@functools.cache
def key_of(kind: str, bits: int, least: bool) -> Any:
    """Return the function that makes of the bits of a value, int64, a key of the same order.

    `least` turns the order round. `kind` is that of the dtype: floats, whose NaN comes first and
    whose zeros are equal, integers with or without a sign.
    """
    infinity, rest = _INFINITY.get(bits, _TOP), _ALL_BUT_SIGN.get(bits, _TOP)
    floats, unsigned = kind == "f", kind == "u" and bits == 64

    def key(pattern: Any) -> Any:
        number = np.int64(pattern)
        if floats:
            size = number & rest
            if size > infinity:
                return _TOP
            number = -size if number < 0 else size
        elif unsigned:
            number = number ^ np.int64(LOWEST)
        return ~number if least else number

    return cuda_device(key)


@functools.cache
def raise_keys(kind: str, bits: int, least: bool) -> Any:
    """Return the kernel that finds the largest key of each region, (region * channel) int64."""
    key = key_of(kind, bits, least)

    @cuda_kernel()
    def largest(values: Any, channels: int, owner: Any, keys: Any) -> None:
        for part in range(cuda.grid(1), (owner.size + SPAN - 1) // SPAN, cuda.gridsize(1)):
            end = min((part + 1) * SPAN, owner.size)
            for c in range(channels):
                i = part * SPAN
                while i < end:
                    own = owner[i]
                    best = np.int64(LOWEST)
                    while i < end and owner[i] == own:
                        if own >= 0:
                            other = key(values[i * channels + c])
                            best = other if other > best else best
                        i += 1
                    at = np.int64(own) * channels + c
                    if own >= 0 and best > keys[at]:
                        cuda.atomic.max(keys, at, best)

    return largest


@functools.cache
def find_keys(kind: str, bits: int, least: bool) -> Any:
    """Return the kernel that finds the first pixel that has the largest key of its region.

    `where`, (region * channel) int64, is to be large beforehand.
    """
    key = key_of(kind, bits, least)

    @cuda_kernel()
    def first(values: Any, channels: int, owner: Any, keys: Any, where: Any) -> None:
        for i in range(cuda.grid(1), owner.size, cuda.gridsize(1)):
            own = owner[i]
            if own >= 0:
                for c in range(channels):
                    at = np.int64(own) * channels + c
                    if key(values[i * channels + c]) == keys[at] and i < where[at]:
                        cuda.atomic.min(where, at, i)

    return first


@cuda_kernel()
def take(values: Any, channels: int, where: Any, out: Any) -> None:
    """Take the values (pixel * channel) where extrema are; 0 of a region without any pixel."""
    zero = out.dtype.type(0)
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        at = where[i]
        out[i] = values[at * channels + i % channels] if at < values.size else zero


@cuda_kernel()
def add_values(values: Any, totals: Any, channels: int, owner: Any) -> None:
    """Add values (pixel * channel) to totals (region * channel), zeros of float64."""
    for part in range(cuda.grid(1), (owner.size + SPAN - 1) // SPAN, cuda.gridsize(1)):
        end = min((part + 1) * SPAN, owner.size)
        for c in range(channels):
            i = part * SPAN
            while i < end:
                own = owner[i]
                total = np.float64(0)
                while i < end and owner[i] == own:
                    if own >= 0:
                        total += np.float64(values[i * channels + c])
                    i += 1
                if own >= 0:
                    cuda.atomic.add(totals, np.int64(own) * channels + c, total)
