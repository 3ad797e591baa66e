"""Measure the working memory of one call in a process of its own: ``python memory_probe.py NAME``.

Prints by how many bytes the peak of the resident set, during a call on a 4096 x 4096 image, exceeds
the inputs held before it and the result.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import adapool

Array = NDArray[Any]
SIZE = 4096
SMALL = 2048


def grid(*values: int) -> Array:
    """Return the same int16 parameters at every pixel."""
    return np.tile(np.array(values, dtype=np.int16), (SIZE, SIZE, 1))


def pool_dynamic(image: Array, params: Array, **options: Any) -> Any:
    n = len(image)
    return adapool.dynamic_pooling(image, params[:n, :n], channel_axis=None, **options)


def pool_sites(image: Array, params: Array) -> Any:
    n = len(image)
    return adapool.dynamic_stride_pooling(image, params[:n, :n], channel_axis=None)


def back_through_max(image: Array) -> Any:
    value, pullback = adapool.vjp(adapool.max_pooling, image, 2, channel_axis=None)
    return value, pullback(value)


def back_through_fused(image: Array, params: Array) -> Any:
    n = len(image)
    value, pullback = adapool.vjp(
        adapool.deformable_conv_and_pool,
        image[..., np.newaxis],
        FILTERS,
        params[:n, :n],
        16,
        padding=1,
    )
    return value, pullback(value)


FILTERS = np.ones((3, 3, 1, 32), np.float32)

# name: (parameters for each pixel, call on an image and those parameters)
CASES: dict[str, tuple[tuple[int, ...], Callable[[Array, Array], Any]]] = {
    "max": ((), lambda x, _: adapool.max_pooling(x, 3, stride=1, channel_axis=None)),
    "max of large windows": (
        (),
        lambda x, _: adapool.max_pooling(x, len(x) // 4, stride=1, channel_axis=None),
    ),
    "max with indices": (
        (),
        lambda x, _: adapool.max_pooling(x, 2, channel_axis=None, return_indices=True),
    ),
    "attention": ((), lambda x, _: adapool.attention_pooling(x, 4, x, channel_axis=None)),
    "attention network": (
        (),
        lambda x, _: adapool.attention_pooling(x, 2, lambda w: w, stride=1, channel_axis=None),
    ),
    "dynamic": ((33, 17), pool_dynamic),
    "dynamic with indices": ((9, 9), lambda x, p: pool_dynamic(x, p, return_indices=True)),
    "dynamic with runaway sizes": ((3000, 4096), lambda x, p: pool_dynamic(x, p, stride=8)),
    "sites": ((5, 5, 1, 1), pool_sites),
    "deformable": (
        (1, 2),
        lambda x, p: adapool.deformable_conv(
            x[..., np.newaxis], FILTERS[..., :4], p[: len(x), : len(x)], padding=1
        ),
    ),
    "deformable and pool": (
        (1, 2),
        lambda x, p: adapool.deformable_conv_and_pool(
            x[..., np.newaxis], FILTERS, p[: len(x), : len(x)], 4, padding=1
        ),
    ),
    "gradients of deformable and pool": ((1, 2), lambda x, p: back_through_fused(x, p)),
    "gradient of max": ((), lambda x, _: back_through_max(x)),
}


def resident(field: str) -> int:
    """Return VmRSS, what is held now, or VmHWM, its peak, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) << 10
    raise LookupError(field)


def held(result: Any) -> int:
    """Return the bytes of a result."""
    if isinstance(result, np.ndarray):
        return result.nbytes
    if isinstance(result, adapool.Sites):
        result = dataclasses.asdict(result)
    if isinstance(result, dict):
        result = result.values()
    return sum(map(held, (part for part in result if isinstance(part, (np.ndarray, dict)))))


def main(name: str) -> None:
    values, call = CASES[name]
    image = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    params = grid(*values)
    call(image[:SMALL, :SMALL].copy(), params)  # compiles: the compiler is not what is measured
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    result = call(image, params)
    print(resident("VmHWM") - before - held(result))


if __name__ == "__main__":
    main(sys.argv[1])
