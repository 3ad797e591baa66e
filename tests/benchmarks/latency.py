"""What a call costs before any pixel: small images, first calls, the import; the seed's loops."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import adapool
import naive.seed

from .cases import Case, image
from .timing import seconds

# A call of each method, in terms of an image `x`, as code: it also runs in fresh processes.
_SETUP = """
params = np.dstack([x + 1] * 4)
labels = (x * 9).astype("i4")
weights = np.ones((3, 3, 1, 1), "f4")
offsets = np.dstack([x, x])
"""
CALLS = {
    "max_pooling": "adapool.max_pooling(x, 2, channel_axis=None)",
    "attention_pooling": "adapool.attention_pooling(x, 2, x, channel_axis=None)",
    "dynamic_pooling": "adapool.dynamic_pooling(x, x, channel_axis=None)",
    "dynamic_stride_pooling": "adapool.dynamic_stride_pooling(x, params, channel_axis=None)",
    "region_pooling": "adapool.region_pooling(x, labels, channel_axis=None)",
    "deformable_conv": (
        "adapool.deformable_conv(x, weights, offsets, padding=1, channel_axis=None)"
    ),
    "deformable_conv_and_pool": (
        "adapool.deformable_conv_and_pool(x, weights, offsets, 2, padding=1, channel_axis=None)"
    ),
}

_FIRST_CALL = """
import time
import numba, numpy as np, adapool
x = np.random.default_rng(0).random(({size}, {size}), dtype=np.float32)
{setup}
start = time.perf_counter()
{call}
print(time.perf_counter() - start)
"""

_IMPORT = """
import time
import numpy
start = time.perf_counter()
import adapool
print(time.perf_counter() - start)
"""


def small_calls() -> dict[str, float]:
    """Return the seconds of a call on an 8 x 8 image, for each method."""
    x = image(8, 8)
    scope = {"x": x, "np": np, "adapool": adapool}
    exec(_SETUP, scope)
    compiled = {name: compile(call, name, "eval") for name, call in CALLS.items()}

    def repeat(code: Any) -> Callable[[], None]:
        def call() -> None:
            for _ in range(200):
                eval(code, scope)  # code of the table above

        return call

    best = seconds({name: repeat(code) for name, code in compiled.items()})
    return {name: time / 200 for name, time in best.items()}


def first_calls() -> Iterator[tuple[str, float, float]]:
    """Yield each method with the seconds of its first call: compiled, and from the cache.

    In fresh processes, on an image large enough for the parallel twin, after ``import numba``.
    """
    for name, call in CALLS.items():
        with tempfile.TemporaryDirectory() as cache:
            code = _FIRST_CALL.format(setup=_SETUP, call=call, size=512)
            yield name, _fresh(code, cache), _fresh(code, cache)


def import_time() -> float:
    """Return the seconds that ``import adapool`` adds to NumPy's, the best of five processes."""
    return min(_fresh(_IMPORT) for _ in range(5))


def _fresh(code: str, cache: str | None = None) -> float:
    environment = {"NUMBA_CACHE_DIR": cache} if cache else {}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)


class _Network:
    """What the seed's functions expect: an object whose `.predict` answers alike for all inputs."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def predict(self, given: Any) -> Any:
        return self.result


def seed() -> Iterator[Case]:
    """Compare the seed's three calls with plain Python, 256 x 256 x 3, k = 2."""
    x = image(256, 256, 3)
    ones = _Network(np.ones((1, 4), np.float32))
    params = _Network(np.full((1, 256, 256, 4), 2.0, np.float32))
    offsets = _Network(np.full((1, 256, 256, 2), 1.5, np.float32))
    factors = np.ones(3, np.float32)
    group = "The seed's three loops, 256 x 256 x 3, k = 2"
    pairs: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
        "attention_pooling": (
            adapool.attention_pooling, naive.seed.attention_pooling, (x, 2, ones)
        ),
        "dynamic_pooling": (adapool.dynamic_pooling, naive.seed.dynamic_pooling, (x, params)),
        "deformable_conv_and_pool": (
            adapool.deformable_conv_and_pool,
            naive.seed.deformable_conv_and_pool,
            (x, factors, offsets, 2),
        ),
    }  # fmt: skip
    for name, (ours, theirs, arguments) in pairs.items():
        yield Case(
            group,
            name,
            partial(ours, *arguments),
            {"plain Python": partial(theirs, *arguments)},
            500.0,
        )
