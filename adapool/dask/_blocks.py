"""How the output grid of a Dask array is cut into blocks, and what goes with each block."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np

from adapool import _place_arguments
from adapool._arguments import Array
from adapool._layout import Layout, Triple, to_triple
from adapool.dask._graph import Axis, Index, Interval, Operand


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

        Networks and convolutions need all channels at once: they do not split them.
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

    def box(self, index: Index) -> tuple[Triple, Triple]:
        """Return the first output of a block and its outputs, along plane, row, column."""
        cut = [self.outputs[i][index[axis]] for i, axis in enumerate(self.layout.spatial_axes)]
        first = to_triple(tuple(start for start, _ in cut), 0)
        return first, to_triple(tuple(stop - start for start, stop in cut), 1)

    def reach(self, interval: Callable[[int, int, int], Interval]) -> list[list[Interval]]:
        """Return what each block reads along each spatial axis.

        `interval` gives it for an axis (0 is the plane), a first output and one behind the last.
        """
        missing = 3 - self.layout.ndim
        return [
            [interval(missing + i, start, stop) for start, stop in cut]
            for i, cut in enumerate(self.outputs)
        ]

    def image(self, array: Any, reach: Sequence[Sequence[Interval]]) -> Operand:
        """Return the image as an operand."""
        layout = self.layout
        along = [Axis(axis, part) for axis, part in zip(layout.spatial_axes, reach, strict=True)]
        batch = Axis(layout.batch_axis, self.batch)
        channels = Axis(layout.channel_axis if len(self.channels) > 1 else None, self.channels)
        return Operand(array, tuple(self._in_order(batch, channels, along)))

    def points(
        self,
        array: Any,
        lead: Sequence[int],
        reach: Sequence[Sequence[Interval]],
        tail: Sequence[int] = (),
        per_channel: bool = False,
    ) -> Operand:
        """Return an array (*lead, *points, *tail) as an operand; arrays in memory become lazy.

        With `per_channel`, the last axis holds the channels.
        """
        layout = self.layout
        axes = [
            Axis(layout.batch_axis, self.batch)
            if layout.batch_axis is not None and n == layout.batch
            else Axis(None, [(0, n)])
            for n in lead
        ]
        axes += [Axis(axis, part) for axis, part in zip(layout.spatial_axes, reach, strict=True)]
        axes += [Axis(None, [(0, n)]) for n in tail]
        if per_channel:
            axes.append(
                Axis(layout.channel_axis if len(self.channels) > 1 else None, self.channels)
            )
        return Operand(as_lazy(array, self.kind), tuple(axes))

    def whole(self, array: Any) -> Operand:
        """Return an array that every block reads the whole of as an operand."""
        return Operand(as_lazy(array, self.kind), tuple(Axis(None, [(0, n)]) for n in array.shape))

    def _in_order(self, batch: Any, channels: Any, spatial: Sequence[Any]) -> list[Any]:
        """Put what belongs to each axis where the image has that axis."""
        layout = self.layout
        given = dict(zip(layout.spatial_axes, spatial, strict=True))
        if layout.batch_axis is not None:
            given[layout.batch_axis] = batch
        if layout.channel_axis is not None:
            given[layout.channel_axis] = channels
        return [given[axis] for axis in sorted(given)]


def as_lazy(array: Any, kind: Array) -> Any:
    """Return an array as one of Dask, of chunks of a kind.

    It is not hashed: that would take longer than to use it.
    """
    if _place_arguments.is_dask(array):
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
