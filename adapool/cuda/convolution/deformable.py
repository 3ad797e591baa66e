"""Samples of a deformable convolution: into columns for a product, or summed channel by channel.

A thread takes a few channels of one output pixel, which share their displacements: it finds where a
tap looks once, and reads those channels of the pixels around it. Neighbouring threads take
neighbouring channels. The rule of interpolation, the number of axes and the channels of a thread
are constants of a kernel.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda, from_dtype

LINEAR, NEAREST, TRUNCATE, TRUNCATE_HALF = 0, 1, 2, 3

# What comes of samples: columns for a product, or their sums, channel by channel.
COLUMNS, SUMMED = 0, -1

_add_stray = cuda_device(_formulas.add_stray)
_clip = cuda_device(_formulas.clip)
_fraction = cuda_device(_formulas.fraction)
_half_sum = cuda_device(_formulas.half_sum)
_inside = cuda_device(_formulas.inside)
_into = cuda_device(_formulas.into)
_rounds_up = cuda_device(_formulas.rounds_up)
_truncated = cuda_device(_formulas.truncated)


@cuda_device
def floor(move: Any) -> Any:
    """Return the floor of a displacement that fits 32 bits, in its own type."""
    whole = type(move)(np.int32(move))
    return whole - type(move)(1) if whole > move else whole


@cuda_device
def locate(tap: int, given: Any, most: Any, size: int, begin: int, rule: int, one: Any) -> Any:
    """Return the pixel that a tap looks at, the one after it, and their shares, along an axis.

    Both pixels are inside; one that had to be moved there has the share 0. Truncation is of a sum
    in the whole image, in which this one begins at `begin`.
    """
    zero = type(one)(0)
    low: Any
    move = _clip(given, most)
    if rule == LINEAR:
        whole = floor(move)
        low = np.int32(tap) + np.int32(whole)
        part = _fraction(move, whole, one)
        front = one - part if _inside(low, size) else zero
        back = part if _inside(low + 1, size) else zero
        return _into(low, size), _into(low + 1, size), front, back
    if rule == NEAREST:
        whole = floor(move)
        low = np.int32(tap) + np.int32(whole) + (1 if _rounds_up(move, whole) else 0)
    elif rule == TRUNCATE:
        low = np.int64(_truncated(begin + tap, move)) - begin
    else:
        low = np.int64(_half_sum(begin + tap, move)) - begin
    return _into(low, size), 0, one if _inside(low, size) else zero, zero


@cuda_device
def corner(image: Any, at: int, share: Any) -> Any:
    """Return one weighted value. With a share of zero it does not count, whatever it holds."""
    # An index without a sign: one with a sign is tested for being negative.
    return share * type(share)(image[np.uint64(at)]) if share != 0 else share


@cuda_device
def blend(image: Any, begin: int, along_y: Any, along_x: Any, scale: Any) -> Any:
    """Sum the weighted corners of a square of the plane that begins at `begin`."""
    above, below, upper, lower = along_y
    left, right, west, east = along_x
    upper, lower = scale * upper, scale * lower
    # Distances first: they are those of all channels.
    total = corner(image, begin + (above + left), upper * west)
    total += corner(image, begin + (above + right), upper * east)
    other = corner(image, begin + (below + left), lower * west)
    return total + (other + corner(image, begin + (below + right), lower * east))


@cuda_device
def spread(along: Any, step: int, index: Any) -> Any:
    """Turn the two pixels of :func:`locate` into elements, `step` of them to a pixel."""
    near, far, front, back = along
    return index(near * step), index(far * step), front, back


@functools.cache
def sampling_kernel(
    rule: int,
    ndim: int,
    vector: int,
    lanes: int,
    dtype: np.dtype[Any],
    result: int,
    masked: bool,
    index: Any = np.int32,
) -> Any:
    """Return the kernel that samples with a rule, in `dtype`.

    A thread takes `vector` channels that are `lanes` apart, and so do `lanes` neighbouring threads.
    `result` is COLUMNS, or SUMMED for one factor for each channel, or the number of filters of few
    channels, all of which a thread has. `index` is the type that holds the number of any element of
    one image.

    Its arguments:

    image : flat (batch, plane, row, column, channel); `size` is its shape
    offsets, mask : flat (batch or 1, plane, row, column, value); mask is looked at if `masked`
    grid : (images of offsets, images of the mask, planes, rows, columns, offsets of a pixel)
    item : first image of the block, which is `block` (images, planes, rows, columns) of the output
    first : first output of the block, a triple
    window : (kernel, stride, dilation, origin, begin), triples; `begin` is where the image begins
        in the one that it is a block of
    limit : what displacements are clipped to, a triple in the type they are clipped in
    groups : (channels of an offset group, channels of a group of the convolution)
    factors, bias : (tap, channel or channel, filter) flat and (channel or filter,); not for columns
    out : flat; the results (pixel, channel or filter), and otherwise the columns (group of the
        convolution, pixel, tap, channel of the group)
    flags : two, set where an offset and where a mask is not finite
    """
    kind = from_dtype(dtype)
    number = dtype.type
    one, zero = number(1), number(0)
    sums = 1 if result == COLUMNS else vector if result == SUMMED else result
    chunk = vector * lanes
    registers = 255 if dtype == np.float64 else 72 if ndim == 2 else 128

    @cuda_kernel(registers=registers)
    def sample(
        image: Any, size: Any, offsets: Any, mask: Any, grid: Any, item: int, first: Any,
        block: Any, window: Any, limit: Any, groups: Any, factors: Any, bias: Any, out: Any,
        flags: Any,
    ) -> None:  # fmt: skip
        (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow), past = window
        depth, height, width = index(size[1]), index(size[2]), index(size[3])
        channels = index(size[4])
        images, planes, rows, columns = block
        deep, per_group = index(groups[0]), index(groups[1])
        taps = index(kd * kh * kw)
        samples = index(channels // deep * taps)
        # One displacement for all taps and groups, or one for each.
        apart = index(0) if grid[5] == ndim else index(ndim)
        pixels = images * planes * rows * columns
        threads = index(channels // vector)
        line = index(width * channels)
        stray = np.int32(0)
        loose = np.int32(0)
        total = cuda.local.array(sums, kind)
        i = index(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        column = index(np.uint32(i) // np.uint32(threads))
        rest = index(i - column * threads)
        c = index(rest // lanes * chunk + rest % lanes)
        part = index(c // per_group)
        first_tap = index(c // deep * taps)
        x0 = index((column + first[2]) * sw + ow)
        plane = np.int64(cuda.blockIdx.z)
        while plane < images * planes and column < columns:
            batch, z = plane // planes, plane % planes + first[0]
            batch += item
            volume = batch * depth * height * line
            row = index(cuda.blockIdx.y)
            while row < rows:
                y = index(row + first[1])
                pixel = (plane * rows + row) * columns + column
                place = ((batch % grid[0] * grid[2] + z) * grid[3] + y) * grid[4]
                place += column + first[2]
                move_at = np.uint64(place * grid[5] + first_tap * apart)
                place = ((batch % grid[1] * grid[2] + z) * grid[3] + y) * grid[4]
                mask_at = np.uint64((place + column + first[2]) * samples + first_tap)
                target = (part * pixels + pixel) * taps * per_group
                target = np.uint64(target + (c - part * per_group))
                if result == SUMMED:
                    for v in range(vector):
                        total[v] = bias[np.uint64(c + v * lanes)]
                elif result != COLUMNS:
                    for f in range(sums):
                        total[f] = bias[f]
                tap = index(0)
                for a in range(kd):
                    for b in range(kh):
                        for d in range(kw):
                            along_z = index(0), index(0), one, zero
                            if ndim == 3:
                                move = offsets[move_at]
                                stray = _add_stray(stray, move)
                                along_z = locate(
                                    index(z * sd + od + a * dd), move, limit[0], depth, past[0],
                                    rule, one,
                                )  # fmt: skip
                                along_z = spread(along_z, index(height * line), index)
                            move = offsets[np.uint64(move_at + np.uint64(ndim - 2))]
                            stray = _add_stray(stray, move)
                            along_y = locate(
                                index(y * sh + oh + b * dh), move, limit[1], height, past[1], rule,
                                one,
                            )  # fmt: skip
                            along_y = spread(along_y, line, index)
                            move = offsets[np.uint64(move_at + np.uint64(ndim - 1))]
                            stray = _add_stray(stray, move)
                            along_x = locate(
                                index(x0 + d * dw), move, limit[2], width, past[2], rule, one
                            )
                            along_x = spread(along_x, channels, index)
                            near, far, front, back = along_z
                            factor = one
                            if masked:
                                given = mask[mask_at]
                                loose = _add_stray(loose, given)
                                factor = number(given)
                            for v in range(vector):
                                at = volume + near + c + v * lanes
                                if rule == LINEAR:
                                    value = blend(image, at, along_y, along_x, front)
                                    if ndim == 3:
                                        at = volume + far + c + v * lanes
                                        value += blend(image, at, along_y, along_x, back)
                                else:
                                    at += index(along_y[0] + along_x[0])
                                    share = front * along_y[2] * along_x[2]
                                    value = corner(image, at, share)
                                value *= factor
                                if result == SUMMED:
                                    at = tap * channels + c + v * lanes
                                    total[v] += value * factors[np.uint64(at)]
                                elif result == COLUMNS:
                                    out[np.uint64(target + np.uint64(v * lanes))] = value
                                else:
                                    for f in range(sums):
                                        at = (tap * vector + v) * sums + f
                                        total[f] += value * factors[np.uint64(at)]
                            tap = index(tap + 1)
                            move_at = np.uint64(move_at + np.uint64(apart))
                            mask_at = np.uint64(mask_at + np.uint64(1))
                            target = np.uint64(target + np.uint64(per_group))
                if result == SUMMED:
                    for v in range(vector):
                        out[np.uint64(pixel * channels + c + v * lanes)] = total[v]
                elif result != COLUMNS:
                    for f in range(sums):
                        out[np.uint64(pixel * sums + f)] = total[f]
                row = index(row + cuda.gridDim.y)
            plane += cuda.gridDim.z
        if stray != 0:
            flags[0] = 1
        if loose != 0:
            flags[1] = 1

    return sample


@cuda_kernel()
def move_indices(indices: Any, block: Any, origin: Any, grid: Any) -> None:
    """Turn flat indices into a block into flat indices into the grid that holds it."""
    for i in range(cuda.grid(1), indices.size, cuda.gridsize(1)):
        index = indices[i]
        if index >= 0:
            rest, column = divmod(index, block[2])
            plane, row = divmod(rest, block[1])
            moved = (plane + origin[0]) * grid[1] + row + origin[1]
            indices[i] = moved * grid[2] + column + origin[2]
