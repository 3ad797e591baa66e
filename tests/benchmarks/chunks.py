"""What Dask costs: time against the call in memory, and memory against the chunk.

``PYTHONPATH=tests python -m tests.benchmarks.chunks``
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

import adapool

from .timing import seconds

SIDE = 8192


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


def overhead(chunk: int) -> None:
    """Print the time of each call on chunks of one image in memory, and without them."""
    rng = np.random.default_rng(0)
    image = rng.random((SIDE, SIDE), dtype=np.float32)
    sizes = rng.integers(1, 34, image.shape, dtype=np.int16)
    lazy = [da.from_array(array, chunks=chunk, name=False) for array in (image, sizes)]
    print(f"\n{SIDE} x {SIDE} float32, chunks of {chunk} x {chunk}\n")
    print("| | in memory, ms | Dask, ms | overhead |")
    print("| --- | ---: | ---: | ---: |")
    for name, call in calls().items():
        # Written chunk by chunk into an array that is there: the result is not assembled first.
        out = np.empty(call(image, sizes).shape, np.float32)
        best = seconds(
            {
                "memory": functools.partial(call, image, sizes),
                "dask": functools.partial(_store, call, lazy, out),
            }
        )
        memory, dask = 1e3 * best["memory"], 1e3 * best["dask"]
        print(f"| {name} | {memory:.0f} | {dask:.0f} | {100 * (dask / memory - 1):+.0f} % |")


def _store(call: Callable[[Any, Any], Any], lazy: list[Any], out: Any) -> None:
    da.store(call(*lazy), out, lock=False)


def memory() -> None:
    """Print the peak memory of pooling images that are made chunk by chunk, for two sizes."""
    print("\n| image, MiB | chunk, MiB | peak beyond what was held, MiB |")
    print("| ---: | ---: | ---: |")
    for side in (4096, 8192, 16384):
        for chunk in (512, 1024, 2048):
            image = da.random.default_rng(0).random((side, side), chunks=chunk, dtype=np.float32)
            pooled = adapool.max_pooling(image, 5, stride=1, padding=2, channel_axis=None)
            used = peak(pooled.max().compute)
            mib = [4 * n * n / 2**20 for n in (side, chunk)]
            print(f"| {mib[0]:.0f} | {mib[1]:.0f} | {used / 2**20:.0f} |")


if __name__ == "__main__":
    overhead(2048)
    memory()
