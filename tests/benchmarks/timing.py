"""How things are timed, and on what."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Call = Callable[[], Any]

_MEASURED = (
    "adapool",
    "numba",
    "numpy",
    "scipy",
    "scikit-image",
    "torch",
    "torchvision",
    "onnxruntime",
    "opencv-python-headless",
    "dask",
)

# Seconds that a call is repeated for, and the fewest times.
_BUDGET = 1.0
_LEAST = 4

# Seconds of a turn: a call much shorter than the others is repeated, or it would be timed with the
# caches that they have left and with threads that have gone to sleep.
_TURN = 0.02


def seconds(calls: Mapping[str, Call]) -> dict[str, float]:
    """Return the best time of each call, taken in turns after a warm-up.

    In turns, so that a machine that slows down slows all of them; the best, since whatever else
    runs on a machine only adds.
    """
    spent = {name: _turn(call) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    rounds = max(_LEAST, min(50, int(_BUDGET / max(spent.values()))))
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], _turn(call))
    return best


def _turn(call: Call) -> float:
    """Return the best time of as many calls as a turn holds, and of one at least."""
    best = float("inf")
    turn = time.perf_counter()
    while True:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        best = min(best, end - start)
        if end - turn > _TURN:
            return best


def machine() -> str:
    """Describe the machine: processor, cores, system."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((row.partition(":")[2].strip() for row in lines if "model name" in row), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def versions() -> str:
    """List the versions of everything measured."""
    found = [f"{name} {importlib.metadata.version(name)}" for name in _MEASURED]
    return ", ".join([f"Python {platform.python_version()}", *found])
