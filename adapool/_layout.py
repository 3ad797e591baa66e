"""Any order of axes is taken, one is used inside, and results have that of the image.

Inside, an image is always (batch, plane, row, column, channel): C-contiguous, native byte order,
read-only. A 2-D image is a volume with one plane; no batch and no channels are axes of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from adapool._backends import Array, Pooled, Triple, as_given, plain
from adapool._checks import arguments, libraries
from adapool._checks.places import is_dask

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Layout:
    """Where the axes of a feature map are.

    Attributes
    ----------
    dtype : numpy.dtype
        The dtype of the feature map, in native byte order.
    batch, channels : int
        Lengths of these axes, 1 where there is none.
    spatial : tuple of int
        Shape along (plane,) row, column.
    channel_axis, batch_axis : int or None
        Where these axes are, counted from the front.
    lazy : bool
        Whether it is a Dask array: then windows must have a reach that is known beforehand.
    """

    dtype: np.dtype[Any]
    batch: int
    channels: int
    spatial: tuple[int, ...]
    channel_axis: int | None
    batch_axis: int | None
    lazy: bool

    @classmethod
    def of(
        cls,
        name: str,
        value: Any,
        channel_axis: int | None,
        batch_axis: int | None,
        batches: bool = True,
    ) -> tuple[Layout, Array]:
        """Check a feature map and its axes; return it as an array, with its layout.

        Without `batches` only single images are taken.
        """
        libraries.named_axes(name, value, channel_axis, batch_axis, batches)
        array = arguments.image_array(name, value)
        channel, batch, spatial = arguments.spatial_axes(
            name, array, channel_axis, batch_axis, batches
        )
        layout = cls(
            dtype=array.dtype.newbyteorder("="),
            batch=1 if batch is None else array.shape[batch],
            channels=1 if channel is None else array.shape[channel],
            spatial=tuple(array.shape[axis] for axis in spatial),
            channel_axis=channel,
            batch_axis=batch,
            lazy=is_dask(array),
        )
        return layout, array

    @property
    def ndim(self) -> int:
        """Number of spatial axes, 2 or 3."""
        return len(self.spatial)

    @property
    def volume(self) -> Triple:
        """Shape along plane, row, column."""
        return to_triple(self.spatial, 1)

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """Where (plane,) row, column are."""
        others = (self.channel_axis, self.batch_axis)
        ndim = self.ndim + sum(axis is not None for axis in others)
        return tuple(axis for axis in range(ndim) if axis not in others)

    @property
    def batch_among_pixels(self) -> int | None:
        """Where the batch axis is in an array without channels."""
        if self.batch_axis is None or self.channel_axis is None:
            return self.batch_axis
        return self.batch_axis - (self.channel_axis < self.batch_axis)

    def of_block(self, shape: tuple[int, ...]) -> Layout:
        """Return the layout of a part of the feature map."""
        return replace(
            self,
            batch=1 if self.batch_axis is None else shape[self.batch_axis],
            channels=1 if self.channel_axis is None else shape[self.channel_axis],
            spatial=tuple(shape[axis] for axis in self.spatial_axes),
        )

    def crop(self, array: Array, cut: Sequence[slice]) -> Array:
        """Cut the spatial axes of an array with the axes of the feature map."""
        slices = dict(zip(self.spatial_axes, cut[-self.ndim :], strict=True))
        return array[tuple(slices.get(axis, slice(None)) for axis in range(array.ndim))]

    def canonical(self, array: Array) -> Array:
        """Return the feature map as (batch, plane, row, column, channel)."""
        # `numpy.moveaxis` takes some 3 us even where there is nothing to move.
        if self.channel_axis not in (None, array.ndim - 1):
            array = np.moveaxis(array, self.channel_axis, -1)
        if self.batch_among_pixels:
            array = np.moveaxis(array, self.batch_among_pixels, 0)
        canonical: Array = plain(array).reshape(self.batch, *self.volume, self.channels)
        return canonical

    def restore_pooled(self, pooled: Pooled, dtype: np.dtype[Any]) -> Any:
        """Return pooled values in their dtype, with the indices where there are any."""
        values, indices = pooled
        values = self.restore(as_dtype(values, dtype))
        return values if indices is None else (values, self.restore(indices))

    def restore(self, canonical: Array) -> Any:
        """Return a result as the caller's kind of array, its axes where they were given."""
        batch, *volume, channels = canonical.shape
        shape = [*([batch] if self.batch_axis is not None else []), *volume[-self.ndim :]]
        if self.channel_axis is None:
            array = canonical.reshape(shape)
        else:
            array = canonical.reshape(*shape, channels)
        if self.batch_among_pixels:
            array = np.moveaxis(array, 0, self.batch_among_pixels)
        if self.channel_axis not in (None, array.ndim - 1):
            array = np.moveaxis(array, -1, self.channel_axis)
        return as_given(array)

    def as_given_to_networks(self, canonical: Array) -> Array:
        """Return the canonical image as networks see it: ``(batch or 1, *spatial, C)``."""
        given = canonical.reshape(self.batch, *self.spatial, self.channels)
        return given.view(np.bool_) if self.dtype == np.bool_ else given


def as_dtype(values: Array, dtype: np.dtype[Any]) -> Array:
    """Go back from what kernels compute in: bytes to booleans, float32 to float16."""
    return values.view(np.bool_) if dtype == np.bool_ else values.astype(dtype, copy=False)


def to_triple(values: tuple[Number, ...], missing: Number) -> tuple[Number, Number, Number]:
    """Prepend the plane axis where there are only rows and columns."""
    plane, row, column = (missing,) * (3 - len(values)) + values
    return plane, row, column
