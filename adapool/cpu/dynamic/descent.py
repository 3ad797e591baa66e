"""Down a pyramid of block maxima, from blocks to the blocks in them, for windows of any shape.

What may hold something better waits on a stack of rows (level, plane, row, column).
"""

from __future__ import annotations

from typing import Any

from adapool._jit import device

# Side of a block, in blocks of the level below, and its binary logarithm.
SIDE = 8
SHIFT = 3


@device
def starting_level(box: Any, levels: int) -> int:
    """Return the level at which a box, first position and end, is a few blocks long."""
    begin, end = box[0], box[1]
    longest = max(end[0] - begin[0], end[1] - begin[1], end[2] - begin[2])
    level = 0
    while level + 1 < levels and longest >> (SHIFT * level) >= 2 * SIDE:
        level += 1
    return level


@device
def touched_blocks(box: Any, level: int) -> Any:
    """Return the first and the last block of a level that a box touches."""
    begin, end, shift = box[0], box[1], SHIFT * level
    return (
        begin[0] >> shift,
        begin[1] >> shift,
        begin[2] >> shift,
        (end[0] - 1) >> shift,
        (end[1] - 1) >> shift,
        (end[2] - 1) >> shift,
    )


@device
def touched_children(box: Any, block: Any) -> Any:
    """Return the first and the last of those blocks in a block (level, plane, row, column)."""
    z0, y0, x0, z1, y1, x1 = touched_blocks(box, block[0] - 1)
    z, y, x = block[1] << SHIFT, block[2] << SHIFT, block[3] << SHIFT
    return (
        max(z, z0),
        max(y, y0),
        max(x, x0),
        min(z1, z + SIDE - 1),
        min(y1, y + SIDE - 1),
        min(x1, x + SIDE - 1),
    )


@device
def put_aside(stack: Any, waiting: int, level: int, z: int, y: int, x: int) -> int:
    """Let a block wait until it is entered; return how many do."""
    stack[waiting, 0] = level
    stack[waiting, 1] = z
    stack[waiting, 2] = y
    stack[waiting, 3] = x
    return waiting + 1


@device
def next_block(
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
    batch: int,
    channel: int,
    best: Any,
    place: int,
    stack: Any,
    waiting: int,
) -> int:
    """Return where in the stack the last block is that can still win, -1 where none can."""
    while waiting > 0:
        waiting -= 1
        level = stack[waiting, 0]
        z, y, x = stack[waiting, 1], stack[waiting, 2], stack[waiting, 3]
        at = (z * shapes[level, 1] + y) * shapes[level, 2] + offsets[level] + x
        key = keys[batch, at, channel]
        wins = key > best
        if winners is not None:
            wins = wins or (key == best and winners[batch, at, channel] < place)
        if wins:
            return waiting
    return -1
