"""What a plan needs besides the image: arrays that were given, or that a network predicts.

In memory an operand is predicted, or taken, whole. On Dask arrays are cut as the plan says, and a
network is given the part of the image around a block. Either way what comes out is canonical.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from adapool._backends import Array, backend_of, plain
from adapool._checks import places, predictions
from adapool._layout import Layout, to_triple
from adapool._networks import everywhere, grid_form, is_network, predict
from adapool._windows import Windows

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
Own = TypeVar("Own", bound="Operand")


@dataclass(frozen=True)
class Operand:
    """An argument that is an array, or that a network predicts.

    Attributes
    ----------
    name : str
        Of the argument, for messages.
    source : array, network, or None where an array comes block by block
    lead : int
        How many axes of an array stand before those of its points.
    per_channel : bool
        Whether the last axis of an array is that of the channels.
    dtype : numpy.dtype or None
        Of an array; None for what a network is to give.
    box : box or None
        The points of its grid that are needed; None for an array that is needed whole.
    frame : box or None
        What the canonical array covers, zeros being put around `box`; None for `box` alone.
    raw : bool
        Whether the canonical array keeps the dtype that it was given in.
    given : tuple of int or None
        The shape that the caller gave an array in, where `source` has another.
    """

    name: str
    source: Any
    lead: int = 0
    per_channel: bool = False
    dtype: np.dtype[Any] | None = None
    box: Box | None = None
    frame: Box | None = None
    raw: bool = False
    given: tuple[int, ...] | None = None

    @property
    def predicts(self) -> bool:
        """Whether the source is a network."""
        return is_network(self.source)

    def without_array(self: Own) -> Own:
        """Return the operand as it is sent to tasks, which are given parts of the array."""
        return self if self.predicts else replace(self, source=None)

    def on(self: Own, box: Box, frame: Box | None = None) -> Own:
        """Return the operand of a block."""
        return replace(self, box=box, frame=frame)

    def canonical(self, array: Array, ndim: int) -> Any:
        """Return an array, cut to the points of `box`, as `compute` takes it."""
        return plain(array)

    def answered(self: Own, layout: Layout, image: Array) -> Own:
        """Return the operand with what its network gives for a canonical image as its array."""
        raise NotImplementedError  # for operands that are always arrays

    def predict(self, layout: Layout, image: Array) -> Any:
        """Return what a network gives for a canonical image, as `compute` takes it."""
        known = self.answered(layout, image)
        return known.canonical(known.source, layout.ndim)

    def gradient(self, canonical: Array) -> Array:
        """Bring the gradient of the canonical array to the shape of the array that was given."""
        shape = tuple(self.source.shape) if self.given is None else self.given
        if math.prod(shape) != canonical.size:
            # Given for one point, and taken for all.
            backend = backend_of(canonical)
            by_point = backend.to_host(canonical).reshape(-1, math.prod(shape))
            total = np.ascontiguousarray(by_point.sum(axis=0, dtype=np.float64))
            canonical = backend.beside(total.astype(canonical.dtype), canonical)
        gradient: Array = canonical.reshape(shape)
        return gradient

    def in_memory(self, layout: Layout, image: Array) -> Any:
        """Return the operand of a whole image in memory."""
        if self.predicts:
            return self.predict(layout, image)
        return self.canonical(self._beside(image), layout.ndim)

    def known(self: Own, layout: Layout, image: Array) -> Own:
        """Return the operand with an array as its source, where a whole image in memory is."""
        if self.predicts:
            return self.answered(layout, image)
        return replace(self, source=self._beside(image))

    def _beside(self, image: Array) -> Any:
        """Return the array that was given, where the image is."""
        places.in_memory(self.name, self.source)
        # What was one number, or one point, was made on the host.
        return backend_of(image).beside(self.source, image)


@dataclass(frozen=True)
class Grid(Operand):
    """Some values at each point of a grid: sizes, offsets, a mask.

    Canonical: (batch or 1, plane, row, column, width).
    """

    widths: Sequence[int] = ()

    @classmethod
    def of(
        cls, name: str, source: Any, layout: Layout, grid: Sequence[int], widths: Sequence[int],
        raw: bool = False,
    ) -> Grid:  # fmt: skip
        """Check an array; a network is checked by what it gives.

        `grid` is the spatial shape of its points, `widths` how many values each may have, the
        preferred number first.
        """
        plane, row, column = ((0, n) for n in to_triple(tuple(grid), 1))
        box = (plane, row, column)
        if is_network(source):
            return cls(name, source, box=box, raw=raw, widths=widths)
        given = predictions.network_result(name, source)
        array = everywhere(given, tuple(grid), widths)
        lead, _ = grid_form(name, array.shape, layout, tuple(grid), widths)
        return cls(
            name, array, len(lead), dtype=array.dtype, box=box, raw=raw, given=given.shape,
            widths=widths,
        )  # fmt: skip

    def canonical(self, array: Array, ndim: int) -> Any:
        """Return (batch or 1, plane, row, column, width)."""
        points = array.shape[self.lead : self.lead + ndim]
        width = math.prod(array.shape[self.lead + ndim :])
        shape = (math.prod(array.shape[: self.lead]), *to_triple(points, 1), width)
        return (array if self.raw else plain(array)).reshape(shape)

    def answered(self, layout: Layout, image: Array) -> Grid:
        """Return the grid with what its network gives for each point of an image."""
        given = predict(self.name, self.source, layout.as_given_to_networks(image))
        # The grid of a block is that of its image: on Dask networks are given no other.
        assert self.box is not None
        grid = tuple(stop - start for start, stop in self.box)[-layout.ndim :]
        lead, _ = grid_form(self.name, given.shape, layout, grid, self.widths)
        return replace(self, source=given, lead=len(lead), dtype=given.dtype, given=given.shape)


@dataclass(frozen=True)
class Weights(Operand):
    """Attention weights in an array: for each pixel, or for each position of each window."""

    windows: Windows | None = None  # None for weights per pixel

    def canonical(self, array: Array, ndim: int) -> Any:
        """Return weights (batch or 1, plane, row, column, 1 or C), or (window, taps, 1 or C)."""
        lead = math.prod(array.shape[: self.lead])
        depth = array.shape[-1] if self.per_channel else 1
        if self.windows is None:
            volume = to_triple(array.shape[self.lead : self.lead + ndim], 1)
            return plain(array).reshape(lead, *volume, depth)
        return plain(array).reshape(-1, self.windows.taps, depth)


@dataclass(frozen=True)
class Parameter(Operand):
    """An array that every block takes whole, in the dtype that it was given in."""

    def canonical(self, array: Array, ndim: int) -> Array:
        """Return the array."""
        return array
