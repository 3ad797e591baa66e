"""Gradients of a deformable convolution, alone and pooled, by blocks of bounded memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Array, plain
from adapool._convolution import ConvGradients, ConvKernel, ConvWanted, Sampling
from adapool._jit import PARALLEL_FROM, workers_for
from adapool._windows import Windows
from adapool.cpu.convolution import adjoint
from adapool.cpu.convolution.blas import single_threaded_blas
from adapool.cpu.convolution.blocks import (
    CONVERTED_BYTES,
    FARTHEST,
    RULES,
    check_extents,
    choose_tile,
    column_places,
    constant,
    tap_table,
)
from adapool.cpu.convolution.matrices import routines
from adapool.cpu.convolution.places import CHUNK, COLUMNS, PLACES
from adapool.cpu.convolution.sampling import WIDE
from adapool.cpu.convolution.slopes import EXTRA
from adapool.cpu.winners.launch import scatter_winners

# Bytes of gradients of columns that are held at a time.
_BLOCK_BYTES = 16 << 20

# Sums of the gradient of the weights that are taken side by side, and the bytes that they may have.
_SLOTS = 16
_SLOT_BYTES = 64 << 20


def deformable_vjp(
    image: Array,
    kernel: ConvKernel,
    windows: Windows,
    sampling: Sampling,
    dtype: np.dtype[Any],
    cotangent: Array,
    pool: tuple[Windows, Array] | None,
    wanted: ConvWanted,
) -> ConvGradients:
    """Carry a cotangent (batch, plane, row, column, F) back.

    `pool` is what the result was pooled in, and where in it the winners are. What is not `wanted`
    is not computed.
    """
    weights, bias = kernel.in_dtype(dtype)
    number = weights.dtype
    cotangent = plain(cotangent.astype(number, copy=False))
    if image.size * number.itemsize <= CONVERTED_BYTES:
        image = plain(image.astype(number, copy=False))
    job = _Job(image, weights, kernel.groups, windows, sampling, wanted)
    filters = weights.shape[-1]
    most = max(1, _BLOCK_BYTES // (job.columns * number.itemsize))
    for item in range(len(image) if job.needed else 0):
        given = cotangent[item : item + 1]
        for first, size in Windows.points(windows.outputs).blocks(most):
            begin = (first[0] * windows.outputs[1] + first[1]) * windows.outputs[2] + first[2]
            part = begin, math.prod(size)
            if pool is None:
                block = given.reshape(-1, filters)[begin : begin + part[1]]
            else:
                target = 1, windows.count, filters
                won = pool[1][item : item + 1]
                block = scatter_winners(given, won, target, pool[0], part)
            job.pull(item, part, block)
    of_bias = None
    if bias is not None and wanted.bias:
        of_bias = cotangent.reshape(-1, filters).sum(axis=0, dtype=np.float64).astype(number)
    return ConvGradients(
        job.of_image, job.gradient_of_weights(), of_bias, job.of_offsets, job.of_mask
    )


class _Job:
    """What the blocks of one convolution share, and what they add to."""

    def __init__(
        self, image: Array, weights: Array, groups: int, windows: Windows, sampling: Sampling,
        wanted: ConvWanted,
    ) -> None:  # fmt: skip
        channels, filters = image.shape[-1], weights.shape[-1]
        number = weights.dtype
        self.image, self.weights, self.groups = image, weights, groups
        self.windows, self.sampling = windows, sampling
        self.filters = filters
        self.depth = channels // sampling.offset_groups
        self.columns = windows.taps * channels
        self.offsets = offsets = sampling.offsets
        self.mask = mask = sampling.mask
        self.wanted = wanted._replace(mask=wanted.mask and mask is not None)
        self.of_image = np.zeros(image.shape, number) if wanted.image else None
        self.of_offsets = np.zeros(offsets.shape, number) if wanted.offsets else None
        self.of_mask = None
        if mask is not None and wanted.mask:
            self.of_mask = np.zeros(mask.shape, number)
        check_extents(image.shape, windows, windows.origin, (1, *windows.outputs))
        self.places = column_places(windows.taps, channels, groups, sampling.offset_groups)
        self.depthwise = channels == filters == groups and (channels > 1 or windows.taps == 1)
        self.rows = self.columns // groups
        # Of one group the rows are in the order of the columns.
        self.order = np.argsort(self.places[0]) if groups == 1 else np.arange(self.rows)
        self.grouped = None
        if not self.depthwise:
            by_group = weights.reshape(self.rows, groups, -1).transpose(1, 2, 0)
            self.grouped = plain(by_group[..., self.order])
        room = weights.size * number.itemsize
        self.slots = max(1, min(_SLOTS, _SLOT_BYTES // room))
        self.of_weights = np.zeros((self.slots, weights.size), number)

    @property
    def needed(self) -> bool:
        """Whether anything is wanted that comes of the samples."""
        wanted = self.wanted
        return wanted.image or wanted.weights or wanted.offsets or wanted.mask

    def pull(self, item: int, part: tuple[int, int], cotangent: Array) -> None:
        """Add what a block of outputs gives: `part` is its first output, and how many."""
        image, sampling, windows, taps = self.image, self.sampling, self.windows, self.windows.taps
        offsets, of_offsets = _of_item(self.offsets, item), _of_item(self.of_offsets, item)
        mask, of_mask = _of_item(self.mask, item), _of_item(self.of_mask, item)
        number = self.weights.dtype
        width, ndim = offsets.shape[-1], sampling.ndim
        samples = sampling.offset_groups * taps
        per_group = self.filters // self.groups
        tile = choose_tile(part[1], self.columns, self.rows * per_group)
        tiles = -(-part[1] // tile)
        operations = part[1] * self.columns * (2 * per_group + 16)
        workers = workers_for(operations, min(self.slots, tiles))
        index = np.int32 if image[0].size < 1 << 31 else np.int64
        packs = 0 if self.groups == 1 else tile * (per_group + self.rows)
        numbers = COLUMNS + tile * self.columns + EXTRA + packs
        work = np.empty((workers, numbers), number)
        _prepare(work, COLUMNS + tile * self.columns)
        wanted = self.wanted
        through = wanted.image or wanted.offsets or wanted.mask
        columns = np.empty(part[1] * self.columns if through else 0, number)
        reach = np.empty((tiles, 2), np.int64)
        apart = 0 if width == ndim else ndim
        step = max(1, min(CHUNK // samples, windows.outputs[2]))
        table = tap_table(
            windows.kernel, windows.dilation, windows.stride[2],
            (sampling.offset_groups, self.depth), (apart, width), step,
        )  # fmt: skip
        precision = np.float32 if offsets.dtype == np.float32 else np.float64
        limit = np.minimum(sampling.max_offset, 2.0 * FARTHEST).astype(precision)
        where = (
            tuple(map(np.int32, image.shape[1:])),
            (*windows.outputs, width, samples, int(mask is not None)),
            part, windows.origin, windows.stride, (RULES[sampling.interpolation], ndim), limit,
            self.depth,
        )  # fmt: skip
        moves = offsets.reshape(-1)
        factors = constant(1, CHUNK, number) if mask is None else mask.reshape(-1)
        arguments = (
            image[item].reshape(-1), moves, factors,
            None if self.grouped is None else self.grouped.reshape(-1),
            (self.groups, per_group, self.rows),
            self.weights.reshape(-1) if self.depthwise else None,
            plain(cotangent).reshape(-1), *where,
            True if self.depth >= WIDE else None, True if self.depth < WIDE else None,
            table, self.places, (tile, self.slots, workers),
            (int(through), int(wanted.weights), int(wanted.offsets), int(wanted.mask)),
            np.zeros((workers, PLACES), index), work, columns,
            *(np.empty(0, number) if a is None else a.reshape(-1) for a in (of_offsets, of_mask)),
            self.of_weights.reshape(-1), reach, routines(number),
        )  # fmt: skip
        if self.depthwise or operations < PARALLEL_FROM:
            adjoint.pull_tiles(*arguments, tasks=workers, work=operations)
        else:
            with single_threaded_blas():
                adjoint.pull_tiles(*arguments, tasks=workers, work=operations)
        if self.of_image is None:
            return
        lines = image.shape[1] * image.shape[2]
        workers = workers_for(part[1] * self.columns * 8, lines)
        room = np.empty((workers, PLACES), number)
        room[:] = 1
        adjoint.push_columns(
            columns, moves, factors, *where, table, tile, reach,
            _bands(reach, lines, image.shape[3] * image.shape[4], workers),
            np.zeros((workers, PLACES), index), room, self.of_image[item].reshape(-1),
            tasks=workers, work=part[1] * self.columns * 8,
        )  # fmt: skip

    def gradient_of_weights(self) -> Array | None:
        """Return the gradient of the weights, in their shape, if it is wanted."""
        if not self.wanted.weights:
            return None
        total = self.of_weights.sum(axis=0, dtype=np.float64).astype(self.weights.dtype)
        if self.depthwise:
            return total.reshape(self.weights.shape)
        by_group = np.empty((self.groups, self.rows, self.filters // self.groups), total.dtype)
        by_group[:, self.order] = total.reshape(by_group.shape)
        return np.ascontiguousarray(by_group.transpose(1, 0, 2)).reshape(self.weights.shape)


def _of_item(array: Any, item: int) -> Any:
    """Return the part of an image of the batch, or what all images share."""
    return array if array is None else array[item if len(array) > 1 else 0]


def _prepare(work: Array, extra: int) -> None:
    """Set what no pass writes: without displacements along planes there is one, which counts."""
    work[:, :PLACES] = 1
    work[:, extra : extra + EXTRA] = 0


def _bands(reach: Array, lines: int, length: int, bands: int) -> Array:
    """Cut the lines of an image so that about as many tiles reach each band.

    Returns the elements that bands begin with, and the end.
    """
    if bands == 1:
        return np.array([0, lines * length])
    first, last = reach.T // length
    counts = np.zeros(lines + 1)
    np.add.at(counts, first, 1 / (last - first + 1))
    np.add.at(counts, last + 1, -1 / (last - first + 1))
    load = np.cumsum(np.cumsum(counts[:-1]))
    inner = np.searchsorted(load, load[-1] * np.arange(1, bands) / bands) + 1
    return np.array([0, *np.minimum(inner, lines), lines]) * length
