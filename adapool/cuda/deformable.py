"""Samples of a deformable convolution: into columns for a product, or summed channel by channel.

A thread takes a few neighbouring channels of one output pixel, which share their displacements:
it finds where a tap looks once, and reads those channels of the pixels around it. The rule of
interpolation, the number of axes and the number of channels are constants of a kernel.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import cuda, from_dtype

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel

LINEAR, NEAREST, TRUNCATE, TRUNCATE_HALF = 0, 1, 2, 3

_add_stray = cuda_device(_formulas.add_stray)
_clip = cuda_device(_formulas.clip)
_fraction = cuda_device(_formulas.fraction)
_half_sum = cuda_device(_formulas.half_sum)
_inside = cuda_device(_formulas.inside)
_into = cuda_device(_formulas.into)
_rounds_up = cuda_device(_formulas.rounds_up)
_truncated = cuda_device(_formulas.truncated)


@cuda_device
def locate(tap: int, given: Any, most: Any, size: int, rule: int, one: Any) -> Any:
    """Return the pixel that a tap looks at, the one after it, and their shares, along an axis.

    Both pixels are inside; one that had to be moved there has the share 0.
    """
    zero = type(one)(0)
    move = _clip(given, most)
    if rule == LINEAR:
        whole = np.floor(move)
        low = np.int32(tap) + np.int32(whole)
        part = _fraction(move, whole, one)
        front = one - part if _inside(low, size) else zero
        back = part if _inside(low + 1, size) else zero
        return _into(low, size), _into(low + 1, size), front, back
    if rule == NEAREST:
        whole = np.floor(move)
        low = np.int32(tap) + np.int32(whole) + (1 if _rounds_up(move, whole) else 0)
    elif rule == TRUNCATE:
        low = np.int64(_truncated(tap, move))
    else:
        low = np.int64(_half_sum(tap, move))
    return _into(low, size), 0, one if _inside(low, size) else zero, zero


@cuda_device
def corner(image: Any, at: int, share: Any) -> Any:
    """Return one weighted value. With a share of zero it does not count, whatever it holds."""
    return share * type(share)(image[at]) if share != 0 else share


@cuda_device
def blend(image: Any, at: Any, shares: Any, i: int) -> Any:
    """Sum the weighted corners of a square, `i` elements after its pixels begin."""
    total = corner(image, at[0] + i, shares[0])
    total += corner(image, at[1] + i, shares[1])
    other = corner(image, at[2] + i, shares[2])
    return total + (other + corner(image, at[3] + i, shares[3]))


@cuda_device
def square(begin: int, along_y: Any, along_x: Any, scale: Any, width: int, channels: int) -> Any:
    """Return where the four pixels of a square begin, and their shares."""
    above, below, upper, lower = along_y
    left, right, west, east = along_x
    top, bottom = begin + above * width * channels, begin + below * width * channels
    near, far = left * channels, right * channels
    upper, lower = scale * upper, scale * lower
    return (
        (top + near, top + far, bottom + near, bottom + far),
        (upper * west, upper * east, lower * west, lower * east),
    )


@functools.cache
def sampling_kernel(
    rule: int, ndim: int, vector: int, dtype: np.dtype[Any], summed: bool, masked: bool
) -> Any:
    """Return the kernel that samples with a rule, `vector` channels a thread, in `dtype`.

    Its arguments:

    image : flat (batch, plane, row, column, channel); `size` is its shape
    offsets, mask : flat (batch or 1, plane, row, column, value); mask is None where there is none
    grid : (images of offsets, images of the mask, planes, rows, columns, offsets of a pixel)
    item : first image of the block, which is `block` (images, planes, rows, columns) of the output
    first : first output of the block, a triple
    window : (kernel, stride, dilation, origin), triples
    limit : what displacements are clipped to, a triple in the type they are clipped in
    groups : (channels of an offset group, channels of a group of the convolution)
    factors, bias : (tap, channel) flat and (channel,); None unless `summed`
    out : flat; the results (pixel, channel) if `summed`, and otherwise the columns
        (group of the convolution, pixel, tap, channel of the group)
    flags : two, set where an offset and where a mask is not finite
    """
    kind = from_dtype(dtype)
    number = dtype.type
    one, zero = number(1), number(0)

    @cuda_kernel
    def sample(
        image: Any,
        size: Any,
        offsets: Any,
        mask: Any,
        grid: Any,
        item: int,
        first: Any,
        block: Any,
        window: Any,
        limit: Any,
        groups: Any,
        factors: Any,
        bias: Any,
        out: Any,
        flags: Any,
    ) -> None:
        (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
        _, depth, height, width, channels = size
        images, planes, rows, columns = block
        deep, per_group = groups
        taps = kd * kh * kw
        samples = channels // deep * taps
        # One displacement for all taps and groups, or one for each.
        apart = 0 if grid[5] == ndim else ndim
        pixels = images * planes * rows * columns
        vectors = channels // vector
        stray = np.int32(0)
        loose = np.int32(0)
        total = cuda.local.array(vector, kind)
        for plane in range(cuda.blockIdx.z, images * planes, cuda.gridDim.z):
            batch, z = divmod(plane, planes)
            batch += item
            z += first[0]
            volume = batch * depth * height * width * channels
            for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
                y = row + first[1]
                begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
                for i in range(begin, columns * vectors, cuda.gridDim.x * cuda.blockDim.x):
                    column, c = divmod(i, vectors)
                    c *= vector
                    x = column + first[2]
                    pixel = (plane * rows + row) * columns + column
                    first_tap = c // deep * taps
                    part = c // per_group
                    place = ((batch % grid[0] * grid[2] + z) * grid[3] + y) * grid[4] + x
                    move_at = place * grid[5] + first_tap * apart + ndim - 3
                    place = ((batch % grid[1] * grid[2] + z) * grid[3] + y) * grid[4] + x
                    mask_at = place * samples + first_tap
                    target = (part * pixels + pixel) * taps * per_group + c - part * per_group
                    if summed:
                        for v in range(vector):
                            total[v] = bias[c + v]
                    for a in range(kd):
                        for b in range(kh):
                            for d in range(kw):
                                tap = (a * kh + b) * kw + d
                                m = move_at + tap * apart
                                near, far, front, back = 0, 0, one, zero
                                if ndim == 3:
                                    move = offsets[m]
                                    stray = _add_stray(stray, move)
                                    near, far, front, back = locate(
                                        z * sd + od + a * dd, move, limit[0], depth, rule, one
                                    )
                                move = offsets[m + 1]
                                stray = _add_stray(stray, move)
                                along_y = locate(
                                    y * sh + oh + b * dh, move, limit[1], height, rule, one
                                )
                                move = offsets[m + 2]
                                stray = _add_stray(stray, move)
                                along_x = locate(
                                    x * sw + ow + d * dw, move, limit[2], width, rule, one
                                )
                                factor = one
                                if masked:
                                    given = mask[mask_at + tap]
                                    loose = _add_stray(loose, given)
                                    factor = number(given)
                                origin = volume + c
                                origin += near * height * width * channels
                                places, shares = square(
                                    origin, along_y, along_x, front, width, channels
                                )
                                origin = volume + c
                                origin += far * height * width * channels
                                others, rest = square(
                                    origin, along_y, along_x, back, width, channels
                                )
                                for v in range(vector):
                                    if rule == LINEAR:
                                        value = blend(image, places, shares, v)
                                        if ndim == 3:
                                            value += blend(image, others, rest, v)
                                    else:
                                        value = corner(image, places[0] + v, shares[0])
                                    value *= factor
                                    if summed:
                                        total[v] += value * factors[tap * channels + c + v]
                                    else:
                                        out[target + tap * per_group + v] = value
                    if summed:
                        for v in range(vector):
                            out[pixel * channels + c + v] = total[v]
        if stray != 0:
            flags[0] = 1
        if loose != 0:
            flags[1] = 1

    return sample


@cuda_kernel
def move_indices(indices: Any, block: Any, origin: Any, grid: Any) -> None:
    """Turn flat indices into a block into flat indices into the grid that holds it."""
    for i in range(cuda.grid(1), indices.size, cuda.gridsize(1)):
        index = indices[i]
        if index >= 0:
            rest, column = divmod(index, block[2])
            plane, row = divmod(rest, block[1])
            moved = (plane + origin[0]) * grid[1] + row + origin[1]
            indices[i] = moved * grid[2] + column + origin[2]
