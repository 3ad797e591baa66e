"""What Dask costs: time beside the call in memory, and memory beside the chunk.

``python -m tests.benchmarks.chunks`` prints the memory alone, measured in a process that has had
none to speak of before.
"""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

import adapool

from .cases import Array, Case, blobs, image, random_sizes

# An image of 256 MiB, and one whose offsets are as large.
SIDE, SMALL = 8192, 2048

# How much longer a call may take than in memory.
_WANTED = 0.83


@dataclass(frozen=True)
class _Work:
    """A function of an image and of arrays beside it, in memory or on Dask."""

    name: str
    side: int
    operands: Callable[[int], list[Array]]
    call: Callable[..., Any]


def _works() -> Iterator[_Work]:
    alone: dict[str, Any] = {"channel_axis": None}
    weights = np.random.default_rng(3).standard_normal((3, 3, 1, 1)).astype(np.float32)
    bounded: dict[str, Any] = {**alone, "padding": 1, "max_offset": 8}
    sites = partial(adapool.dynamic_stride_pooling, max_kernel_size=16, **alone)
    yield _Work(
        "max_pooling, 5 x 5, stride 1",
        SIDE,
        lambda n: [],
        partial(adapool.max_pooling, kernel_size=5, stride=1, padding=2, **alone),
    )
    yield _Work(
        "max_pooling, 2 x 2",
        SIDE,
        lambda n: [],
        partial(adapool.max_pooling, kernel_size=2, **alone),
    )
    yield _Work(
        "attention_pooling, 4 x 4, weights per pixel",
        SIDE,
        lambda n: [image(n, n)],
        lambda x, w: adapool.attention_pooling(x, 4, w, **alone),
    )
    yield _Work(
        "dynamic_pooling, windows up to 33",
        SIDE,
        lambda n: [random_sizes((n, n), 33)],
        partial(adapool.dynamic_pooling, max_kernel_size=33, **alone),
    )
    yield _Work(
        "dynamic_stride_pooling, 4 to 16, values", SIDE, _params, lambda *a: sites(*a).values
    )
    yield _Work(
        "dynamic_stride_pooling, 4 to 16, map", SIDE, _params, lambda *a: sites(*a).to_map()
    )
    yield _Work(
        "region_pooling, values",
        SIDE,
        _labels,
        lambda *a: adapool.region_pooling(*a, **alone).values,
    )
    yield _Work(
        "deformable_conv, 3 x 3",
        SMALL,
        _offsets,
        lambda x, o: adapool.deformable_conv(x, weights, o, **bounded),
    )
    yield _Work(
        "deformable_conv_and_pool, 3 x 3, 2 x 2",
        SMALL,
        _offsets,
        lambda x, o: adapool.deformable_conv_and_pool(x, weights, o, 2, **bounded),
    )


def _params(side: int) -> list[Array]:
    sizes = 3 + random_sizes((side, side), 13)
    return [np.concatenate([sizes, sizes], axis=-1)]


def _labels(side: int) -> list[Array]:
    tile = blobs((2048, 2048), 5000, 14)
    labels = np.tile(tile, (side // 2048,) * 2)
    first = np.arange((side // 2048) ** 2, dtype=np.int32).reshape(side // 2048, -1) * 5000
    return [np.where(labels > 0, labels + np.kron(first, np.ones_like(tile)), 0)]


def _offsets(side: int) -> list[Array]:
    return [2 * np.random.default_rng(1).standard_normal((side, side, 18), dtype=np.float32)]


def dask_arrays() -> Iterator[Case]:
    """Results of Dask arrays, written into an array chunk by chunk, beside the call in memory."""
    for work in _works():
        n = work.side
        arrays = [image(n, n), *work.operands(n)]
        result = work.call(*arrays)
        out = np.empty_like(result)
        bands, squares = (n // 8, n), (n // 4, n // 4)
        result_bands = (-(-len(result) // 8), *result.shape[1:])
        yield Case(
            "On Dask arrays, 8 bands of whole rows, beside the same call in memory",
            f"{work.name}, {n} x {n}",
            partial(_store, work.call, [_cut(array, bands) for array in arrays], out),
            {
                "in memory": partial(work.call, *arrays),
                "16 squares": partial(_store, work.call, [_cut(a, squares) for a in arrays], out),
                "Dask alone: storing the result": partial(
                    _store, _same, [da.from_array(result, chunks=result_bands, name=False)], out
                ),
            },
            _WANTED,
        )


def _cut(array: Array, chunks: tuple[int, int]) -> Any:
    return da.from_array(array, chunks=(*chunks, *array.shape[2:]), name=False)


def _same(array: Any) -> Any:
    return array


def _store(call: Callable[..., Any], arrays: list[Any], out: Array) -> None:
    """Write a result chunk by chunk: it is not put together first, where its shape is known."""
    lazy = call(*arrays)
    if math.isnan(sum(lazy.shape)):
        lazy.compute()
    else:
        da.store(lazy, out, lock=False)


def peak(call: Callable[[], Any]) -> int:
    """Return by how many bytes the resident set grows at most during a call."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    done, highest, before = threading.Event(), 0, resident()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.002):
            highest = max(highest, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    done.set()
    watcher.join()
    return max(highest - before, 0)


def memory() -> None:
    """Print the peak memory of pooling images that are made chunk by chunk, for three sizes."""
    print("| image, MiB | chunks | chunk, MiB | most memory beyond what was held, MiB |")
    print("| ---: | --- | ---: | ---: |")
    for side in (4096, 8192, 16384):
        squares = [(length, length) for length in (1024, 2048)]
        bands = [(size // side, -1) for size in (1 << 20, 1 << 22)]
        for chunks in squares + bands:
            x = da.random.default_rng(0).random((side, side), chunks=chunks, dtype=np.float32)
            pooled = adapool.max_pooling(x, 5, stride=1, padding=2, channel_axis=None)
            used = peak(pooled.max().compute) / 2**20
            whole, part = 4 * side**2 >> 20, 4 * math.prod(x.chunksize) >> 20
            name = f"{chunks[0]} rows" if chunks[1] == -1 else f"{chunks[0]} x {chunks[1]}"
            print(f"| {whole} | {name} | {part} | {used:.0f} |", flush=True)


def memory_table() -> Iterator[str]:
    """Yield the lines of that table, measured in a process of its own."""
    yield "## Memory on Dask arrays\n"
    yield "The maximum of `max_pooling`, 5 x 5, stride 1, of images that are made chunk by chunk.\n"
    command = [sys.executable, "-m", "tests.benchmarks.chunks"]
    yield subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    memory()
