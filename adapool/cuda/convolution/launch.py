"""Deformable convolution on the device, alone and followed by max pooling, by bounded blocks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from adapool._backends import Triple
from adapool._checks import predictions
from adapool._convolution import ConvKernel, Sampling
from adapool._windows import Windows
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.comparing import index_type
from adapool.cuda.convolution import deformable, products
from adapool.cuda.fixed.launch import Pooled, pool_into

# Bytes of columns and of results that are held at a time: far more than what fills a device, and
# little beside its memory.
_BLOCK_BYTES = 256 << 20

# Channels of a thread, by the number of axes. More would spill: the eight corners of a volume
# take twice the registers of four.
VECTOR = {2: 4, 3: 2}

# Products of channels and filters that a thread sums in registers.
_FEW = 16

# Displacements are clipped to what 32 bits hold, as on the CPU.
_FARTHEST = 1 << 30

RULES = {
    "linear": deformable.LINEAR,
    "nearest": deformable.NEAREST,
    "truncate": deformable.TRUNCATE,
    "truncate in float16": deformable.TRUNCATE_HALF,
}


def deformable_conv(
    image: DeviceArray,
    kernel: ConvKernel,
    windows: Windows,
    sampling: Sampling,
    dtype: np.dtype[Any],
) -> DeviceArray:
    """Convolve a canonical image: (batch, plane, row, column, F)."""
    job = Job(image, kernel, windows, sampling, dtype)
    out = image.empty((len(image), *windows.outputs, job.filters), dtype)
    flat = out.reshape(-1)
    points = Windows.points(windows.outputs)
    for items, first, size in job.blocks(points):
        begin = items[0] * points.count + flat_place(first, windows.outputs)
        count = (items[1] - items[0]) * math.prod(size)
        part = flat[begin * job.filters : (begin + count) * job.filters]
        if job.weights.dtype == dtype:
            job.convolve(items, first, size, part)
        else:
            # Computed in float64 and rounded.
            wide = image.empty(part.shape, job.weights.dtype)
            job.convolve(items, first, size, wide)
            copying.copy_array(wide, part)
    job.check()
    return out


def deformable_conv_and_pool(
    image: DeviceArray,
    kernel: ConvKernel,
    windows: Windows,
    sampling: Sampling,
    dtype: np.dtype[Any],
    pool: Windows,
    with_indices: bool,
) -> Pooled:
    """Convolve and pool, block by block."""
    # All of them, as points that no window covers are never computed.
    copying.check_finite("offset_network", sampling.offsets)  # type: ignore[arg-type]
    if sampling.mask is not None:
        copying.check_finite("mask_network", sampling.mask)  # type: ignore[arg-type]
    job = Job(image, kernel, windows, sampling, dtype)
    filters = job.filters
    out = image.empty((len(image), *pool.outputs, filters), dtype)
    indices = image.empty(out.shape, np.int64) if with_indices else None
    for items, first, size in job.blocks(pool):
        block, origin = pool.block(first, size)
        count = items[1] - items[0]
        part = image.empty((count, *block.volume, filters), job.weights.dtype)
        job.convolve(items, origin, block.volume, part.reshape(-1))
        # Rounded before the maximum is taken, so that ties are those of the two steps alone.
        part = part.astype(dtype, copy=False)
        begin = (items[0] * pool.count + flat_place(first, pool.outputs)) * filters
        shape = (count, *size, filters)
        values, winners = (
            None if a is None else a.reshape(-1)[begin : begin + math.prod(shape)].reshape(shape)
            for a in (out, indices)
        )
        assert values is not None
        pool_into(part, block, values, winners)
        if winners is not None:
            grids.over_elements(
                deformable.move_indices, winners.size, image,
                winners.reshape(-1), block.volume, origin, windows.outputs,
            )  # fmt: skip
    return out, indices


def flat_place(place: Triple, shape: Triple) -> int:
    """Return the number of a place in a volume, in raster order."""
    return (place[0] * shape[1] + place[1]) * shape[2] + place[2]


def shares(channels: int, most: int) -> tuple[int, int]:
    """Return how many of some channels a thread takes, and how many threads are side by side.

    Up to `most` channels, and as many threads as a warp has: both divide what there is.
    """
    vector = next(n for n in range(most, 0, -1) if channels % n == 0)
    lanes = next(n for n in range(32, 0, -1) if channels // vector % n == 0)
    return vector, lanes


class Job:
    """What all blocks of one convolution share."""

    def __init__(
        self,
        image: DeviceArray,
        kernel: ConvKernel,
        windows: Windows,
        sampling: Sampling,
        dtype: np.dtype[Any],
    ) -> None:
        weights, bias = kernel.in_dtype(dtype)
        self.image: Any = image
        self.weights: Any = weights
        self.bias: Any = bias
        self.windows = windows
        self.sampling = sampling
        self.groups = kernel.groups
        self.filters = int(kernel.weights.shape[-1])
        self.channels = image.shape[-1]
        single = self.channels > 1 or windows.taps == 1
        self.depthwise = self.channels == self.filters == self.groups and single
        # Filters of few channels are summed where samples are taken: their columns are several
        # times the image, to be written and read again.
        few = self.groups == sampling.offset_groups == 1 and self.channels <= VECTOR[sampling.ndim]
        self.few = few and self.channels * self.filters <= _FEW and not self.depthwise
        self.flags = copying.zeros(image, 2)
        if (self.depthwise or self.few) and self.bias is None:
            self.bias = copying.zeros(image, self.filters, self.weights.dtype)

    def blocks(self, pool: Windows) -> Iterator[tuple[tuple[int, int], Triple, Triple]]:
        """Yield images (first, after the last), first output and outputs of each block.

        As many whole images as fit; or parts of one, which follow each other in memory.
        """
        taps = 0 if self.depthwise or self.few else self.windows.taps
        pixel = (taps * self.channels + self.filters) * self.weights.dtype.itemsize
        most = max(1, _BLOCK_BYTES // pixel)
        images = most // self.windows.count
        if images > 0:
            for item in range(0, len(self.image), images):
                yield (item, min(item + images, len(self.image))), (0, 0, 0), pool.outputs
            return
        for item, (first, size) in itertools.product(
            range(len(self.image)), list(pool.blocks(most))
        ):
            yield (item, item + 1), first, size

    def convolve(
        self, items: tuple[int, int], first: Triple, size: Triple, out: DeviceArray
    ) -> None:
        """Compute a block of the output grid of some images: flat (pixel, filter)."""
        if self.depthwise or self.few:
            self.sample(items, first, size, out)
            return
        taps, groups = self.windows.taps, self.groups
        pixels = (items[1] - items[0]) * math.prod(size)
        rows, filters = taps * self.channels // groups, self.filters // groups
        columns = self.image.empty((groups, pixels, rows), self.weights.dtype)
        self.sample(items, first, size, columns.reshape(-1))
        weights = self.weights.reshape(rows, self.filters)
        result = out.reshape(pixels, self.filters)
        for group in range(groups):
            part = slice(group * filters, (group + 1) * filters)
            products.multiply(
                columns[group : group + 1].reshape(pixels, rows),
                weights.columns(part),
                None if self.bias is None else self.bias[part],
                result.columns(part),
            )

    def check(self) -> None:
        """Raise ValueError where a kernel has seen a value that is not finite. Waits."""
        strays = self.flags.to_host()
        if strays[0]:
            predictions.not_finite("offset_network")
        if strays[1]:
            predictions.not_finite("mask_network")

    def sample(self, items: tuple[int, int], first: Triple, size: Triple, out: DeviceArray) -> None:
        """Sample a block of the output grid: into columns, or summed where that is all."""
        sampling = self.sampling
        where, _ = self.places(items, first, size)
        vector, lanes = shares(math.gcd(*where[-1]), VECTOR[sampling.ndim])
        summed = deformable.SUMMED if self.depthwise else deformable.COLUMNS
        kernel = deformable.sampling_kernel(
            RULES[sampling.interpolation],
            sampling.ndim,
            vector,
            lanes,
            self.weights.dtype,
            self.filters if self.few else summed,
            sampling.mask is not None,
            index_type(math.prod(self.image.shape[1:])),
        )
        images = items[1] - items[0]
        given: Any = (None, None)
        if self.depthwise or self.few:
            given = self.weights.reshape(-1), self.bias
        grids.over_rows(
            kernel, size[2] * self.channels // vector, size[1], images * size[0], self.image,
            self.image.reshape(-1), self.image.shape, sampling.offsets.reshape(-1),
            None if sampling.mask is None else sampling.mask.reshape(-1),
            *where, *given, out, self.flags,
        )  # fmt: skip

    def places(
        self, items: tuple[int, int], first: Triple, size: Triple
    ) -> tuple[tuple[Any, ...], int]:
        """Return what tells kernels where the samples of a block are; and channels of a thread."""
        sampling, windows = self.sampling, self.windows
        deep, per_group = self.channels // sampling.offset_groups, self.channels // self.groups
        if self.depthwise:
            per_group = self.channels
        vector = VECTOR[sampling.ndim]
        if deep % vector or per_group % vector:
            vector = 1
        precision = np.float32 if sampling.offsets.dtype == np.float32 else np.float64
        limit = tuple(precision(min(most, _FARTHEST)) for most in sampling.max_offset)
        grid = (
            len(sampling.offsets),
            1 if sampling.mask is None else len(sampling.mask),
            *sampling.offsets.shape[1:],
        )
        where = (
            grid, items[0], first, (items[1] - items[0], *size),
            (windows.kernel, windows.stride, windows.dilation, windows.origin, windows.begin),
            limit, (deep, per_group),
        )  # fmt: skip
        return where, vector
