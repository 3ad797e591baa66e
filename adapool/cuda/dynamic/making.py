"""Tables of block maxima of an image, made slab by slab: bands of rows, and groups of channels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Triple, lowest_value
from adapool.cuda import grids, sliding
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.comparing import index_type
from adapool.cuda.dynamic import loading, widening
from adapool.cuda.dynamic.tables import Pass, Plan
from adapool.cuda.sliding import Axis

# Bytes that the tables of a slab may take. On an 80 GB device much more would do; a slab of this
# size already has thousands of blocks, and its halo is a small part of it.
_TABLE_BYTES = 512 << 20


@dataclass(frozen=True)
class Slab:
    """Rows `begin` .. `end` that are answered, those that are held, and the channels."""

    begin: int
    end: int
    first: int
    last: int
    columns: int
    channel: int
    channels: int

    @property
    def geometry(self) -> tuple[int, int, int, int]:
        """What kernels take: first row, rows, columns, channels."""
        return self.first, self.last - self.first, self.columns, self.channels


@dataclass(frozen=True)
class Tables:
    """Tables of a slab, flat; the values that winners refer to, if any; the shape of a table."""

    tables: DeviceArray
    values: DeviceArray | None
    shape: Triple

    @property
    def index(self) -> Any:
        """The type that holds the number of any element."""
        return index_type(self.tables.size)


def slabs(
    image: DeviceArray, largest: int, centered: bool, plan: Plan, with_indices: bool
) -> Iterator[Slab]:
    """Cut an image so that the tables of a slab take bounded memory."""
    _, depth, height, width, channels = image.shape
    if plan.count == 1:  # the image itself
        yield Slab(0, height, 0, height, width, 0, channels)
        return
    before = largest // 2 if centered else 0
    after = largest - before
    cell = plan.count * (4 if with_indices else image.dtype.itemsize) * depth * width
    # At least as many rows are answered as are held beside them; of that, all channels that fit.
    least = min(2 * largest + 1, height)
    group = max(1, min(channels, _TABLE_BYTES // (cell * least)))
    rows = min(height, max(_TABLE_BYTES // (cell * group) - largest, largest, 1))
    for begin in range(0, height, rows):
        end = min(begin + rows, height)
        first, last = max(begin - before, 0), min(end + after, height)
        for channel in range(0, channels, group):
            yield Slab(begin, end, first, last, width, channel, min(group, channels - channel))


def make_tables(
    image: DeviceArray, item: int, slab: Slab, plan: Plan, with_indices: bool
) -> Tables:
    """Make the tables of a slab."""
    depth, height, width, channels = image.shape[1:]
    rows, line = slab.last - slab.first, slab.columns * slab.channels
    shape = (depth, rows, line)
    whole = image[item : item + 1].reshape(-1)
    if plan.count == 1:
        return Tables(whole, whole if with_indices else None, shape)
    cells = math.prod(shape)
    winner = np.dtype(np.int32 if cells < 1 << 31 else np.int64)
    made = image.empty((plan.count * cells,), winner if with_indices else image.dtype)
    values = image.empty((cells,), image.dtype) if with_indices else None
    source, far = whole[slab.first * width * channels :], height * width * channels
    if slab.channels < channels:
        source, far = image.empty((cells,), image.dtype), rows * line
        grids.over_rows(
            loading.load_slab(index_type(cells)), line, rows, depth, image,
            whole, shape, (height, width, channels), slab.first, slab.channel, slab.channels,
            source,
        )  # fmt: skip
    maker = _Maker(shape, slab.channels, source, far, made, values)
    for each in plan.passes():
        if len(each.axes) == 1:
            maker.slide(each, plan.shift)
        else:
            maker.widen(each, 1, each.levels, plan.shift)
    return Tables(made, values, shape)


@dataclass
class _Maker:
    """What all passes share. The source is that of the first: planes of values, `far` apart."""

    shape: Triple
    channels: int
    source: DeviceArray
    far: int
    made: DeviceArray
    values: DeviceArray | None
    first: bool = True

    def slide(self, each: Pass, shift: int) -> None:
        """Make the tables along one axis: in shared memory, as far as a block reaches."""
        dtype = self.source.dtype if self.values is None else self.values.dtype
        winner = None if self.values is None else self.made.dtype
        levels = each.levels
        while not sliding.fits(self._axis(each), _steps(levels, shift), dtype, winner):
            levels -= 1
        steps = _steps(levels, shift)
        written = (True,) * len(steps)
        cells = math.prod(self.shape)
        sliding.over_axis(
            self._axis(each), steps, written, self.source if self.first else self.made,
            self.made, lowest_value(dtype), values=None if self.first else self.values,
            copied=self.values if self.first else None, first=self.first,
            table=each.sources * cells,
        )  # fmt: skip
        self.first = False
        if levels < each.levels:
            self.widen(each, levels, each.levels, shift)

    def _axis(self, each: Pass) -> Axis:
        """Return the axis of a pass, of all tables that there are."""
        planes, rows, line = self.shape
        plane = rows * line
        far = self.far if self.first else plane
        width = line // self.channels
        if each.axes == (0,):
            return Axis(
                (each.sources, 1, planes, plane), (planes * plane, 0, far),
                (planes * plane, 0, plane), planes,
            )  # fmt: skip
        outer = each.sources * planes
        if each.axes == (1,):
            return Axis((outer, 1, rows, line), (far, 0, line), (plane, 0, line), rows)
        return Axis(
            (outer, rows, width, self.channels), (far, line, self.channels),
            (plane, line, self.channels), width,
        )  # fmt: skip

    def widen(self, each: Pass, begin: int, end: int, shift: int) -> None:
        """Make the levels from `begin` to `end`, each from the last, along all axes at once."""
        planes, rows, line = self.shape
        cells = math.prod(self.shape)
        parts = tuple(1 << shift if axis in each.axes else 1 for axis in range(3))
        for level in range(begin, end):
            at = each.sources * cells
            source, far = self.made[(level - 1) * at :], rows * line
            if self.first:
                source, far = self.source, self.far
            step = 1 << shift * (level - 1)
            grids.over_rows(
                widening.widen(
                    parts, self.values is not None, self.first, index_type(self.made.size)
                ),
                line, -(-rows // widening.ROWS), each.sources * planes, self.made,
                source, self.values, self.shape, (step, step, step * self.channels), far,
                each.sources * planes, self.made[level * at :],
                self.made if self.first else None,
                self.values if self.first else None,
            )  # fmt: skip
            self.first = False


def _steps(levels: int, shift: int) -> tuple[sliding.Step, ...]:
    """Return the steps that make the tables of an axis, each after the one before."""
    return tuple((1 << shift * level, 1 << shift) for level in range(levels - 1))
