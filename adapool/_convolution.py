"""What a deformable convolution sums (the kernel), and where it looks (sampling)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from adapool._backends import Array, backend_of, plain
from adapool._checks import arguments, convolution, places
from adapool._layout import Layout, to_triple
from adapool._networks import counted_dtype
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
    def given(self) -> tuple[int, ...]:
        """The shape in which the caller gave the weights."""
        return self.weights.shape[-1:] if self.per_channel else self.weights.shape

    @property
    def size(self) -> tuple[int, ...]:
        """Kernel size along (plane,) row, column."""
        return self.weights.shape[:-2]

    @property
    def default_interpolation(self) -> str:
        """The rule where none is asked for: for one factor per channel, truncation."""
        return "truncate" if self.per_channel else "linear"

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the weights and the bias count as in the dtype of a result: float32 at least."""
        given = [array for array in (self.weights, self.bias) if array is not None]
        return np.result_type(np.float32, *(counted_dtype("conv_weights", a) for a in given))

    def in_dtype(self, dtype: np.dtype[Any]) -> tuple[Array, Array | None]:
        """Return (plane, row, column, C // groups, F) weights and the bias for kernels.

        In `dtype`, or in float64 where `dtype` would round them: integers count as float32 when
        the dtype of a result is chosen, but are not rounded to it.
        """
        given = [array for array in (self.weights, self.bias) if array is not None]
        exact = all(backend_of(array).holds(array, dtype) for array in given)
        compute = dtype if exact else np.dtype(np.float64)
        shape = (*to_triple(self.size, 1), *self.weights.shape[-2:])
        weights = plain(self.weights.astype(compute)).reshape(shape)
        return weights, None if self.bias is None else plain(self.bias.astype(compute))


def conv_kernel(layout: Layout, conv_weights: Any, bias: Any, groups: Any) -> ConvKernel:
    """Check the weights of a convolution, in either of their forms."""
    groups = arguments.count("groups", groups)
    weights = convolution.conv_weights(conv_weights, layout.ndim, layout.channels, groups)
    per_channel = weights.ndim == 1
    if per_channel:
        groups = layout.channels
        axes = layout.ndim + 1
        # Dask does not reshape empty chunks; an array on a device cannot be indexed, only reshaped.
        lazy = places.is_dask(weights)
        weights = weights[(np.newaxis,) * axes] if lazy else weights.reshape(*[1] * axes, groups)
    elif layout.channel_axis is None:
        convolution.single_filter(weights.shape[-1])
    shift = convolution.bias(bias, weights.shape[-1])
    return ConvKernel(weights, shift, groups, per_channel)


class ConvGradients(NamedTuple):
    """Gradients of a convolution, of the shapes of what it was given; None for what it was not.

    None also for what nobody wants.
    """

    image: Array | None
    weights: Array | None
    bias: Array | None
    offsets: Array | None
    mask: Array | None


class ConvWanted(NamedTuple):
    """Which gradients of a convolution somebody wants."""

    image: bool
    weights: bool
    bias: bool
    offsets: bool
    mask: bool


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
    """

    offsets: Array
    mask: Array | None
    offset_groups: int
    ndim: int
    interpolation: str
    max_offset: tuple[float, float, float]

    def of_image(self, item: int) -> Sampling:
        """Return the sampling of one image of the batch."""
        offsets, mask = (
            array if array is None or len(array) == 1 else array[item : item + 1]
            for array in (self.offsets, self.mask)
        )
        assert offsets is not None
        return replace(self, offsets=offsets, mask=mask)


def as_summed(
    offsets: Array, windows: Windows, limits: tuple[float, ...], offset_groups: int
) -> Array:
    """Return float64 offsets that reproduce sums of base and offset in the dtype of the offsets.

    "truncate" takes the sum of a tap's base, its position in the whole image, and its offset, in
    the dtype of the offset. CPU kernels do not compute in float16, and do not know where in the
    image their block lies: so the sums are taken here. How a sum is rounded depends on the base,
    so that offsets shared by taps and groups differ afterwards.
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
        # Truncated first: relative to another base the sum may have another sign.
        np.subtract(np.trunc(sums), bases, out=result, dtype=np.float64)
        # A sum that overflows is far outside of the image. An infinite offset stays infinite:
        # kernels report it.
        np.copyto(result, np.nan_to_num(result), where=np.isfinite(component))
    return moved.reshape(batch, *outputs, -1)
