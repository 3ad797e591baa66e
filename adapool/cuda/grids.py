"""Launch configuration: the only place that chooses blocks, grids, streams and shared memory.

Kernels step through their work by the size of the grid, so that any grid covers any work: limits
of a grid (65,535 blocks in y and z) are never limits of an image.
"""

from __future__ import annotations

from typing import Any

from adapool.cuda.memory import DeviceMemory, in_order
from adapool.cuda.target import SIMULATED

if not SIMULATED:
    from adapool.cuda.launching import launch

# Threads of a block. 256 leave 8 blocks on a multiprocessor of 2,048 threads, with up to 32
# registers each at full occupancy, and up to 64 at half of it.
BLOCK = 256

# Blocks of a one-dimensional grid: 32 for each of the 132 multiprocessors of an H100, so that the
# last wave is a small part of all, and a thread's own set-up is shared by many elements.
_MOST_BLOCKS = 132 * 32

# What fits into y and z of a grid.
_MOST_ALONG = 65_535

# Shared memory that a block may take without asking the driver for more.
SHARED_BYTES = 48 << 10


def over_elements(
    kernel: Any, count: int, like: DeviceMemory, *arguments: Any, steps: int = 1
) -> None:
    """Launch one thread for each of `count` elements, or fewer that step: `steps` times at least.

    A grid without threads is no launch: the driver refuses it.
    """
    if count == 0:
        return
    blocks = max(1, min(-(-count // (BLOCK * steps)), _MOST_BLOCKS))
    _launch(kernel, (blocks,), (_threads(count),), 0, like, arguments)


def over_rows(
    kernel: Any, line: int, rows: int, planes: int, like: DeviceMemory, *arguments: Any
) -> None:
    """Launch threads along lines of elements (x), rows (y) and planes of all images (z)."""
    threads = _threads(line)
    grid = (-(-line // threads), min(rows, _MOST_ALONG), min(planes, _MOST_ALONG))
    _launch(kernel, grid, (threads, 1, 1), 0, like, arguments)


def over_blocks(
    kernel: Any, blocks: tuple[int, int, int], shared: int, like: DeviceMemory, *arguments: Any
) -> None:
    """Launch blocks of `BLOCK` threads that share memory; kernels step along y and z."""
    grid = (blocks[0], min(blocks[1], _MOST_ALONG), min(blocks[2], _MOST_ALONG))
    _launch(kernel, grid, (BLOCK,), shared, like, arguments)


def over_tiles(
    kernel: Any,
    tiles: tuple[int, int, int],
    threads: tuple[int, int],
    like: DeviceMemory,
    *arguments: Any,
) -> None:
    """Launch a block of two axes for each tile."""
    grid = (tiles[0], min(tiles[1], _MOST_ALONG), min(tiles[2], _MOST_ALONG))
    _launch(kernel, grid, threads, 0, like, arguments)


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
    """Launch on the caller's device and stream."""
    library = like.library
    if SIMULATED:
        given = [a.for_numba() if isinstance(a, DeviceMemory) else a for a in arguments]
        kernel[grid, block, library.numba_stream(), shared](*given)
        return
    grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
    with library.on_device(), in_order(like, *arguments):
        launch(kernel, grid, block, shared, library.device, library.handle(), arguments)
