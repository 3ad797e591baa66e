"""Maxima over windows that slide along one axis, in steps, in shared memory.

A block holds a piece of the axis, with what its windows reach beyond it, for some neighbouring
lines. Each step makes windows two or four times as large: the maximum at a position becomes that
of itself and of others, a distance further on. Fixed windows are pooled so, axis by axis, and
tables for windows of a size of their own are made.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._jit import cuda_kernel
from adapool.cuda import grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.comparing import index_type, larger, wins
from adapool.cuda.target import cuda, from_dtype

# Values of a thread that are under way at the same time.
AT_ONCE = 4


# Distance of a step, and how many positions it takes together.
Step = tuple[int, int]


def steps_to(window: int, dilation: int = 1) -> tuple[Step, ...]:
    """Return the steps that make windows of a size: four times as large, as long as it goes.

    The last step takes two windows that overlap.
    """
    steps, size = [], 1
    while size < window:
        parts = 4 if 4 * size < window else 2
        step = size if parts * size <= window else window - size
        steps.append((step * dilation, parts))
        size += (parts - 1) * step
    return tuple(steps)


def reach(steps: tuple[Step, ...]) -> int:
    """Return how far windows reach beyond their first position."""
    return sum(distance * (parts - 1) for distance, parts in steps)


@dataclass(frozen=True)
class Axis:
    """An axis of an array seen as (outer, middle, position, inner), and where it is written.

    Attributes
    ----------
    extent : tuple of int
        Lengths: outer, middle, positions, inner. Elements of inner follow each other.
    source, target : triple of int
        Elements from one to the next along outer, middle and position.
    outputs : int
        Positions of the result.
    jump, origin : int
        Output o is of the window that begins at ``o * jump + origin``; `jump` is a constant.
    """

    extent: tuple[int, int, int, int]
    source: tuple[int, int, int]
    target: tuple[int, int, int]
    outputs: int
    jump: int = 1
    origin: int = 0

    def tile(self, halo: int, itemsize: int) -> tuple[int, int] | None:
        """Return the outputs and the lines of a block, or None where its halo does not fit.

        `itemsize` are the bytes of a position, in both halves of shared memory. Lines are read in
        runs of 32 elements, less where the halo would be more than what it is around.
        """
        inner = self.extent[3]
        lines = min(inner, 32)
        while True:
            most = grids.SHARED_BYTES // (lines * itemsize)
            outputs = min((most - 1 - halo) // self.jump + 1, self.outputs)
            # Some 4,096 positions keep 256 threads busy, and leave room for other blocks.
            outputs = min(outputs, max(4096 // lines, 2 * halo) // self.jump + 1)
            if outputs >= min(self.outputs, 1 + halo // self.jump) or lines == 1:
                break
            lines = max(1, lines // 2)
        return (outputs, lines) if outputs > 0 else None


@functools.cache
def slide(
    steps: tuple[Step, ...],
    written: tuple[bool, ...],
    jump: int,
    dtype: np.dtype[Any],
    winner: np.dtype[Any] | None,
    first: bool,
    index: Any,
) -> Any:
    """Return the kernel that takes maxima along an axis.

    Parameters
    ----------
    steps : distances of the steps, and how many positions they take together
    written : whether the result of each step is a table that is written
    jump : positions between outputs of the last step
    dtype : of values
    winner : what tables of winners hold, or None for tables of values
    first : whether the source holds values in any case, and the table of them is written too
    index : the type that holds the number of any element

    Its arguments: the source and the values that winners refer to, flat; `extent`, `far`, `away`,
    `outputs` and `origin` as in :class:`Axis`; `table`, elements from one table to the next;
    `tile`, the outputs and lines of a block; `runs`, its tiles along the lines; `lowest`; `out`,
    flat; and `copied`, flat, which gets the values where tables of winners begin.
    """
    kind, number = from_dtype(dtype), dtype.type
    indexed = winner is not None
    whose = from_dtype(winner) if winner is not None else kind
    # Values begin after the winners.
    wide, narrow = winner.itemsize if winner is not None else 0, dtype.itemsize
    place = np.uint32 if index is np.int32 else np.uint64
    halo, count = reach(steps), len(steps)

    @cuda_kernel(registers=64)
    def slide_along(
        source: Any, values: Any, extent: Any, far: Any, away: Any, outputs: int, origin: int,
        table: int, tile: Any, runs: int, lowest: Any, out: Any, copied: Any,
    ) -> None:  # fmt: skip
        size, lines = np.int32(tile[0]), np.int32(tile[1])
        positions = np.int32((size - 1) * jump + 1 + halo)
        half = np.int32(positions * lines)
        # Two halves for values, which a step reads and writes in turn; two for winners before.
        winners = cuda.shared.array(0, whose)
        space = cuda.shared.array(0, kind)
        begin = np.int32(2 * half * wide // narrow)
        apart = np.int32(cuda.blockDim.x // lines)
        mine = np.int32(cuda.threadIdx.x // lines)
        lane = np.int32(cuda.threadIdx.x - mine * lines)
        block = np.int32(cuda.blockIdx.x // runs)
        inner = index(index(cuda.blockIdx.x - block * runs) * lines + lane)
        # Threads beyond a whole number of lines have nothing to do.
        mine = mine if mine < apart else positions
        start, threads = np.int32(mine * lines + lane), np.int32(apart * lines)
        there = inner < extent[3]
        step_in, step_out = index(far[2]), index(away[2])
        top = index(block * size)
        low = index(top * jump + index(origin))
        length = index(extent[2])
        shown = np.int32(min(index(size), index(outputs - top)))
        shown = np.int32(shown * lines) if there else np.int32(0)
        a = index(cuda.blockIdx.z)
        while a < extent[0]:
            b = index(cuda.blockIdx.y)
            while b < extent[1]:
                come = index(a * index(far[0]) + b * index(far[1]) + inner)
                to = index(a * index(away[0]) + b * index(away[1]) + inner)
                to = index(to + index(top + mine) * step_out)
                cuda.syncthreads()
                e = start
                p = index(low + mine)
                at = index(come + p * step_in)
                go = to
                while e < half:
                    for u in range(AT_ONCE):
                        if e + u * threads < half:
                            value = lowest
                            own = winners.dtype.type(0)
                            here = index(p + u * apart)
                            if there and here >= 0 and here < length:
                                where = place(at + index(u * apart) * step_in)
                                if indexed and not first:
                                    own = source[where]
                                    value = values[place(own)]
                                else:
                                    value = number(source[where])
                                if first and e + u * threads < shown:
                                    where = place(go + index(u * apart) * step_out)
                                    if indexed:
                                        copied[where] = value
                                        out[where] = where
                                    else:
                                        out[where] = value
                                if first and indexed:
                                    own = winners.dtype.type(go + index(u * apart) * step_out)
                            space[np.uint32(begin + e + u * threads)] = value
                            if indexed:
                                winners[np.uint32(e + u * threads)] = own
                    e = np.int32(e + AT_ONCE * threads)
                    p = index(p + AT_ONCE * apart)
                    at = index(at + index(AT_ONCE * apart) * step_in)
                    go = index(go + index(AT_ONCE * apart) * step_out)
                cuda.syncthreads()
                left = half
                come_from, go_to = np.int32(0), half
                for s in range(count):
                    distance, parts = np.int32(steps[s][0] * lines), np.int32(steps[s][1])
                    left = np.int32(left - (parts - 1) * distance)
                    last = s == count - 1
                    limit = np.int32(0)
                    if written[s]:
                        limit = shown
                        to = index(to + index(table))
                    go = to
                    e = start
                    read = np.int32(come_from + (mine * jump * lines + lane if last else start))
                    stop = np.int32(size * lines) if last else left
                    while e < stop:
                        value = space[np.uint32(begin + read)]
                        if indexed:
                            own = winners[np.uint32(read)]
                        for m in range(1, 4):
                            if m < parts:
                                at = np.uint32(read + m * distance)
                                next_value = space[np.uint32(begin + read + m * distance)]
                                if not indexed:
                                    value = larger(value, next_value)
                                elif wins(next_value, winners[at], value, own):
                                    value, own = next_value, winners[at]
                        if not last:
                            space[np.uint32(begin + go_to + e)] = value
                            if indexed:
                                winners[np.uint32(go_to + e)] = own
                        if e < limit:
                            if indexed:
                                out[place(go)] = own
                            else:
                                out[place(go)] = value
                        e = np.int32(e + threads)
                        read = np.int32(read + (threads * jump if last else threads))
                        go = index(go + index(apart) * step_out)
                    cuda.syncthreads()
                    come_from, go_to = go_to, come_from
                b = index(b + cuda.gridDim.y)
            a = index(a + cuda.gridDim.z)

    return slide_along


def over_axis(
    axis: Axis,
    steps: tuple[Step, ...],
    written: tuple[bool, ...],
    source: DeviceArray,
    out: DeviceArray,
    lowest: Any,
    *,
    values: DeviceArray | None = None,
    copied: DeviceArray | None = None,
    first: bool = False,
    table: int = 0,
) -> None:
    """Launch :func:`slide`, with tables of winners where there are values, or a copy of them."""
    winner = out.dtype if values is not None or copied is not None else None
    dtype = np.asarray(lowest).dtype
    tile = axis.tile(reach(steps), _bytes(dtype, winner))
    assert tile is not None
    kernel = slide(
        steps, written, axis.jump, dtype, winner, first, index_type(source.size, out.size)
    )
    outputs, lines = tile
    positions = (outputs - 1) * axis.jump + 1 + reach(steps)
    runs = -(-axis.extent[3] // lines)
    grids.over_blocks(
        kernel, (-(-axis.outputs // outputs) * runs, axis.extent[1], axis.extent[0]),
        positions * lines * _bytes(dtype, winner), out, source, values, axis.extent, axis.source,
        axis.target, axis.outputs, axis.origin, table, tile, runs, lowest, out, copied,
    )  # fmt: skip


def fits(
    axis: Axis, steps: tuple[Step, ...], dtype: np.dtype[Any], winner: np.dtype[Any] | None = None
) -> bool:
    """Whether a block holds what its windows reach, with some outputs beside."""
    tile = axis.tile(reach(steps), _bytes(dtype, winner))
    return tile is not None and tile[0] >= min(axis.outputs, reach(steps) // axis.jump // 4)


def _bytes(dtype: np.dtype[Any], winner: np.dtype[Any] | None) -> int:
    return 2 * (dtype.itemsize + (0 if winner is None else winner.itemsize))
