"""Images that are searched for peaks: in memory, or of Dask, computed box by box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._layout import Layout

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Images:
    """A batch of images, or a single one.

    Attributes
    ----------
    array : array
        In memory: (batch, plane, row, column, channel). Of Dask: as it was given.
    layout : Layout
        Of what was given.
    """

    array: Any
    layout: Layout

    @classmethod
    def of(cls, array: Any, layout: Layout) -> Images:
        """Return images whose axes are known."""
        return cls(array if layout.lazy else layout.canonical(array), layout)

    def __len__(self) -> int:
        """Return how many images there are."""
        return self.layout.batch

    def __iter__(self) -> Iterator[Array]:
        """Yield the images, (plane, row, column, channel), one in memory at a time."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Array:
        """Return an image, (plane, row, column, channel)."""
        return self._part(number, (slice(None),) * 3)

    def whole(self) -> Array:
        """Return all images, (batch, plane, row, column, channel)."""
        if not self.layout.lazy:
            return np.asarray(self.array)
        return self.layout.canonical(self.array.compute())

    def box(self, number: int, box: Box) -> Array:
        """Return a box of an image, (plane, row, column): the maximum over its channels."""
        return np.asarray(self._part(number, box).max(axis=-1))

    def _part(self, number: int, box: Box) -> Array:
        if not self.layout.lazy:
            return np.asarray(self.array[(number, *box)])
        layout = self.layout
        wanted: list[slice | int] = [slice(None)] * self.array.ndim
        for axis, part in zip(layout.spatial_axes, box[3 - layout.ndim :], strict=True):
            wanted[axis] = part
        if layout.batch_axis is not None:
            wanted[layout.batch_axis] = slice(number, number + 1)
        found = self.array[tuple(wanted)].compute()
        shape = tuple(found.shape[axis] for axis in layout.spatial_axes)
        of_part = replace(layout, batch=1, spatial=shape, lazy=False)
        return np.asarray(of_part.canonical(found)[0])
