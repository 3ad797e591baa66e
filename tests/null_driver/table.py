"""What a call costs the host: launches, bytes that come back, and time. A table in Markdown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
from numba import cuda

import adapool
from adapool.cuda import launch_dynamic
from null_driver import journal
from null_driver.libraries import installed, library

Call = Callable[[], Any]

SIDE = 64
HEADER = "| call | launches | bytes to the host | host, us |\n| --- | ---: | ---: | ---: |"


def calls(send: Callable[[Any], Any]) -> Iterator[tuple[str, int, Call]]:
    """Yield name, largest size and call, on float32 images of 64 x 64 in C order."""
    rng = np.random.default_rng(0)
    image, deep = send(rng.random((SIDE, SIDE, 1), np.float32)), rng.random((SIDE, SIDE, 16))
    weights = send(rng.random((SIDE, SIDE), np.float32))
    yield "max_pooling 2 x 2", 0, lambda: adapool.max_pooling(image, 2)
    yield "max_pooling 5 x 5, stride 1", 0, lambda: adapool.max_pooling(image, 5, stride=1)
    first = send(rng.random((1, SIDE, SIDE), np.float32))
    yield ("the same, channels first", 0,
           lambda: adapool.max_pooling(first, 5, stride=1, channel_axis=0))  # fmt: skip
    several = send(rng.random((3, SIDE, SIDE), np.float32))
    yield ("the same, 3 channels first", 0,
           lambda: adapool.max_pooling(several, 5, stride=1, channel_axis=0))  # fmt: skip
    yield ("attention_pooling 5 x 5, stride 1", 0,
           lambda: adapool.attention_pooling(image, 5, weights, stride=1))  # fmt: skip
    for most in (5, 65):
        squares = send(np.full((SIDE, SIDE, 1), most, np.float32))
        boxes = send(np.full((SIDE, SIDE, 2), most, np.float32))
        yield (f"dynamic_pooling, squares to {most}", most,
               lambda squares=squares: adapool.dynamic_pooling(image, squares))  # type: ignore[misc]  # fmt: skip
        yield (f"dynamic_pooling, rectangles to {most}", most,
               lambda boxes=boxes: adapool.dynamic_pooling(image, boxes))  # type: ignore[misc]  # fmt: skip
    strided = send(np.full((SIDE, SIDE, 4), 5, np.float32))
    yield ("dynamic_stride_pooling to 5", 5,
           lambda: adapool.dynamic_stride_pooling(image, strided))  # fmt: skip
    stack = send(deep.astype(np.float32))
    filters = send(rng.random((3, 3, 16, 16), np.float32))
    alone = send(rng.random((3, 3, 1, 16), np.float32))
    moves = send(rng.random((SIDE, SIDE, 18), np.float32))
    yield ("deformable_conv 3 x 3, 16 to 16", 0,
           lambda: adapool.deformable_conv(stack, filters, moves, padding=1))  # fmt: skip
    yield ("deformable_conv 3 x 3, depthwise", 0,
           lambda: adapool.deformable_conv(stack, alone, moves, padding=1, groups=16))  # fmt: skip
    yield ("deformable_conv_and_pool, then 2 x 2", 0,
           lambda: adapool.deformable_conv_and_pool(stack, filters, moves, 2, padding=1))  # fmt: skip


def microseconds(call: Call, repeats: int = 40, rounds: int = 7) -> float:
    """Return the processor time of a call: the median of rounds, so that others count little."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(repeats):
            call()
        times.append((time.process_time() - begin) / repeats * 1e6)
        journal.take()
    return statistics.median(times)


def rows(measure: bool = True) -> Iterator[str]:
    """Yield a row for each call, on numba's arrays, after one to warm up."""
    measured = launch_dynamic._largest
    for name, most, call in calls(library("numba").send):

        def told(*arguments: Any, most: int = most) -> Any:
            """Launch what finds the largest size, which finds none here, and tell it."""
            measured(*arguments)
            return min(most, 1), most, most

        with mock.patch.object(launch_dynamic, "_largest", told):
            call()
            _, noted = journal.during(call)
            time = f"{microseconds(call):,.0f}" if measure else ""
        yield f"| {name} | {len(noted.launches)} | {noted.to_host():,} | {time} |"


def launch_alone() -> float:
    """Return the time of one launch by numba with four arrays, a floor for the rest."""

    @cuda.jit
    def nothing(a: Any, b: Any, c: Any, d: Any) -> None:
        pass

    arrays = [cuda.to_device(np.zeros(8, np.float32)) for _ in range(4)]
    launch = nothing[128, 32]
    return microseconds(lambda: launch(*arrays))


def main() -> int:
    """Print the table."""
    with installed():
        print(HEADER)
        for row in rows():
            print(row, flush=True)
        print(f"\nOne launch by numba, of a kernel with four arrays: {launch_alone():.0f} us.")
    return 0
