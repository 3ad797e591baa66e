"""How the output grid of a Dask array is cut into blocks, and what goes with each block."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np

from adapool._backends import Array, Triple
from adapool._checks import places
from adapool._layout import Layout
from adapool._plans.base import Interval
from adapool._plans.operands import Box, Operand
from adapool.dask.graph import Axis, Index, Slices


@dataclass(frozen=True)
class Blocks:
    """The output grid, cut where the chunks of the image end.

    Attributes
    ----------
    layout : Layout
    kind : array
        An empty array of the kind that the chunks of the image are.
    batch, channels : tuple of interval
        What each block has of these axes.
    outputs : tuple of tuple of interval
        What each block has of the output grid, along each spatial axis.
    """

    layout: Layout
    kind: Array
    batch: tuple[Interval, ...]
    channels: tuple[Interval, ...]
    outputs: tuple[tuple[Interval, ...], ...]

    @classmethod
    def of(
        cls, image: Any, layout: Layout, outputs: Triple, step: Triple, split_channels: bool
    ) -> Blocks:
        """Cut a grid whose outputs are `step` pixels apart.

        With `split_channels` it is also cut along the channels, where the image is.
        """
        batch, channel = layout.batch_axis, layout.channel_axis
        whole = ((0, layout.channels),)
        split = channel is not None and split_channels
        return cls(
            layout=layout,
            kind=image._meta,
            batch=((0, 1),) if batch is None else _intervals(image.chunks[batch]),
            channels=_intervals(image.chunks[channel]) if split else whole,
            outputs=tuple(
                _cut(image.chunks[axis], grid, apart)
                for axis, grid, apart in zip(
                    layout.spatial_axes,
                    outputs[-layout.ndim :],
                    step[-layout.ndim :],
                    strict=True,
                )
            ),
        )

    def chunks(self, channels: tuple[int, ...] | None = None) -> tuple[tuple[int, ...], ...]:
        """Return the chunks of the result, with the image's channels or these."""
        lengths = self._in_order(
            _lengths(self.batch),
            channels or _lengths(self.channels),
            [_lengths(axis) for axis in self.outputs],
        )
        return tuple(lengths)

    def box(self, index: Index) -> Box:
        """Return the part of the output grid that a block is, along plane, row, column."""
        cut = [self.outputs[i][index[axis]] for i, axis in enumerate(self.layout.spatial_axes)]
        plane, row, column = [(0, 1)] * (3 - len(cut)) + cut
        return plane, row, column

    def reach(self, interval: Callable[[int, int, int], Interval]) -> list[list[Interval]]:
        """Return what each block reads along each spatial axis.

        `interval` gives it for an axis (0 is the plane), a first output and an end of outputs.
        """
        missing = 3 - self.layout.ndim
        return [
            [interval(missing + i, start, stop) for start, stop in cut]
            for i, cut in enumerate(self.outputs)
        ]

    def image(self, array: Any, reach: Sequence[Sequence[Interval]]) -> Slices:
        """Return what blocks read of the image."""
        layout = self.layout
        along = [Axis(axis, part) for axis, part in zip(layout.spatial_axes, reach, strict=True)]
        batch = Axis(layout.batch_axis, self.batch)
        channels = Axis(layout.channel_axis if len(self.channels) > 1 else None, self.channels)
        return Slices(array, tuple(self._in_order(batch, channels, along)))

    def points(self, operand: Operand, reach: Sequence[Sequence[Interval]]) -> Slices:
        """Return what blocks read of an array (*lead, *points, *tail), which is made lazy."""
        layout, array = self.layout, operand.source
        axes = [
            Axis(layout.batch_axis, self.batch)
            if layout.batch_axis is not None and n == layout.batch
            else Axis(None, [(0, n)])
            for n in array.shape[: operand.lead]
        ]
        axes += [Axis(axis, part) for axis, part in zip(layout.spatial_axes, reach, strict=True)]
        axes += [Axis(None, [(0, n)]) for n in array.shape[len(axes) :]]
        if operand.per_channel and len(self.channels) > 1:
            axes[-1] = Axis(layout.channel_axis, self.channels)
        return Slices(as_lazy(array, self.kind), tuple(axes))

    def whole(self, array: Any) -> Slices:
        """Return what blocks read of an array that each needs whole: all of it."""
        return Slices(as_lazy(array, self.kind), tuple(Axis(None, [(0, n)]) for n in array.shape))

    def _in_order(self, batch: Any, channels: Any, spatial: Sequence[Any]) -> list[Any]:
        """Order things that belong to axes as the image orders its axes."""
        layout = self.layout
        given = dict(zip(layout.spatial_axes, spatial, strict=True))
        if layout.batch_axis is not None:
            given[layout.batch_axis] = batch
        if layout.channel_axis is not None:
            given[layout.channel_axis] = channels
        return [given[axis] for axis in sorted(given)]


def as_lazy(array: Any, kind: Array) -> Any:
    """Return an array as one of Dask, of chunks of a kind.

    Its name is not made from its contents: hashing would take longer than pooling.
    """
    if places.is_dask(array):
        return array
    return da.from_array(np.asarray(array, like=kind), chunks=-1, name=False, asarray=False)


def meta(image: Any, dtype: np.dtype[Any]) -> Array:
    """Return an empty array of the kind and the axes that the chunks of an image have."""
    empty: Array = np.empty_like(image._meta, shape=(0,) * image.ndim, dtype=dtype)
    return empty


def _intervals(sizes: tuple[int, ...]) -> tuple[Interval, ...]:
    ends = itertools.accumulate(sizes)
    return tuple((end - size, end) for end, size in zip(ends, sizes, strict=True) if size)


def _cut(sizes: tuple[int, ...], outputs: int, step: int) -> tuple[Interval, ...]:
    """Cut outputs `step` apart, so that each goes to the chunk that it begins in."""
    ends = [min(-(-end // step), outputs) for end in itertools.accumulate(sizes)]
    ends[-1] = outputs  # padding lets windows begin behind the last chunk
    return tuple((start, stop) for start, stop in itertools.pairwise([0, *ends]) if start < stop)


def _lengths(intervals: Sequence[Interval]) -> tuple[int, ...]:
    return tuple(stop - start for start, stop in intervals)
