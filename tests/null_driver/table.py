"""What a call costs the host: launches, bytes that come back, and time. A table in Markdown."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
from numba import cuda

import adapool
from adapool.cuda import grids
from adapool.cuda.dynamic import launch
from adapool.cuda.memory import DeviceMemory
from null_driver import journal
from null_driver.libraries import installed, library

Call = Callable[[], Any]

SIDE = 64
HEADER = "| call | launches | bytes to the host | host, us |\n| --- | ---: | ---: | ---: |"


def calls(send: Callable[[Any], Any]) -> Iterator[tuple[str, int, Call]]:
    """Yield name, largest size and call, on float32 images of 64 x 64 in C order."""

    def array(*shape: int) -> Any:
        return send(np.random.default_rng(0).random(shape, np.float32))

    yield from fixed(array)
    image = array(SIDE, SIDE, 1)
    for most in (5, 65):
        for name, axes in (("squares", 1), ("rectangles", 2)):
            sizes = send(np.full((SIDE, SIDE, axes), most, np.float32))
            call = functools.partial(adapool.dynamic_pooling, image, sizes)
            yield f"dynamic_pooling, {name} to {most}", most, call
    strided = send(np.full((SIDE, SIDE, 4), 5, np.float32))
    call = functools.partial(adapool.dynamic_stride_pooling, image, strided)
    yield "dynamic_stride_pooling to 5", 5, call
    deep, moves = array(SIDE, SIDE, 16), array(SIDE, SIDE, 18)
    filters, alone = array(3, 3, 16, 16), array(3, 3, 1, 16)
    convolve, fused = adapool.deformable_conv, adapool.deformable_conv_and_pool
    call = functools.partial(convolve, deep, filters, moves, padding=1)
    yield "deformable_conv 3 x 3, 16 to 16", 0, call
    call = functools.partial(convolve, deep, alone, moves, padding=1, groups=16)
    yield "deformable_conv 3 x 3, depthwise", 0, call
    call = functools.partial(fused, deep, filters, moves, 2, padding=1)
    yield "deformable_conv_and_pool, then 2 x 2", 0, call


def fixed(array: Callable[..., Any]) -> Iterator[tuple[str, int, Call]]:
    """Yield the calls with windows of one size."""
    image, weights = array(SIDE, SIDE, 1), array(SIDE, SIDE)
    pool = adapool.max_pooling
    yield "max_pooling 2 x 2", 0, lambda: pool(image, 2)
    yield "max_pooling 5 x 5, stride 1", 0, lambda: pool(image, 5, stride=1)
    first, several = array(1, SIDE, SIDE), array(3, SIDE, SIDE)
    yield "the same, channels first", 0, lambda: pool(first, 5, stride=1, channel_axis=0)
    yield "the same, 3 channels first", 0, lambda: pool(several, 5, stride=1, channel_axis=0)
    call = functools.partial(adapool.attention_pooling, image, 5, weights, stride=1)
    yield "attention_pooling 5 x 5, stride 1", 0, call


def microseconds(call: Call, repeats: int = 40, rounds: int = 7) -> float:
    """Return the processor time of a call: the least of rounds, as other processes only add."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(repeats):
            call()
        times.append((time.process_time() - begin) / repeats * 1e6)
        journal.take()
    return min(times)


def rows(measure: bool = True) -> Iterator[str]:
    """Yield a row for each call, on numba's arrays, after one to warm up."""
    measured = launch._largest
    for name, most, call in calls(library("numba").send):

        def told(*arguments: Any, most: int = most) -> Any:
            """Launch what finds the largest size, which finds none here, and tell it."""
            measured(*arguments)
            return min(most, 1), most, most

        with mock.patch.object(launch, "_largest", told):
            call()
            _, noted = journal.during(call)
            time = f"{microseconds(call):,.0f}" if measure else ""
        yield f"| {name} | {len(noted.launches)} | {noted.to_host():,} | {time} |"


def launches() -> tuple[float, float, float]:
    """Return the times of one launch of a kernel with three arrays: by numba, and by ours.

    The third is of ours with as many numbers beside them as most kernels here are given.
    """

    def nothing(a: Any, b: Any, c: Any) -> None:
        pass

    def with_numbers(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> None:
        pass

    arrays = [cuda.to_device(np.zeros(8, np.float32)) for _ in range(3)]
    by_numba = cuda.jit(nothing)[128, 32]
    ours = [DeviceMemory.of(array) for array in arrays]
    few, many = cuda.jit(nothing), cuda.jit(with_numbers)
    numbers = ((1, 2, 3, 4), (5, 6, 7), (8, 9, 10))
    return (
        microseconds(lambda: by_numba(*arrays)),
        microseconds(lambda: grids.over_elements(few, 4096, ours[0], *ours)),
        microseconds(lambda: grids.over_elements(many, 4096, ours[0], *ours, *numbers)),
    )


def main() -> int:
    """Print the table."""
    with installed():
        print(HEADER)
        for row in rows():
            print(row, flush=True)
        alone, few, many = launches()
        print(
            f"\nOne launch of a kernel with three arrays: {alone:.0f} us by numba, "
            f"{few:.0f} us here, and {many:.0f} us with ten numbers."
        )
    return 0
