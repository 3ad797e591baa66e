"""A deformable convolution, planned: what is summed (the kernel) and where it looks (sampling)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool import _arguments, _convolution_arguments, _place_arguments
from adapool._arguments import Array
from adapool._layout import Layout, plain, to_triple
from adapool._networks import counted_dtype, grid_prediction
from adapool._windows import Windows


@dataclass(frozen=True)
class ConvKernel:
    """Weights and bias of a convolution.

    Attributes
    ----------
    weights : (*size, C // groups, F) array
    bias : (F,) array or None
    groups : int
    per_channel : bool
        Whether the weights were given as one factor for each channel: a single tap, and a group
        for each channel.
    """

    weights: Array
    bias: Array | None
    groups: int
    per_channel: bool

    @property
    def size(self) -> tuple[int, ...]:
        """Kernel size along (plane,) row, column."""
        return self.weights.shape[:-2]

    @property
    def default_interpolation(self) -> str:
        """The rule where none is asked for: that of the seed for its form of the weights."""
        return "truncate" if self.per_channel else "linear"

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the weights and the bias count as in the dtype of a result: float32 at least."""
        given = [array for array in (self.weights, self.bias) if array is not None]
        return np.result_type(np.float32, *(counted_dtype("conv_weights", a) for a in given))

    def in_dtype(self, dtype: np.dtype[Any]) -> tuple[Array, Array | None]:
        """Return (plane, row, column, C // groups, F) weights and the bias for kernels.

        In `dtype`, or in float64 where that would round them: integers count as float32 in the
        dtype of a result, and only there.
        """
        _place_arguments.in_memory("conv_weights", self.weights)
        _place_arguments.in_memory("bias", self.bias)
        exact = _exact(self.weights, dtype) and (self.bias is None or _exact(self.bias, dtype))
        compute = dtype if exact else np.dtype(np.float64)
        shape = (*to_triple(self.size, 1), *self.weights.shape[-2:])
        weights = plain(self.weights.astype(compute)).reshape(shape)
        return weights, None if self.bias is None else plain(self.bias.astype(compute))


def _exact(array: Array, dtype: np.dtype[Any]) -> bool:
    if np.can_cast(array.dtype, dtype):
        return True
    # Values on a device are not looked at: that would wait for it.
    return isinstance(array, np.ndarray) and bool((array.astype(dtype) == array).all())


def conv_kernel(layout: Layout, conv_weights: Any, bias: Any, groups: Any) -> ConvKernel:
    """Check the weights of a convolution, in either of their forms."""
    groups = _arguments.count("groups", groups)
    weights = _convolution_arguments.conv_weights(
        conv_weights, layout.ndim, layout.channels, groups
    )
    per_channel = weights.ndim == 1
    if per_channel:
        groups = layout.channels
        axes = layout.ndim + 1
        # Dask reshapes no empty chunks, and an array on a device takes nothing but a reshape.
        lazy = _place_arguments.is_dask(weights)
        weights = weights[(np.newaxis,) * axes] if lazy else weights.reshape(*[1] * axes, groups)
    elif layout.channel_axis is None:
        _convolution_arguments.single_filter(weights.shape[-1])
    shift = _convolution_arguments.bias(bias, weights.shape[-1])
    return ConvKernel(weights, shift, groups, per_channel)


@dataclass(frozen=True)
class Sampling:
    """Where the taps of a convolution look, and what each sample is multiplied by.

    Attributes
    ----------
    offsets : (batch or 1, plane, row, column, offset_groups * K * d or d) array
    mask : (batch or 1, plane, row, column, offset_groups * K) array or None
    offset_groups : int
    ndim : int
        d, the number of displacements of a tap.
    interpolation : {"linear", "nearest", "truncate"}
    max_offset : triple of float
        What displacements are clipped to; infinite where there is no limit.
    dtype : numpy.dtype
        What the mask counts as in the dtype of a result.
    """

    offsets: Array
    mask: Array | None
    offset_groups: int
    ndim: int
    interpolation: str
    max_offset: tuple[float, float, float]
    dtype: np.dtype[Any]

    def of_image(self, item: int) -> Sampling:
        """Return the sampling of one image of the batch."""
        offsets, mask = (
            array if array is None or len(array) == 1 else array[item : item + 1]
            for array in (self.offsets, self.mask)
        )
        assert offsets is not None
        return replace(self, offsets=offsets, mask=mask)


@dataclass(frozen=True)
class SamplingPlan:
    """How a convolution samples, checked, before networks have said where.

    Attributes
    ----------
    offset_network, mask_network : array, network, or None for no mask
    offset_groups : int
    interpolation : {"linear", "nearest", "truncate"}
    max_offset : tuple of float
        What displacements are clipped to along each spatial axis.
    dtype : numpy.dtype
        What the mask counts as in the dtype of a result.
    """

    offset_network: Any
    mask_network: Any
    offset_groups: int
    interpolation: str
    max_offset: tuple[float, ...]
    dtype: np.dtype[Any]

    def widths(self, windows: Windows) -> tuple[tuple[int, int], tuple[int]]:
        """Return how many values a point of the offsets, and one of the mask, may have."""
        ndim, taps = len(self.max_offset), self.offset_groups * windows.taps
        return (taps * ndim, ndim), (taps,)

    def predict(self, layout: Layout, image: Array, windows: Windows) -> Sampling:
        """Call the networks on a canonical image."""
        ndim, limits = layout.ndim, self.max_offset
        grid = windows.outputs[-ndim:]
        offset_widths, mask_widths = self.widths(windows)
        offsets = grid_prediction(
            "offset_network", self.offset_network, layout, image, grid, offset_widths
        )
        rule = self.interpolation
        half = offsets.dtype == np.float16
        if rule == "truncate" and not isinstance(offsets, np.ndarray):
            # A GPU computes in float16, and its kernels know where a block begins.
            if half:
                rule, limits = "truncate in float16", tuple(float(np.float16(m)) for m in limits)
        elif rule == "truncate" and (half or any(windows.begin)):
            offsets = _as_summed(offsets, windows, limits, self.offset_groups)
            limits = (math.inf,) * ndim
        mask = None
        if self.mask_network is not None:
            mask = grid_prediction(
                "mask_network", self.mask_network, layout, image, grid, mask_widths
            )
        return Sampling(
            offsets=plain(offsets),
            mask=None if mask is None else plain(mask),
            offset_groups=self.offset_groups,
            ndim=ndim,
            interpolation=rule,
            max_offset=to_triple(limits, np.inf),
            dtype=self.dtype,
        )


def plan_sampling(
    layout: Layout,
    kernel: ConvKernel,
    offset_network: Any,
    mask_network: Any,
    offset_groups: Any,
    interpolation: Any,
    max_offset: Any,
) -> SamplingPlan:
    """Check how a convolution samples."""
    # The default stands for None alone: 0 and "" are wrong rules, to be refused.
    rule = kernel.default_interpolation if interpolation is None else interpolation
    return SamplingPlan(
        offset_network=offset_network,
        mask_network=mask_network,
        offset_groups=_convolution_arguments.offset_groups(offset_groups, layout.channels),
        interpolation=_arguments.choice("interpolation", rule, _arguments.INTERPOLATIONS),
        max_offset=_arguments.displacements("max_offset", max_offset, layout.ndim),
        dtype=np.dtype(np.float32)
        if mask_network is None
        else counted_dtype("mask_network", mask_network),
    )


def _as_summed(
    offsets: Array, windows: Windows, limits: tuple[float, ...], offset_groups: int
) -> Array:
    """Return float64 offsets that lead where a sum of base and offset in their own dtype does.

    Truncation is of one sum in the dtype of the offsets, the base being that in the whole image.
    Kernels of the CPU neither compute in float16 nor know where in the whole image their block is,
    so the sums are taken here. How a sum is rounded depends on its base: offsets that taps and
    groups share are no longer shared afterwards.
    """
    ndim = len(limits)
    # Integers are summed exactly, for any position in an image.
    dtype = offsets.dtype.newbyteorder("=") if offsets.dtype.kind == "f" else np.dtype(np.float64)
    batch, *outputs, width = offsets.shape
    kernel = (1, 1, 1) if width == ndim else windows.kernel
    given = offsets.reshape(batch, *outputs, -1, *kernel, ndim)
    with np.errstate(over="ignore"):  # a limit beyond what the dtype holds is none
        most = np.array(limits, dtype)
    given = np.clip(given.astype(dtype), -most, most)
    moved = np.empty((batch, *outputs, offset_groups, *windows.kernel, ndim))
    for axis in range(3 - ndim, 3):
        steps = np.arange(windows.outputs[axis]) * windows.stride[axis] + windows.origin[axis]
        taps = np.arange(windows.kernel[axis]) * windows.dilation[axis]
        bases = np.add.outer(steps, taps) + windows.begin[axis]
        bases = np.expand_dims(bases, [a for a in range(8) if a not in (1 + axis, 5 + axis)])
        component = given[..., axis - 3 + ndim]
        with np.errstate(over="ignore"):
            sums = bases.astype(dtype) + component
        result = moved[..., axis - 3 + ndim]
        # Truncated before the sum becomes one with another base, which has another sign.
        np.subtract(np.trunc(sums), bases, out=result, dtype=np.float64)
        # A sum that overflows is far outside; an offset that is infinite stays so: an error.
        np.copyto(result, np.nan_to_num(result), where=np.isfinite(component))
    return moved.reshape(batch, *outputs, -1)
