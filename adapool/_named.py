"""Names of dimensions: what an array of xarray says of its axes, and how it is given to results.

The names, the coordinates and the attributes of an image go on to what is made of it. Where windows
lie between pixels, so do their coordinates: in the middle of a window, as `coarsen` of xarray has
it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Triple
from adapool._checks import libraries
from adapool._layout import Layout
from adapool._windows import Windows


@dataclass(frozen=True)
class Steps:
    """Where outputs are along an axis, in pixels: ``first + step * number``."""

    first: float
    step: int

    def then(self, other: Steps) -> Steps:
        """Return where the outputs on a grid of these outputs are."""
        return Steps(self.first + self.step * other.first, self.step * other.step)


# Computed only when used: most arrays have no names, and small calls take some 30 us.
Grid = Callable[[], Sequence[Steps]]


def middles(*windows: Windows) -> Grid:
    """Return where the middles of windows are, each kind on the grid of the one before."""

    def along_axes() -> Sequence[Steps]:
        grids = [
            [
                Steps(start + (span - 1) / 2, step)
                for start, span, step in zip(own.origin, own.span, own.stride, strict=True)
            ]
            for own in windows
        ]
        return [functools.reduce(Steps.then, axis) for axis in zip(*grids, strict=True)]

    return along_axes


def every(strides: Triple) -> Grid:
    """Return where windows of pixels `strides` apart are."""
    return lambda: [Steps(0, stride) for stride in strides]


@dataclass(frozen=True)
class Names:
    """The dimensions of an image, (batch,) (plane,) row, column (, channel) in any order.

    Attributes
    ----------
    dims : tuple of str, or None where axes have no names
    spatial : tuple of str
        Those along (plane,) row, column.
    channel : str or None
        That of the channels.
    labels : xarray.Dataset
        The coordinates.
    name, attrs : of the array
    variable : bool
        Whether it was a variable, which has no coordinates.
    """

    dims: tuple[Any, ...] | None
    spatial: tuple[Any, ...] = ()
    channel: Any = None
    labels: Any = None
    name: Any = None
    attrs: Any = None
    variable: bool = False

    @classmethod
    def of(cls, image: Any, layout: Layout, **others: Any) -> Names:
        """Return the names of an image; `others` go with it, and must have its order of axes."""
        if not libraries.is_named(image):
            return NONE
        dims = tuple(image.dims)
        variable = not hasattr(image, "coords")
        names = cls(
            dims=dims,
            spatial=tuple(dims[axis] for axis in layout.spatial_axes),
            channel=None if layout.channel_axis is None else dims[layout.channel_axis],
            labels=None if variable else image.coords.to_dataset(),
            name=None if variable else image.name,
            attrs=dict(image.attrs),
            variable=variable,
        )
        for name, other in others.items():
            if libraries.is_named(other):
                libraries.order_of_names(name, tuple(other.dims), names.spatial)
        return names

    def pooled(self, result: Any, grid: Grid | None = None, same_channels: bool = True) -> Any:
        """Give a result on a grid, values or (values, indices), the names of the image.

        Without `same_channels` the result has other channels than the image, without coordinates.
        """
        if self.dims is None:
            return result
        values, *indices = result if isinstance(result, tuple) else (result,)
        labels = self._labels_on(grid, values.shape, same_channels)
        named = [self._array(values, self.dims, labels, self.name, self.attrs)]
        named += [self._array(array, self.dims, labels) for array in indices]
        return tuple(named) if indices else named[0]

    def of_pixels(self, result: Any) -> Any:
        """Give a result of the shape of the image without channels the names of these axes."""
        if self.dims is None:
            return result
        dims = tuple(dim for dim in self.dims if dim != self.channel)
        return self._array(result, dims, self._without_channels())

    def _without_channels(self) -> Any:
        if self.labels is None or self.channel not in self.labels.dims:
            return self.labels
        return self.labels.drop_dims(self.channel)

    def _array(
        self, array: Any, dims: tuple[Any, ...], labels: Any, name: Any = None, attrs: Any = None
    ) -> Any:
        xarray = sys.modules["xarray"]
        if self.variable:
            return xarray.Variable(dims, array, attrs)
        named = xarray.DataArray(array, labels.coords, dims, attrs=attrs)
        named.name = name  # set even if None: otherwise xarray takes the name of the Dask array
        return named

    def _labels_on(self, grid: Grid | None, shape: tuple[int, ...], same_channels: bool) -> Any:
        assert self.dims is not None
        labels = self.labels if same_channels else self._without_channels()
        if labels is None:
            return None
        steps_along = [] if grid is None else grid()[-len(self.spatial) :]
        for dim, steps in zip(self.spatial, steps_along, strict=grid is not None):
            if dim in labels.dims:
                positions = steps.first + steps.step * np.arange(shape[self.dims.index(dim)])
                labels = _at(labels, dim, positions)
        return labels


NONE = Names(None)


def _at(labels: Any, dim: Any, positions: Any) -> Any:
    """Return coordinates at positions, in pixels, along a dimension.

    At pixels they are those of the pixels, of any kind. Between pixels they are interpolated, and
    beyond them extrapolated, linearly; coordinates that are no numbers, such as text, are left out.
    """
    size = labels.sizes[dim]
    whole = positions.astype(int)
    if (whole == positions).all() and whole.min() >= 0 and whole.max() < size:
        return labels.isel({dim: whole})
    along = {name: v for name, v in labels.variables.items() if dim in v.dims}
    rest = labels.drop_vars(list(along))
    if size == 1:
        return rest
    low = np.clip(np.floor(positions), 0, size - 2).astype(int)
    moved = {}
    for name, variable in along.items():
        if variable.dtype.kind not in "iufmM":
            continue
        if variable.dtype.kind in "mM" and np.datetime_data(variable.dtype)[0] != "ns":
            variable = variable.astype(f"{variable.dtype.kind}8[us]")  # halves of seconds
        below, above = (variable.isel({dim: at}).to_base_variable() for at in (low, low + 1))
        share = sys.modules["xarray"].Variable(dim, positions - low)
        if variable.dtype.kind == "u":  # whose differences have no sign
            below, above = below.astype(float), above.astype(float)
        line = below + (above - below) * share
        moved[name] = line.transpose(*variable.dims)
    return rest.assign_coords(moved)
