"""Gradients of a deformable convolution on the device: what its columns hand on.

Two kernels, which divide the work as suits each. One has a thread for a few channels of a pixel,
as sampling has, and adds to the image; the other one for each sample, which goes through the
channels and gives what displacement and mask change. Sums are atomic, and so in any order.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.convolution.deformable import LINEAR, floor, locate, spread
from adapool.cuda.target import cuda

_inside = cuda_device(_formulas.inside)
_move_is_free = cuda_device(_formulas.move_is_free)


@cuda_device
def give(out: Any, at: int, share: Any, value: Any) -> None:
    """Add a share of a value to an element."""
    if share != 0:
        cuda.atomic.add(out, np.uint64(at), share * value)


@cuda_device
def give_square(out: Any, begin: int, along_y: Any, along_x: Any, scale: Any, value: Any) -> None:
    """Add a value to the corners of a square of the plane that begins at `begin`."""
    above, below, upper, lower = along_y
    left, right, west, east = along_x
    upper, lower = scale * upper, scale * lower
    give(out, begin + above + left, upper * west, value)
    give(out, begin + above + right, upper * east, value)
    give(out, begin + below + left, lower * west, value)
    give(out, begin + below + right, lower * east, value)


@functools.cache
def push_kernel(
    rule: int, ndim: int, vector: int, dtype: np.dtype[Any], masked: bool, index: Any = np.int32
) -> Any:
    """Return the kernel that adds the gradients of columns to the pixels they are sampled from.

    Its arguments are those of `deformable.sampling_kernel`, with `columns` in place of what that
    writes, and `out`, the gradient of the image.
    """
    number = dtype.type
    one, zero = number(1), number(0)

    @cuda_kernel(registers=128 if dtype == np.float32 else 255)
    def push(
        columns: Any, size: Any, offsets: Any, mask: Any, grid: Any, item: int, first: Any,
        block: Any, window: Any, limit: Any, groups: Any, out: Any,
    ) -> None:  # fmt: skip
        (_, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow), past = window
        kernel = window[0]
        _, depth, height, width, channels = size
        images, planes, rows, places = block
        deep, per_group = groups
        taps = kernel[0] * kh * kw
        samples = channels // deep * taps
        apart = 0 if grid[5] == ndim else ndim
        pixels = images * planes * rows * places
        vectors = channels // vector
        line = width * channels
        for i in range(cuda.grid(1), pixels * vectors, cuda.gridsize(1)):
            pixel, c = divmod(i, vectors)
            c *= vector
            rest, column = divmod(pixel, places)
            rest, row = divmod(rest, rows)
            batch, plane = divmod(rest, planes)
            batch += item
            z, y, x = plane + first[0], row + first[1], column + first[2]
            first_tap = c // deep * taps
            part = c // per_group
            place = ((batch % grid[0] * grid[2] + z) * grid[3] + y) * grid[4] + x
            move_at = place * grid[5] + first_tap * apart + ndim - 3
            place = ((batch % grid[1] * grid[2] + z) * grid[3] + y) * grid[4] + x
            mask_at = place * samples + first_tap
            source = (part * pixels + pixel) * taps * per_group + c - part * per_group
            begin = batch * depth * height * line + c
            for tap in range(taps):
                rest, d = divmod(tap, kw)
                a, b = divmod(rest, kh)
                m = move_at + tap * apart
                along_z = index(0), index(0), one, zero
                if ndim == 3:
                    move = offsets[np.uint64(m)]
                    along_z = locate(
                        z * sd + od + a * dd, move, limit[0], depth, past[0], rule, one
                    )
                    along_z = spread(along_z, height * line, index)
                move = offsets[np.uint64(m + 1)]
                along_y = locate(y * sh + oh + b * dh, move, limit[1], height, past[1], rule, one)
                along_y = spread(along_y, line, index)
                move = offsets[np.uint64(m + 2)]
                along_x = locate(x * sw + ow + d * dw, move, limit[2], width, past[2], rule, one)
                along_x = spread(along_x, channels, index)
                near, far, front, back = along_z
                factor = one
                if masked:
                    factor = number(mask[np.uint64(mask_at + tap)])
                for v in range(vector):
                    at = begin + v
                    value = factor * columns[np.uint64(source + tap * per_group + v)]
                    if rule == LINEAR:
                        give_square(out, at + near, along_y, along_x, front, value)
                        if ndim == 3:
                            give_square(out, at + far, along_y, along_x, back, value)
                    else:
                        at += near + along_y[0] + along_x[0]
                        give(out, at, front * along_y[2] * along_x[2], value)

    return push


@cuda_device
def slopes(tap: int, given: Any, most: Any, size: int, one: Any) -> Any:
    """Return how the shares of the two pixels of `locate` change with the displacement."""
    zero = type(one)(0)
    free = _move_is_free(given, most)
    low = np.int32(tap) + np.int32(floor(given if free else most))
    near = -one if free and _inside(low, size) else zero
    return near, one if free and _inside(low + 1, size) else zero


@cuda_device
def part_of(share: Any, total: Any) -> Any:
    """Return a share of a sum: 0 where it is none, whatever pixels there are in the sum."""
    return share * total if share != 0 else share


@cuda_device
def combine(totals: Any, along_y: Any, along_x: Any, slope_y: Any, slope_x: Any) -> Any:
    """Return what a sample of a plane changes with mask, row and column, of its four sums."""
    a, b, c, d = totals
    west, east = along_x[2], along_x[3]
    top, bottom = part_of(west, a) + part_of(east, b), part_of(west, c) + part_of(east, d)
    value = part_of(along_y[2], top) + part_of(along_y[3], bottom)
    of_y = part_of(slope_y[0], top) + part_of(slope_y[1], bottom)
    of_x = part_of(along_y[2], part_of(slope_x[0], a) + part_of(slope_x[1], b))
    of_x += part_of(along_y[3], part_of(slope_x[0], c) + part_of(slope_x[1], d))
    return value, of_y, of_x


@functools.cache
def pull_kernel(
    rule: int, ndim: int, dtype: np.dtype[Any], masked: bool, index: Any = np.int32
) -> Any:
    """Return the kernel that gives the gradients of displacements and mask, sample by sample.

    Its arguments are those of :func:`push_kernel` and the image; `of_offsets` and `of_mask` are as
    `offsets` and `mask`, and are added to.
    """
    number = dtype.type
    one, zero = number(1), number(0)

    @cuda_kernel(registers=128 if dtype == np.float32 else 255)
    def pull(
        columns: Any, image: Any, size: Any, offsets: Any, mask: Any, grid: Any, item: int,
        first: Any, block: Any, window: Any, limit: Any, groups: Any, of_offsets: Any,
        of_mask: Any,
    ) -> None:  # fmt: skip
        (_, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow), past = window
        kernel = window[0]
        _, depth, height, width, channels = size
        images, planes, rows, places = block
        deep, per_group = groups
        taps = kernel[0] * kh * kw
        samples = channels // deep * taps
        apart = 0 if grid[5] == ndim else ndim
        pixels = images * planes * rows * places
        line = width * channels
        for i in range(cuda.grid(1), pixels * samples, cuda.gridsize(1)):
            pixel, s = divmod(i, samples)
            group, tap = divmod(s, taps)
            rest, d = divmod(tap, kw)
            a, b = divmod(rest, kh)
            rest, column = divmod(pixel, places)
            rest, row = divmod(rest, rows)
            batch, plane = divmod(rest, planes)
            batch += item
            z, y, x = plane + first[0], row + first[1], column + first[2]
            place = ((batch % grid[0] * grid[2] + z) * grid[3] + y) * grid[4] + x
            m = place * grid[5] + s * apart + ndim - 3
            place = ((batch % grid[1] * grid[2] + z) * grid[3] + y) * grid[4] + x
            mask_at = place * samples + s
            at_z, at_y = z * sd + od + a * dd, y * sh + oh + b * dh
            at_x = x * sw + ow + d * dw
            along_z = index(0), index(0), one, zero
            slope_z = zero, zero
            slope_y = zero, zero
            slope_x = zero, zero
            if ndim == 3:
                move = offsets[np.uint64(m)]
                along_z = locate(at_z, move, limit[0], depth, past[0], rule, one)
                along_z = spread(along_z, height * line, index)
                if rule == LINEAR:
                    slope_z = slopes(at_z, move, limit[0], depth, one)
            move = offsets[np.uint64(m + 1)]
            along_y = locate(at_y, move, limit[1], height, past[1], rule, one)
            along_y = spread(along_y, line, index)
            if rule == LINEAR:
                slope_y = slopes(at_y, move, limit[1], height, one)
            move = offsets[np.uint64(m + 2)]
            along_x = locate(at_x, move, limit[2], width, past[2], rule, one)
            along_x = spread(along_x, channels, index)
            if rule == LINEAR:
                slope_x = slopes(at_x, move, limit[2], width, one)
            p, q, r, t = zero, zero, zero, zero
            e, f, g, h = zero, zero, zero, zero
            volume = batch * depth * height * line
            for c in range(group * deep, (group + 1) * deep):
                part = c // per_group
                source = (part * pixels + pixel) * taps * per_group
                source += tap * per_group + c - part * per_group
                gradient = columns[np.uint64(source)]
                at = volume + c + along_z[0]
                left, right = at + along_x[0], at + along_x[1]
                p += gradient * number(image[np.uint64(left + along_y[0])])
                if rule == LINEAR:
                    q += gradient * number(image[np.uint64(right + along_y[0])])
                    r += gradient * number(image[np.uint64(left + along_y[1])])
                    t += gradient * number(image[np.uint64(right + along_y[1])])
                    if ndim == 3:
                        at = volume + c + along_z[1]
                        left, right = at + along_x[0], at + along_x[1]
                        e += gradient * number(image[np.uint64(left + along_y[0])])
                        f += gradient * number(image[np.uint64(right + along_y[0])])
                        g += gradient * number(image[np.uint64(left + along_y[1])])
                        h += gradient * number(image[np.uint64(right + along_y[1])])
            near = combine((p, q, r, t), along_y, along_x, slope_y, slope_x)
            value = part_of(along_z[2], near[0])
            of_y, of_x = part_of(along_z[2], near[1]), part_of(along_z[2], near[2])
            of_z = part_of(slope_z[0], near[0])
            if ndim == 3:
                far = combine((e, f, g, h), along_y, along_x, slope_y, slope_x)
                value += part_of(along_z[3], far[0])
                of_y += part_of(along_z[3], far[1])
                of_x += part_of(along_z[3], far[2])
                of_z += part_of(slope_z[1], far[0])
            factor = one
            if masked:
                factor = number(mask[np.uint64(mask_at)])
                cuda.atomic.add(of_mask, np.uint64(mask_at), value)
            if rule == LINEAR:
                if ndim == 3:
                    cuda.atomic.add(of_offsets, np.uint64(m), factor * of_z)
                cuda.atomic.add(of_offsets, np.uint64(m + 1), factor * of_y)
                cuda.atomic.add(of_offsets, np.uint64(m + 2), factor * of_x)

    return pull


@cuda_kernel()
def spread_channels(cotangent: Any, factors: Any, channels: int, taps: int, columns: Any) -> None:
    """Write the columns (pixel, tap, channel) of one factor for each tap and channel."""
    for i in range(cuda.grid(1), columns.size, cuda.gridsize(1)):
        rest, c = divmod(i, channels)
        pixel, tap = divmod(rest, taps)
        given = cotangent[np.uint64(pixel * channels + c)]
        columns[np.uint64(i)] = given * factors[np.uint64(tap * channels + c)]


@functools.cache
def sum_kernel(paired: bool) -> Any:
    """Return the kernel that sums (pixel, column) over pixels, times (pixel, channel) if paired."""

    @cuda_kernel()
    def sum_pixels(values: Any, width: int, other: Any, channels: int, runs: int, out: Any) -> None:
        pixels = values.size // width
        run = (pixels + runs - 1) // runs
        for i in range(cuda.grid(1), width * runs, cuda.gridsize(1)):
            number, j = divmod(i, width)
            total = out.dtype.type(0)
            for pixel in range(number * run, min((number + 1) * run, pixels)):
                value = values[np.uint64(pixel * width + j)]
                if paired:
                    value *= other[np.uint64(pixel * channels + j % channels)]
                total += value
            cuda.atomic.add(out, np.uint64(j), total)

    return sum_pixels


@cuda_kernel()
def add_matrix(values: Any, out: Any) -> None:
    """Add a matrix to one whose rows may be apart."""
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        row, column = divmod(i, values.shape[1])
        out[row, column] += values[row, column]
