"""Arrays on the GPU from each library that is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Library:
    """How arrays get into a library and out of it."""

    name: str
    send: Callable[[Array], Any]
    fetch: Callable[[Any], Array]


def libraries() -> list[Library]:
    """Return numba's arrays, and those of CuPy and torch where they are installed."""
    found = [Library("numba", cuda.to_device, lambda array: array.copy_to_host())]
    if cupy := _imported("cupy"):
        found.append(Library("cupy", cupy.asarray, cupy.asnumpy))
    if (torch := _imported("torch")) and torch.cuda.is_available():
        found.append(
            Library(
                "torch",
                lambda array: torch.from_numpy(np.ascontiguousarray(array)).cuda(),
                lambda tensor: tensor.cpu().numpy(),
            )
        )
    return found


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"{name} is missing: {error}")
        return None
