"""What plans have in common: they say what is read, what comes out, and how to compute it.

A plan is made for the whole image. :meth:`Plan.block` makes, from it, the plan of a block of the
output grid, which is of the same kind: in memory the plan of the whole is run, on Dask those of
blocks. Boxes are intervals along plane, row, column.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from adapool._backends import Array, Pooled, Triple, plain
from adapool._kernels import Kernels
from adapool._layout import Layout
from adapool._plans.operands import Box as Box
from adapool._plans.operands import Operand

Interval = tuple[int, int]

# Canonical gradients by the names of arguments, and what of a result they are made of: canonical
# arrays first, by which alone they can be made where no network was asked.
Gradients = dict[str, Any]
Kept = tuple[Any, ...]
Own = TypeVar("Own", bound="PooledGrid")


class Plan(Protocol):
    """A method, its arguments checked."""

    @property
    def name(self) -> str:
        """Of the method, for the keys of a graph."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the result."""
        ...

    @property
    def operands(self) -> tuple[Operand | None, ...]:
        """What `compute` takes beside the image, None for what was not given."""
        ...

    def compute(self, kernels: Kernels, image: Array, *operands: Any) -> Any:
        """Compute the result on canonical arrays: the part `reads` of the image, and operands."""
        ...

    def restore(self, layout: Layout, computed: Any) -> Any:
        """Return what was computed as the caller's kind of array, axes where they were given."""
        ...

    @property
    def differentiable(self) -> tuple[str, ...]:
        """Names of the arguments that there are gradients of."""
        ...

    def forward(self, kernels: Kernels, image: Array, *operands: Any) -> tuple[Any, Kept]:
        """Compute the same; return also what `backward` needs of it."""
        ...

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        *operands: Any,
    ) -> Gradients:
        """Turn a cotangent of the values into the gradients that are wanted, by argument."""
        ...

    def cotangent(self, layout: Layout, given: Array) -> Array:
        """Return a cotangent, of the shape of the values, as `backward` takes it."""
        ...


def to_winners(kernels: Kernels, values: Array, winners: Array, image: Array) -> Array:
    """Add values to the pixels of an image that won, each its own."""
    target = len(image), math.prod(image.shape[1:4]), image.shape[-1]
    return kernels.scatter_winners(values, winners, target).reshape(image.shape)


class GridPlan(Plan, Protocol):
    """A plan whose result is a regular grid, which can be cut into blocks."""

    @property
    def with_indices(self) -> bool:
        """Whether the result is a pair of values and indices."""
        ...

    @property
    def filters(self) -> int | None:
        """Channels of the result; None for those of the image."""
        ...

    @property
    def splits_channels(self) -> bool:
        """Whether each channel is computed on its own."""
        ...

    @property
    def outputs(self) -> Triple:
        """Shape of the grid."""
        ...

    @property
    def step(self) -> Triple:
        """Pixels of the image between points of the grid."""
        ...

    @property
    def reads(self) -> Box:
        """The part of the image that `compute` takes."""
        ...

    @property
    def kept(self) -> Box:
        """Of the grid that `compute` returns, the part that was asked for."""
        ...

    @property
    def indexed(self) -> Box:
        """The box that indices from `compute` refer to, a part of that of the whole plan."""
        ...

    def without_arrays(self) -> GridPlan:
        """Return the plan as it is sent to tasks."""
        ...

    def block(self, box: Box) -> GridPlan:
        """Return the plan of a part of the output grid."""
        ...


@dataclass(frozen=True)
class PooledGrid:
    """What the plans of one result for each point of a grid share.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the result.
    with_indices : bool
        Whether the result is a pair of values and indices.
    """

    dtype: np.dtype[Any]
    with_indices: bool

    def restore(self, layout: Layout, computed: Pooled) -> Any:
        """Return values, and indices where there are any, in the layout of the feature map."""
        return layout.restore_pooled(computed, self.dtype)

    def cotangent(self, layout: Layout, given: Array) -> Array:
        """Return (batch, plane, row, column, channel)."""
        return layout.of_block(given.shape).canonical(given)

    def shown(self, pooled: Pooled) -> Pooled:
        """Return what was pooled with indices without them, where they are not asked for."""
        return pooled if self.with_indices else (pooled[0], None)

    def without_arrays(self: Own) -> Own:
        """Return the plan as it is sent to tasks, which are given parts of its arrays."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        operands: dict[str, Any] = {
            name: value.without_array()
            for name, value in values.items()
            if isinstance(value, Operand)
        }
        return replace(self, **operands)


def by_site(layout: Layout, values: Array) -> Array:
    """Return values of sites, (n, C) or (n,) of no channels, as kernels take them: (1, n, C)."""
    canonical: Array = plain(values).reshape(1, -1, layout.channels)
    return canonical


def box_of(begin: Triple, lengths: Triple) -> Box:
    """Return the box that begins somewhere and has these lengths."""
    plane, row, column = ((b, b + n) for b, n in zip(begin, lengths, strict=True))
    return plane, row, column


def whole_of(lengths: Triple) -> Box:
    """Return the box of all of a volume."""
    return box_of((0, 0, 0), lengths)


def begin_of(box: Box) -> Triple:
    """Return where a box begins."""
    (plane, _), (row, _), (column, _) = box
    return plane, row, column


def lengths_of(box: Box) -> Triple:
    """Return the lengths of a box."""
    plane, row, column = (stop - start for start, stop in box)
    return plane, row, column


def within(box: Box, whole: Box) -> tuple[slice, slice, slice]:
    """Return the slices of an array over `whole` that hold `box`."""
    plane, row, column = (slice(a - c, b - c) for (a, b), (c, _) in zip(box, whole, strict=True))
    return plane, row, column


def grown(box: Box, margin: Triple, volume: Triple) -> Box:
    """Return a box with a margin around it, cut to a volume."""
    plane, row, column = (
        (max(start - more, 0), min(stop + more, n))
        for (start, stop), more, n in zip(box, margin, volume, strict=True)
    )
    return plane, row, column
