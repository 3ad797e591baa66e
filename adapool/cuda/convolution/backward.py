"""Gradients of a deformable convolution on the device, alone and pooled, by bounded blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Triple
from adapool._convolution import ConvGradients, ConvKernel, ConvWanted, Sampling
from adapool._windows import Windows
from adapool.cuda import grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.convolution import adjoint, products
from adapool.cuda.convolution.launch import RULES, Job, flat_place
from adapool.cuda.winners.launch import scatter_winners, zeros

# Runs of pixels that are summed by threads of their own.
_RUNS = 256


def deformable_vjp(
    image: DeviceArray,
    kernel: ConvKernel,
    windows: Windows,
    sampling: Sampling,
    dtype: np.dtype[Any],
    cotangent: DeviceArray,
    pool: tuple[Windows, DeviceArray] | None,
    wanted: ConvWanted,
) -> ConvGradients:
    """Carry a cotangent back: see :mod:`adapool.cpu.convolution.backward`."""
    job = _Adjoint(image, kernel, windows, sampling, dtype, wanted)
    given: Any = cotangent.astype(job.weights.dtype, copy=False)
    filters = job.filters
    for items, first, size in job.blocks(Windows.points(windows.outputs)) if job.needed else ():
        images = items[1] - items[0]
        begin, count = flat_place(first, windows.outputs), images * math.prod(size)
        part = given[items[0] : items[1]]
        if pool is None:
            part = part.reshape(-1)[begin * filters : (begin + count) * filters]
        else:
            won: Any = pool[1][items[0] : items[1]]
            target = images, windows.count, filters
            part = scatter_winners(part, won, target, pool[0], (begin, count)).reshape(-1)
        job.pull(items, first, size, part)
    of_bias = None
    if kernel.bias is not None and wanted.bias:
        of_bias = zeros(image, (filters,), given.dtype)
        grids.over_elements(
            adjoint.sum_kernel(False), filters * _RUNS, image, given.reshape(-1), filters, None, 1,
            _RUNS, of_bias,
        )  # fmt: skip
    of_weights = job.of_weights.reshape(kernel.weights.shape) if wanted.weights else None
    return ConvGradients(job.of_image, of_weights, of_bias, job.of_offsets, job.of_mask)


class _Adjoint(Job):
    """What all blocks share, and what they add to."""

    def __init__(
        self,
        image: DeviceArray,
        kernel: ConvKernel,
        windows: Windows,
        sampling: Sampling,
        dtype: np.dtype[Any],
        wanted: ConvWanted,
    ) -> None:
        super().__init__(image, kernel, windows, sampling, dtype)
        number = self.weights.dtype
        # One factor for each channel: columns of all channels side by side, and no product.
        self.by_channel, self.depthwise, self.few = self.depthwise, False, False
        if self.by_channel:
            self.groups = 1
        self.wanted = wanted
        self.of_image = zeros(image, image.shape, number) if wanted.image else None
        mask: Any = sampling.mask
        # The kernel that finds the one finds the other.
        moves = wanted.offsets or (wanted.mask and mask is not None)
        self.of_offsets: Any = zeros(image, sampling.offsets.shape, number) if moves else None
        self.of_mask = zeros(image, mask.shape, number) if moves and mask is not None else None
        self.of_weights = zeros(image, self.weights.shape, number)

    @property
    def needed(self) -> bool:
        """Whether anything is wanted that comes of the samples."""
        return self.wanted.image or self.wanted.weights or self.of_offsets is not None

    def pull(self, items: tuple[int, int], first: Triple, size: Triple, cotangent: Any) -> None:
        """Add what a block of outputs gives, of some images: flat (pixel, filter)."""
        image, sampling, taps = self.image, self.sampling, self.windows.taps
        number = self.weights.dtype
        pixels = (items[1] - items[0]) * math.prod(size)
        rows = taps * self.channels // self.groups
        columns = image.empty((self.groups, pixels, rows), number)
        if self.wanted.weights:
            self.sample(items, first, size, columns.reshape(-1))
        if self.by_channel:
            self._pull_channels(columns, cotangent, taps)
        else:
            self._pull_products(columns, cotangent.reshape(pixels, self.filters), rows)
        index = np.int32 if math.prod(image.shape[1:]) < 1 << 31 else np.int64
        rule, masked = RULES[sampling.interpolation], sampling.mask is not None
        (grid, *where), vector = self.places(items, first, size)
        offsets, mask = sampling.offsets.reshape(-1), None
        if sampling.mask is not None:
            mask = sampling.mask.reshape(-1)
        if self.of_image is not None:
            push = adjoint.push_kernel(rule, sampling.ndim, vector, number, masked, index)
            grids.over_elements(
                push, pixels * self.channels // vector, image, columns.reshape(-1), image.shape,
                offsets, mask, grid, *where, self.of_image.reshape(-1),
            )  # fmt: skip
        if self.of_offsets is not None:
            pull = adjoint.pull_kernel(rule, sampling.ndim, number, masked, index)
            grids.over_elements(
                pull, pixels * taps * sampling.offset_groups, image, columns.reshape(-1),
                image.reshape(-1), image.shape, offsets, mask, grid, *where,
                self.of_offsets.reshape(-1),
                None if self.of_mask is None else self.of_mask.reshape(-1),
            )  # fmt: skip

    def _pull_channels(self, columns: Any, cotangent: Any, taps: int) -> None:
        """Sum the gradient of the factors; make the columns their own gradients."""
        channels = self.channels
        if self.wanted.weights:
            grids.over_elements(
                adjoint.sum_kernel(True), taps * channels * _RUNS, columns, columns.reshape(-1),
                taps * channels, cotangent, channels, _RUNS, self.of_weights.reshape(-1),
            )  # fmt: skip
        grids.over_elements(
            adjoint.spread_channels, columns.size, columns, cotangent, self.weights.reshape(-1),
            channels, taps, columns.reshape(-1),
        )  # fmt: skip

    def _pull_products(self, columns: Any, cotangent: Any, rows: int) -> None:
        """Sum the gradient of the weights; make the columns their own gradients."""
        filters = self.filters // self.groups
        weights, total = (a.reshape(rows, self.filters) for a in (self.weights, self.of_weights))
        for group in range(self.groups):
            own = slice(group * filters, (group + 1) * filters)
            part = columns[group : group + 1].reshape(-1, rows)
            given = cotangent.columns(own)
            if self.wanted.weights:
                found = columns.empty((rows, filters), columns.dtype)
                products.multiply(part.transpose((1, 0)), given, None, found)
                into = total.columns(own)
                grids.over_elements(adjoint.add_matrix, found.size, found, found, into)
            products.multiply(given, weights.columns(own).transpose((1, 0)), None, part)
