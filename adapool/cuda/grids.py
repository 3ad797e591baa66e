"""Launch configuration: the only place that chooses blocks, grids, streams and shared memory.

Kernels step through their work by the size of the grid, so that any grid covers any work: limits
of a grid (65,535 blocks in y and z) are never limits of an image.
"""

from __future__ import annotations

import functools
import threading
import warnings
from typing import Any

from adapool.cuda.memory import DeviceMemory, in_order
from adapool.cuda.target import SIMULATED

# Threads of a block. 256 leave 8 blocks on a multiprocessor of 2,048 threads, with up to 32
# registers each at full occupancy, and up to 64 at half of it.
BLOCK = 256

# Blocks of a one-dimensional grid: 32 for each of the 132 multiprocessors of an H100, so that the
# last wave is a small part of all, and a thread's own set-up is shared by many elements.
_MOST_BLOCKS = 132 * 32

# What fits into y and z of a grid.
_MOST_ALONG = 65_535

# Threads of a block of tiles: a warp along the row, so that it reads one run of memory.
TILE_THREADS = (32, 8)

# Filters of warnings are shared by all threads.
_QUIET = threading.Lock()

# Shared memory that a block may take without asking the driver for more.
SHARED_BYTES = 48 << 10


def over_elements(kernel: Any, count: int, like: DeviceMemory, *arguments: Any) -> None:
    """Launch one thread for each of `count` elements, or fewer that step.

    A grid without threads is no launch: the driver refuses it.
    """
    if count == 0:
        return
    blocks = max(1, min(-(-count // BLOCK), _MOST_BLOCKS))
    _launch(kernel, (blocks,), (_threads(count),), 0, like, arguments)


def over_rows(
    kernel: Any, line: int, rows: int, planes: int, like: DeviceMemory, *arguments: Any
) -> None:
    """Launch threads along lines of elements (x), rows (y) and planes of all images (z)."""
    threads = _threads(line)
    grid = (-(-line // threads), min(rows, _MOST_ALONG), min(planes, _MOST_ALONG))
    _launch(kernel, grid, (threads, 1, 1), 0, like, arguments)


def over_tiles(
    kernel: Any, tiles: tuple[int, int, int], shared: int, like: DeviceMemory, *arguments: Any
) -> None:
    """Launch a block for each tile along columns (x), rows (y) and planes of all images (z)."""
    grid = (tiles[0], min(tiles[1], _MOST_ALONG), min(tiles[2], _MOST_ALONG))
    _launch(kernel, grid, TILE_THREADS, shared, like, arguments)


def over_squares(
    kernel: Any, tiles: tuple[int, int, int], side: int, like: DeviceMemory, *arguments: Any
) -> None:
    """Launch a square block for each tile of a matrix."""
    grid = (tiles[0], min(tiles[1], _MOST_ALONG), tiles[2])
    _launch(kernel, grid, (side, side), 0, like, arguments)


def _threads(work: int) -> int:
    """Return the threads of a block: whole warps, no more than there is work."""
    return min(BLOCK, -(-work // 32) * 32)


def _launch(
    kernel: Any,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    shared: int,
    like: DeviceMemory,
    arguments: tuple[Any, ...],
) -> None:
    """Launch on the caller's device and stream; None becomes a 0, which kernels do not look at."""
    with like.library.on_device(), in_order(like, *arguments):
        given = [
            a.for_kernel() if isinstance(a, DeviceMemory) else 0 if a is None else a
            for a in arguments
        ]
        configure = _configure if SIMULATED else _configured
        configure(kernel, grid, block, like.library.numba_stream(), shared)(*given)


def _configure(
    kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], stream: Any, shared: int
) -> Any:
    """Return a launch that only lacks its arguments."""
    with _QUIET, warnings.catch_warnings():
        # Few blocks are right where there is little work.
        warnings.filterwarnings("ignore", message="Grid size")
        return kernel[grid, block, stream, shared]


# The same for calls on images of one size. (In the simulator it is the kernel that remembers it.)
_configured = functools.lru_cache(maxsize=1024)(_configure)
