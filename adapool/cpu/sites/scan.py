"""Where per-pixel strides lead: the sites, and the pixels that each of them owns.

The scan is sequential by definition: a pixel is a site if no earlier site has claimed it. So it
keeps only what it needs to decide that, and notes which pixels are sites. All the rest, checking
the parameters, reading those of the sites and painting the owners, runs in parallel around it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device, kernel

_add_stray = device(_formulas.add_stray)
_to_size = device(_formulas.to_size)

# What strides saturate at.
_FAR = (1 << 63) - 1


@kernel
def check_params(task: int, flat: Any, least: Any, finite: Any, enough: Any) -> None:
    """Check numbers by chunks: that all are finite, and none below its `least`.

    `least` has one for each of several whole pixels: a row that long is compared at vector speed,
    where the parameters of one pixel after the other took four times as long.
    """
    chunk = -(-flat.size // (finite.size * least.size)) * least.size
    end = min((task + 1) * chunk, flat.size)
    strays = np.int32(0)
    small = np.int32(0)
    for begin in range(task * chunk, end, least.size):
        row = flat[begin : min(begin + least.size, end)]
        for i in range(row.size):
            strays = _add_stray(strays, row[i])
            small |= np.int32(row[i] < least[i])
    finite[task] = strays == 0
    enough[task] = small == 0


@kernel
def find_sites(
    params: Any, columns: Any, starts: Any, rows_until: Any, jump: Any, planes_until: Any
) -> None:
    """Scan the pixels in raster order for sites.

    Parameters
    ----------
    params : (plane, row, column, 2d)
        Sizes, then strides, along the last d of the axes.
    columns : (plane * row * column,) int32
        Gets the column of each site.
    starts : (plane * row + 1,) int64
        Gets the first site of each row, and the number of sites.
    rows_until, jump : (column,) int64
        The first row below each column of the first plane that no site has claimed before, and
        the column up to which all are claimed for as long. Jumping there took 9 ms for
        4096 x 4096 pixels in boxes of 4 x 4, looking at one column after the other 38.
    planes_until : (row, column) int32
        The same along planes, for each pixel. Of no size where one plane is all there is.
    """
    depth, height, width, p = params.shape
    found = 0
    for z in range(depth):
        if z > 0:
            rows_until[:] = 0
        for y in range(height):
            starts[z * height + y] = found
            x = 0
            while x < width:
                if rows_until[x] > y:
                    x = jump[x]
                    continue
                if planes_until.size > 0 and planes_until[y, x] > z:
                    x += 1
                    continue
                columns[found] = x
                found += 1
                last_row = y + min(_to_size(params[z, y, x, p - 2], _FAR), height - y)
                last_column = x + min(_to_size(params[z, y, x, p - 1], _FAR), width - x)
                for i in range(x, last_column):
                    if rows_until[i] <= last_row:
                        rows_until[i] = last_row
                        jump[i] = last_column
                if planes_until.size > 0:
                    last_plane = z + min(_to_size(params[z, y, x, p - 3], _FAR), depth - z)
                    for j in range(y, last_row):
                        for i in range(x, last_column):
                            planes_until[j, i] = max(planes_until[j, i], last_plane)
                x = last_column
    starts[depth * height] = found


@kernel
def read_sites(
    task: int,
    params: Any,
    columns: Any,
    starts: Any,
    limits: Any,
    positions: Any,
    sizes: Any,
    strides: Any,
    kept: Any,
) -> None:
    """Read the fields of the sites that :func:`find_sites` has found: (n, d) int64 each.

    Sizes are clipped to `limits`, (d,). `kept`, (n,), says which of the windows are not empty.
    """
    height = params.shape[1]
    d = params.shape[3] // 2
    plane, row = divmod(task, height)
    for i in range(starts[task], starts[task + 1]):
        if d == 3:
            positions[i, 0] = plane
        positions[i, d - 2] = row
        positions[i, d - 1] = columns[i]
        kept[i] = True
        for axis in range(d):
            sizes[i, axis] = _to_size(params[plane, row, columns[i], axis], limits[axis])
            strides[i, axis] = _to_size(params[plane, row, columns[i], d + axis], _FAR)
            kept[i] &= sizes[i, axis] >= 1


@kernel
def paint_owners(
    task: int,
    positions: Any,
    strides: Any,
    numbers: Any,
    bands: Any,
    first: Any,
    end: Any,
    owner: Any,
) -> None:
    """Give each pixel the number of the first site that claimed it.

    Bands of rows are painted side by side, each from its last site to its first, so that an older
    claim goes over a younger one: nothing is compared, and nothing has to be there before.

    Parameters
    ----------
    positions, strides : (n, d)
        Those of earlier bands of an image are negative along its first axis.
    numbers : (n,) int32
    bands : (b + 1,)
        First rows of the bands, counted through all planes, and the end of them.
    first, end : (b,)
        The sites that may reach into each band.
    owner : (plane, row, column) int32
    """
    depth, height, width = owner.shape
    d = positions.shape[1]
    top, bottom = bands[task], bands[task + 1]
    for i in range(end[task] - 1, first[task] - 1, -1):
        z = positions[i, 0] if d == 3 else 0
        y, x = positions[i, d - 2], positions[i, d - 1]
        last_plane = z + min(strides[i, 0], depth - z) if d == 3 else 1
        last_row = y + min(strides[i, d - 2], height - y)
        last_column = x + min(strides[i, d - 1], width - x)
        for plane in range(max(z, 0), last_plane):
            begin = max(y, top - plane * height)
            for row in range(begin, min(last_row, bottom - plane * height)):
                owner[plane, row, x:last_column] = numbers[i]
