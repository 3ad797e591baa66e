"""What Dask costs: time against the call in memory, and memory against the chunk.

``PYTHONPATH=tests python -m tests.benchmarks.chunks``
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np

import adapool

from .timing import seconds

SIDE = 8192

# Squares, and bands of whole rows.
CHUNKS = ((2048, 2048), (2048, -1), (512, -1))

# How often CPU time is taken.
_ROUNDS = 4


def calls() -> dict[str, Callable[[Any, Any], Any]]:
    """Return calls on an image and sizes for it, in memory or on Dask."""
    return {
        "max_pooling, 5 x 5, stride 1": lambda x, _: adapool.max_pooling(
            x, 5, stride=1, padding=2, channel_axis=None
        ),
        "max_pooling, 2 x 2": lambda x, _: adapool.max_pooling(x, 2, channel_axis=None),
        "attention_pooling, 4 x 4, per pixel": lambda x, _: adapool.attention_pooling(
            x, 4, x, channel_axis=None
        ),
        "dynamic_pooling, windows up to 33": lambda x, sizes: adapool.dynamic_pooling(
            x, sizes, max_kernel_size=33, channel_axis=None
        ),
    }


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
    return highest - before


def overhead() -> None:
    """Print the time of each call on one image in memory, and in chunks of several shapes."""
    rng = np.random.default_rng(0)
    image = rng.random((SIDE, SIDE), dtype=np.float32)
    sizes = rng.integers(1, 34, image.shape, dtype=np.int16)
    print(
        f"\n{SIDE} x {SIDE} float32; wall time beside the call in memory, in CPU time in brackets\n"
    )
    print("| | in memory, ms |", " | ".join(map(_named, CHUNKS)), "|")
    print("| --- | ---: |", " | ".join("---:" for _ in CHUNKS), "|")
    for name, call in calls().items():
        # Written chunk by chunk into an array that is there: the result is not assembled first.
        out = np.empty(call(image, sizes).shape, np.float32)
        work: dict[str, Callable[[], Any]] = {"memory": functools.partial(call, image, sizes)}
        for chunks in CHUNKS:
            lazy = [da.from_array(array, chunks=chunks, name=False) for array in (image, sizes)]
            work[_named(chunks)] = functools.partial(_store, call, lazy, out)
        spent = _alone(work)
        best = seconds(work)
        columns = [
            f"{100 * (best[key] / best['memory'] - 1):+.0f} % "
            f"({100 * (spent[key] / spent['memory'] - 1):+.0f} %)"
            for key in map(_named, CHUNKS)
        ]
        memory = f"{1e3 * best['memory']:.0f} ({1e3 * spent['memory']:.0f})"
        print(f"| {name} | {memory} |", " | ".join(columns), "|", flush=True)


def _alone(work: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the least CPU time of each call on one thread.

    On a machine with other work, less uncertain than wall time: no thread waits for another.
    """
    spent = dict.fromkeys(work, float("inf"))
    adapool.set_num_threads(1)
    with dask.config.set(scheduler="synchronous"):
        for _ in range(_ROUNDS):
            for key, job in work.items():
                before = time.process_time()
                job()
                spent[key] = min(spent[key], time.process_time() - before)
    adapool.set_num_threads(None)
    return spent


def _named(chunks: tuple[int, int]) -> str:
    rows, columns = chunks
    return f"{rows} rows" if columns == -1 else f"{rows} x {columns}"


def _store(call: Callable[[Any, Any], Any], lazy: list[Any], out: Any) -> None:
    da.store(call(*lazy), out, lock=False)


def memory() -> None:
    """Print the peak memory of pooling images that are made chunk by chunk, for three sizes."""
    print("\n| image, MiB | chunks | chunk, MiB | peak beyond what was held, MiB |")
    print("| ---: | --- | ---: | ---: |")
    for side in (4096, 8192, 16384):
        for chunks in (
            (1024, 1024),
            (2048, 2048),
            ((1 << 20) // side, -1),
            ((1 << 22) // side, -1),
        ):
            image = da.random.default_rng(0).random((side, side), chunks=chunks, dtype=np.float32)
            pooled = adapool.max_pooling(image, 5, stride=1, padding=2, channel_axis=None)
            used = peak(pooled.max().compute) / 2**20
            whole, part = 4 * side**2 >> 20, 4 * math.prod(image.chunksize) >> 20
            print(f"| {whole} | {_named(chunks)} | {part} | {used:.0f} |", flush=True)


if __name__ == "__main__":
    overhead()
    memory()
