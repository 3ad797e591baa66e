"""Tables of blocks that are wider along several axes at once, or farther than a block reaches."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool._jit import cuda_kernel
from adapool.cuda.comparing import larger, wins
from adapool.cuda.target import cuda

# Rows of a thread, whose values are under way at the same time.
ROWS = 2


@functools.cache
def widen(parts: tuple[int, int, int], indexed: bool, first: bool, index: Any) -> Any:
    """Return the kernel that makes tables: at each position the maximum over `parts` of another.

    Blocks that leave the slab are never looked up: what they hold of it will do.

    Its arguments: the source and the values that winners refer to, flat; `shape`, (planes, rows,
    column * channel), of a table; `steps`, how far parts are from each other along plane, row and
    elements of a line; `far`, elements from one plane of the source to the next; `tables`, planes
    of all tables that are made; `out`, flat; `whole`, flat, which gets the table that the source
    is, if `first`, when the source holds values; and `copied`, which gets these if `indexed` too.
    """
    deep, tall, wide = parts
    place = np.uint32 if index is np.int32 else np.uint64

    @cuda_kernel(registers=64)
    def widen_tables(
        source: Any, values: Any, shape: Any, steps: Any, far: int, tables: int, out: Any,
        whole: Any, copied: Any,
    ) -> None:  # fmt: skip
        planes, rows, line = index(shape[0]), index(shape[1]), index(shape[2])
        dz, dy, dx = index(steps[0]), index(steps[1]), index(steps[2])
        last_plane, last_row, last = index(planes - 1), index(rows - 1), index(line - 1)
        away = index(far)
        i = index(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if i < line:
            item = index(cuda.blockIdx.z)
            while item < tables:
                z = index(place(item) % place(planes))
                table = index(item - z)
                top = index(cuda.blockIdx.y * ROWS)
                while top < rows:
                    for u in range(ROWS):
                        y = min(index(top + u), last_row)
                        at = index(index(z + table) * away + y * line + i)
                        to = index((item * rows + y) * line + i)
                        own = index(to)
                        if indexed and not first:
                            own = index(source[place(at)])
                            best = values[place(own)]
                        else:
                            best = source[place(at)]
                        if first and indexed:
                            whole[place(to)] = own
                            copied[place(to)] = best
                        elif first:
                            whole[place(to)] = best
                        for a in range(deep):
                            back = index(min(index(z + a * dz), last_plane) + table)
                            for b in range(tall):
                                below = min(index(y + b * dy), last_row)
                                begin = index(back * away + below * line)
                                for d in range(wide):
                                    right = min(index(i + d * dx), last)
                                    at = index(begin + right)
                                    if a + b + d == 0:
                                        continue
                                    if not indexed:
                                        best = larger(best, source[place(at)])
                                    else:
                                        if first:
                                            other = index((back * rows + below) * line + right)
                                            value = source[place(at)]
                                        else:
                                            other = index(source[place(at)])
                                            value = values[place(other)]
                                        if wins(value, other, best, own):
                                            best, own = value, other
                        if indexed:
                            out[place(to)] = own
                        else:
                            out[place(to)] = best
                    top = index(top + cuda.gridDim.y * ROWS)
                item = index(item + cuda.gridDim.z)

    return widen_tables
