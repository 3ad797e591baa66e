"""Tensors as arrays and back, over the same memory; and the axes of a feature map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from adapool._checks import arguments, tensors
from adapool._layout import to_triple


def array_of(name: str, tensor: Tensor) -> Any:
    """Return what adapool computes on: on the CPU a view of NumPy, on a GPU the tensor itself."""
    tensors.computable(name, tensor)
    detached = tensor.detach()
    if detached.is_cuda:
        return detached
    return detached.resolve_conj().resolve_neg().numpy()


def tensor_of(array: Any) -> Tensor:
    """Return what adapool gave as a tensor over the same memory; of a tensor it gave one."""
    return torch.from_numpy(array) if isinstance(array, np.ndarray) else array


def numpy_dtype(name: str, tensor: Tensor) -> np.dtype[Any]:
    """Return the dtype that the array of a tensor has."""
    tensors.computable(name, tensor)
    return np.dtype(str(tensor.dtype).removeprefix("torch."))


def torch_dtype(dtype: np.dtype[Any]) -> Any:
    """Return the dtype of the tensor of an array."""
    return getattr(torch, dtype.name)


class Axes(NamedTuple):
    """Where the axes of a feature map are, counted from the front, and how long the spatial ones.

    As :class:`adapool._layout.Layout`, for lengths that a compiler does not know yet.
    """

    channel: int | None
    batch: int | None
    spatial: tuple[Any, ...]
    images: Any
    channels: Any

    @classmethod
    def of(
        cls,
        feature_map: Tensor,
        channel_axis: int | None,
        batch_axis: int | None = None,
        batches: bool = True,
    ) -> Axes:
        """Check the axes of a feature map."""
        tensors.tensor("feature_map", feature_map, isinstance(feature_map, Tensor))
        channel, batch, spatial = arguments.spatial_axes(
            "feature_map", feature_map, channel_axis, batch_axis, batches
        )
        shape = feature_map.shape
        return cls(
            channel,
            batch,
            tuple(shape[axis] for axis in spatial),
            1 if batch is None else shape[batch],
            1 if channel is None else shape[channel],
        )

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.spatial)

    def canonical(self, outputs: Iterable[Any], channels: Any) -> tuple[Any, ...]:
        """Return the shape (batch, plane, row, column, channel) of values on a grid."""
        return (self.images, *to_triple(tuple(outputs), 1), channels)

    def restored(self, canonical: Tensor) -> Tensor:
        """Return a tensor (batch, plane, row, column, channel) with the axes of the feature map."""
        tensor = canonical if self.ndim == 3 else canonical.squeeze(1)
        if self.channel is None:
            tensor = tensor.squeeze(-1)
        if self.batch is None:
            tensor = tensor.squeeze(0)
        elif self.batch_among_pixels:
            tensor = tensor.movedim(0, self.batch_among_pixels)
        return tensor if self.channel is None else tensor.movedim(-1, self.channel)

    def channels_last(self, tensor: Tensor) -> Tensor:
        """Return a tensor with the axes of the feature map as ``([batch,] *spatial, channels)``."""
        if self.channel is not None:
            tensor = tensor.movedim(self.channel, -1)
        return self.batch_first(tensor)

    def for_networks(self, feature_map: Tensor) -> Tensor:
        """Return a feature map as adapool gives it to networks: ``(batch or 1, *spatial, C)``."""
        given = self.channels_last(feature_map)
        given = given if self.batch is not None else given.unsqueeze(0)
        return given if self.channel is not None else given.unsqueeze(-1)

    def batch_first(self, tensor: Tensor) -> Tensor:
        """Return a tensor of pixels, channels last or none, with the batch before them."""
        return tensor.movedim(self.batch_among_pixels, 0) if self.batch_among_pixels else tensor

    @property
    def batch_among_pixels(self) -> int | None:
        """Where the batch is among axes without that of the channels."""
        if self.batch is None or self.channel is None:
            return self.batch
        return self.batch - (self.channel < self.batch)
