"""The pixel of each region that is nearest to its centroid, told exactly, in integers."""

from __future__ import annotations

from typing import Any

from adapool import _formulas
from adapool._jit import device, kernel

_from_centroid = device(_formulas.from_centroid)


@device
def _around(total: int, count: int) -> tuple[int, int]:
    """Return the first and the last of the whole numbers nearest to a mean: one, or two."""
    low = total // count
    twice = 2 * (total - low * count)
    return (low if twice <= count else low + 1), (low + 1 if twice >= count else low)


@kernel
def try_centroids(
    task: int, parts: int, owner: Any, areas: Any, sums: Any, begin: Any, middle: Any
) -> None:
    """Look whether the pixels nearest to a centroid are of the region, as they nearly always are.

    Parameters
    ----------
    owner : (plane, row, column) int32
    areas : (n,) int64
    sums : (n, 3) int64
        Of the coordinates in the whole image, of which `owner` begins at `begin`.
    middle : (n,) int64
        Gets the flat index of the first such pixel in `owner`, or -1.
    """
    n = areas.size
    depth, height, width = owner.shape
    for own in range(task * n // parts, (task + 1) * n // parts):
        middle[own] = -1
        z0, z1 = _around(sums[own, 0], areas[own])
        y0, y1 = _around(sums[own, 1], areas[own])
        x0, x1 = _around(sums[own, 2], areas[own])
        for z in range(z0 - begin[0], z1 - begin[0] + 1):
            for y in range(y0 - begin[1], y1 - begin[1] + 1):
                for x in range(x0 - begin[2], x1 - begin[2] + 1):
                    inside = 0 <= z < depth and 0 <= y < height and 0 <= x < width
                    if middle[own] < 0 and inside and owner[z, y, x] == own:
                        middle[own] = (z * height + y) * width + x


@kernel
def search(
    task: int,
    owner: Any,
    wanted: Any,
    areas: Any,
    sums: Any,
    begin: Any,
    boxes: Any,
    only: Any,
    whole: Any,
    rest: Any,
    middle: Any,
) -> None:
    """Search a box for the pixels nearest to centroids: those of one region, or of all.

    Parameters
    ----------
    owner, areas, sums, begin
        As above.
    wanted : (n,) int32
        The number of a region among the k that are searched for, or -1.
    boxes : (tasks, 6) int64
        First and last plane, row, column.
    only : (tasks,) int32
        The region that is searched for, or -1.
    whole, rest, middle : (tasks, k) int64, or (1, k) if each task has a region of its own
        Get the least distance, see `_formulas.from_centroid`, and the flat index. `whole` is to be
        larger than any distance.
    """
    _, height, width = owner.shape
    line = min(task, whole.shape[0] - 1)
    for z in range(boxes[task, 0], boxes[task, 3] + 1):
        for y in range(boxes[task, 1], boxes[task, 4] + 1):
            for x in range(boxes[task, 2], boxes[task, 5] + 1):
                own = owner[z, y, x]
                if own < 0 or wanted[own] < 0 or (only[task] >= 0 and own != only[task]):
                    continue
                k, count = wanted[own], areas[own]
                sz, sy, sx = sums[own, 0], sums[own, 1], sums[own, 2]
                lz, ly, lx = sz // count, sy // count, sx // count
                dz, dy, dx = begin[0] + z - lz, begin[1] + y - ly, begin[2] + x - lx
                # The centroid lies less than a pixel beyond: what is farther anyway is left out.
                least = dz * dz + dy * dy + dx * dx - 2 * (max(dz, 0) + max(dy, 0) + max(dx, 0))
                if least > whole[line, k]:
                    continue
                distance, more = _from_centroid(
                    dz, dy, dx, sz - lz * count, sy - ly * count, sx - lx * count, count
                )
                best = whole[line, k]
                if distance < best or (distance == best and more > rest[line, k]):
                    whole[line, k], rest[line, k] = distance, more
                    middle[line, k] = (z * height + y) * width + x
