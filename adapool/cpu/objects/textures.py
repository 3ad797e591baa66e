"""How much an image varies around candidates, at the scale of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import kernel, workers_for
from adapool.cpu._roots import square_root
from adapool.cpu.objects.surroundings import is_between, select, sparsity


def quartiles_of_bands(
    fine: Any, coarse: Any, low: Any, high: Any, most: Any, out: Any, *, work: int
) -> None:
    """Find the first quartile of abs(fine - coarse) in ellipsoids, inscribed from `low` to `high`.

    Boxes may leave the image: they are cut. Of one with more than `most` pixels, some are looked
    at, evenly spaced about its middle, which is one of them.
    """
    if not len(low):
        return
    workers = workers_for(work, len(low))
    rooms = np.empty((workers, 4 * most), np.float32)
    _quartiles_of_bands(
        fine, coarse, low, high, np.int64(most), out, rooms, work=work, tasks=workers
    )


@kernel
def _quartiles_of_bands(
    worker: int, fine: Any, coarse: Any, low: Any, high: Any, most: Any, out: Any, rooms: Any
) -> None:
    planes, rows, columns = fine.shape
    around = rooms[worker]
    for index in range(worker, len(low), len(rooms)):
        z0, y0, x0 = low[index, 0], low[index, 1], low[index, 2]
        z1, y1, x1 = high[index, 0], high[index, 1], high[index, 2]
        stride = sparsity((z1 - z0) * (y1 - y0) * (x1 - x0), z1 - z0 == 1, most)
        count = 0
        for z in range(max(z0, 0), min(z1, planes)):
            dz = 2 * z - z0 - z1 + 1
            if is_between(dz, stride):
                continue
            for y in range(max(y0, 0), min(y1, rows)):
                dy = 2 * y - y0 - y1 + 1
                if is_between(dy, stride):
                    continue
                rest = 1 - (dz / (z1 - z0)) ** 2 - (dy / (y1 - y0)) ** 2
                if rest < 0:
                    continue
                reach = square_root(rest) * (x1 - x0)
                for x in range(max(x0, 0), min(x1, columns)):
                    dx = 2 * x - x0 - x1 + 1
                    inside = -reach <= dx <= reach and not is_between(dx, stride)
                    if inside and count < len(around):
                        around[count] = abs(fine[z, y, x] - coarse[z, y, x])
                        count += 1
        out[index] = select(around, count, count // 4) if count > 0 else 0
