"""Samples of an image at displaced taps: the columns that a deformable convolution multiplies.

A sample is one tap of one offset group of one output pixel, and has one value for each channel of
the group. Samples of consecutive pixels of a row are taken in chunks that stay in the L1 cache,
in three passes: where each is (`_locate`), which pixels it reads with which weights
(`_weigh_...`), and their sum (`_blend_...`). All samples of a chunk take the same straight path,
with indices moved into the image and weights set to zero where a corner is outside, so that the
passes are vectorised over samples, or over channels where there are many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adapool import _formulas
from adapool._jit import device
from adapool.cpu._memory import apart

LINEAR, NEAREST, TRUNCATE = 0, 1, 2

# Samples of a chunk: its buffers take 72 bytes a sample in float32. Known when compiling: of
# parts of a buffer that are a constant apart, the compiler sees that they do not overlap.
CHUNK = 512

# From this many channels on, channels fill the vectors better than samples do.
_WIDE = 8

_load, _store = apart("columns")
_clip = device(_formulas.clip)
_inside = device(_formulas.inside)
_into = device(_formulas.into)


class Taps(NamedTuple):
    """The samples of consecutive pixels of a row, relative to the first pixel: five tables."""

    source: Any  # where the displacement is, in the offsets
    plane: Any  # where the tap is
    row: Any
    column: Any
    channel: Any  # first channel of the offset group


class Rule(NamedTuple):
    """How samples are taken."""

    interpolation: Any
    ndim: Any  # displacements of a tap
    limit: Any  # (3,) array of what displacements are clipped to, in their own dtype


class Buffers(NamedTuple):
    """What is known of the samples of a chunk, in parts of CHUNK elements."""

    low: Any  # pixel below the position: plane, row, column
    fraction: Any  # and what is left of the position
    at: Any  # the pixels read: index into the image
    weight: Any
    factor: Any  # mask


@device
def new_buffers(number: Any, index: Any) -> Any:
    """Allocate the buffers; `number` and `index` are arrays of the dtypes wanted."""
    low = np.zeros(3 * CHUNK, np.int32)
    fraction = np.zeros(3 * CHUNK, number.dtype)
    at = np.zeros(8 * CHUNK, index.dtype)
    weight = np.zeros(8 * CHUNK, number.dtype)
    return Buffers(low, fraction, at, weight, np.ones(CHUNK, number.dtype))


@device
def new_taps(length: int) -> Any:
    """Allocate the tables."""
    return Taps(
        np.empty(length, np.int32),
        np.empty(length, np.int32),
        np.empty(length, np.int32),
        np.empty(length, np.int32),
        np.empty(length, np.int32),
    )


@device
def fill_taps(taps: Any, kernel: Any, dilation: Any, step: int, groups: Any, source: Any) -> None:
    """Fill the tables.

    `groups` is (number of offset groups, channels of each), `source` the distances in the
    offsets between samples and between pixels.
    """
    count, depth = groups
    per_sample, per_pixel = source
    samples = count * kernel[0] * kernel[1] * kernel[2]
    i = 0
    for pixel in range(taps.source.size // samples):
        for group in range(count):
            for plane in range(kernel[0]):
                for row in range(kernel[1]):
                    for column in range(kernel[2]):
                        taps.source[i] = pixel * per_pixel + (i - pixel * samples) * per_sample
                        taps.plane[i] = plane * dilation[0]
                        taps.row[i] = row * dilation[1]
                        taps.column[i] = pixel * step + column * dilation[2]
                        taps.channel[i] = group * depth
                        i += 1


@device
def _locate(
    offsets: Any, source: Any, tap: Any, start: Any, limit: Any, axis: int, rule: Any, buffers: Any
) -> None:
    """Find along one axis the pixel below each sample, and the fraction beyond it."""
    low = buffers.low[axis * CHUNK : (axis + 1) * CHUNK]
    fraction = buffers.fraction[axis * CHUNK : (axis + 1) * CHUNK]
    number = limit.dtype.type
    most = limit[axis]
    if rule.interpolation == TRUNCATE:
        for j in range(source.size):
            move = _clip(_load(offsets, _load(source, j)), most)
            _store(low, j, np.int32(number(start + _load(tap, j)) + move))
    elif rule.interpolation == NEAREST:
        for j in range(source.size):
            move = _clip(_load(offsets, _load(source, j)), most)
            whole = np.floor(move)
            up = 1 if move - whole >= number(0.5) else 0
            _store(low, j, np.int32(start + _load(tap, j) + np.int32(whole) + up))
    else:
        for j in range(source.size):
            move = _clip(_load(offsets, _load(source, j)), most)
            whole = np.floor(move)
            _store(low, j, np.int32(start + _load(tap, j) + np.int32(whole)))
            _store(fraction, j, fraction.dtype.type(np.float64(move) - np.float64(whole)))


@device
def _weigh_nearest(n: int, channel: Any, size: Any, stride: Any, buffers: Any) -> None:
    """One pixel for each sample."""
    low, at, weight = buffers.low, buffers.at, buffers.weight
    one, zero = weight.dtype.type(1), weight.dtype.type(0)
    for j in range(n):
        plane, row, column = low[j], low[CHUNK + j], low[2 * CHUNK + j]
        here = _inside(plane, size[0]) and _inside(row, size[1]) and _inside(column, size[2])
        at[j] = (
            _into(plane, size[0]) * stride[0]
            + _into(row, size[1]) * stride[1]
            + _into(column, size[2]) * stride[2]
            + channel[j]
        )
        weight[j] = one if here else zero


@device
def _weigh_linear(n: int, channel: Any, size: Any, stride: Any, ndim: int, buffers: Any) -> None:
    """Four corners for each sample, in a plane, or in each of two."""
    low, fraction, at, weight = buffers.low, buffers.fraction, buffers.at, buffers.weight
    one, zero = weight.dtype.type(1), weight.dtype.type(0)
    for upper in range(ndim - 1):
        for j in range(n):
            first = channel[j]
            share = one
            if ndim == 3:
                plane = low[j] + upper
                share = fraction[j] if upper else one - fraction[j]
                share = share if _inside(plane, size[0]) else zero
                first += _into(plane, size[0]) * stride[0]
            row, column = low[CHUNK + j], low[2 * CHUNK + j]
            down, right = fraction[CHUNK + j], fraction[2 * CHUNK + j]
            up = (one - down) * share if _inside(row, size[1]) else zero
            down = down * share if _inside(row + 1, size[1]) else zero
            left = one - right if _inside(column, size[2]) else zero
            right = right if _inside(column + 1, size[2]) else zero
            above = first + _into(row, size[1]) * stride[1]
            below = first + _into(row + 1, size[1]) * stride[1]
            west = _into(column, size[2]) * stride[2]
            east = _into(column + 1, size[2]) * stride[2]
            k = upper * 4 * CHUNK + j
            at[k] = above + west
            at[k + CHUNK] = above + east
            at[k + 2 * CHUNK] = below + west
            at[k + 3 * CHUNK] = below + east
            weight[k] = up * left
            weight[k + CHUNK] = up * right
            weight[k + 2 * CHUNK] = down * left
            weight[k + 3 * CHUNK] = down * right


@device
def _read(image: Any, at: Any, weight: Any, j: int) -> Any:
    """One weighted corner. A corner of weight zero does not count, whatever it holds."""
    share = _load(weight, j)
    value = share * weight.dtype.type(_load(image, _load(at, j)))
    return value if share != 0 else weight.dtype.type(0)


@device
def _read_quad(image: Any, at: Any, weight: Any, j: int) -> Any:
    return (_read(image, at, weight, j) + _read(image, at, weight, CHUNK + j)) + (
        _read(image, at, weight, 2 * CHUNK + j) + _read(image, at, weight, 3 * CHUNK + j)
    )


@device
def _blend_narrow(image: Any, n: int, corners: int, depth: int, buffers: Any, out: Any) -> None:
    """Sum the corners of each sample, vectorised over samples: for few channels."""
    at, weight, factor = buffers.at, buffers.weight, buffers.factor
    for channel in range(depth):
        pixels = image[channel:]
        line = out[channel:]
        if corners == 1:
            for j in range(n):
                _store(line, j * depth, _load(factor, j) * _read(pixels, at, weight, j))
        elif corners == 4:
            for j in range(n):
                _store(line, j * depth, _load(factor, j) * _read_quad(pixels, at, weight, j))
        else:
            for j in range(n):
                value = _read_quad(pixels, at, weight, j)
                value += _read_quad(pixels, at, weight, 4 * CHUNK + j)
                _store(line, j * depth, _load(factor, j) * value)


@device
def _blend_wide(image: Any, n: int, corners: int, depth: int, buffers: Any, out: Any) -> None:
    """Sum the corners of each sample, vectorised over its channels."""
    at, weight = buffers.at, buffers.weight
    number = weight.dtype.type
    for j in range(n):
        line = out[j * depth : (j + 1) * depth]
        factor = buffers.factor[j]
        w0, w1 = weight[j], weight[CHUNK + j]
        w2, w3 = weight[2 * CHUNK + j], weight[3 * CHUNK + j]
        if corners == 4 and w0 * w3 != 0 and w1 * w2 != 0:
            a, b = image[at[j] :], image[at[CHUNK + j] :]
            c, d = image[at[2 * CHUNK + j] :], image[at[3 * CHUNK + j] :]
            for i in range(depth):
                top = w0 * number(_load(a, i)) + w1 * number(_load(b, i))
                bottom = w2 * number(_load(c, i)) + w3 * number(_load(d, i))
                _store(line, i, factor * (top + bottom))
            continue
        for i in range(depth):
            line[i] = 0
        for corner in range(corners):
            share = weight[corner * CHUNK + j]
            if share != 0:
                pixel = image[at[corner * CHUNK + j] :]
                for i in range(depth):
                    line[i] += share * number(_load(pixel, i))
        for i in range(depth):
            line[i] *= factor


@device
def sample_run(
    image: Any,
    size: Any,
    offsets: Any,
    mask: Any,
    start: Any,
    taps: Any,
    rule: Any,
    buffers: Any,
    depth: int,
    out: Any,
) -> None:
    """Take the samples of consecutive pixels of an output row.

    `image`, `offsets`, `mask` and `out` are one-dimensional and begin at what belongs to the
    image or to the first pixel; `mask` is empty where there is none. `size` and `start` are the
    extents of the image, channels last, and the position of the first tap.
    """
    one = buffers.at.dtype.type(1)
    stride = (one * size[1] * size[2] * size[3], one * size[2] * size[3], one * size[3])
    linear = rule.interpolation == LINEAR
    corners = 1 << rule.ndim if linear else 1
    samples = out.size // depth
    for first in range(0, samples, CHUNK):
        n = min(CHUNK, samples - first)
        last = first + n
        source = taps.source[first:last]
        axis = 3 - rule.ndim
        if axis == 0:
            _locate(offsets, source, taps.plane[first:last], start[0], rule.limit, 0, rule, buffers)
        _locate(
            offsets[1 - axis :],
            source,
            taps.row[first:last],
            start[1],
            rule.limit,
            1,
            rule,
            buffers,
        )
        _locate(
            offsets[2 - axis :],
            source,
            taps.column[first:last],
            start[2],
            rule.limit,
            2,
            rule,
            buffers,
        )
        if mask.size:
            for j in range(n):
                buffers.factor[j] = mask[first + j]
        channel = taps.channel[first:last]
        if linear:
            _weigh_linear(n, channel, size, stride, rule.ndim, buffers)
        else:
            _weigh_nearest(n, channel, size, stride, buffers)
        target = out[first * depth : last * depth]
        if depth < _WIDE:
            _blend_narrow(image, n, corners, depth, buffers, target)
        else:
            _blend_wide(image, n, corners, depth, buffers, target)
