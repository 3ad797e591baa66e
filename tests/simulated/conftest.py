"""Leave these tests to the process that has the simulator; and the libraries of its stand-ins."""

from __future__ import annotations

import os
import sys
import types
from typing import Any

import numpy as np
import pytest
from numba import cuda

from adapool.cuda import grids
from adapool.cuda import libraries as libraries_module
from simulated.standins import Cupy, Torch, as_cupy, concatenate, wrap

collect_ignore_glob = [] if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" else ["test_*.py"]


class _Nothing:
    def __init__(self, *_: Any) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *_: Any) -> None: ...


@pytest.fixture(autouse=True)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let blocks have two warps: a thread of the simulator is one of Python, and takes as long.

    Kernels ask how many there are. A test may ask for another number.
    """
    threads = int(getattr(request, "param", 64))
    monkeypatch.setattr(grids, "BLOCK", threads)
    return threads


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Put stand-ins for CuPy and torch in place; they note their products."""
    noted: dict[str, list[Any]] = {"streams": [], "products": []}

    def product(left: Any, right: Any, out: Any) -> None:
        noted["products"].append(left.array.shape)
        out.array[...] = left.array @ right.array

    def product_with_bias(bias: Any, left: Any, right: Any, out: Any) -> None:
        product(left, right, out)
        out.array[...] += bias.array

    cupy: Any = types.ModuleType("cupy")
    cupy.cuda = types.SimpleNamespace(
        Device=_Nothing,
        get_current_stream=lambda: types.SimpleNamespace(ptr=11),
        alloc_pinned_memory=lambda nbytes: np.empty(nbytes, np.uint8),
    )
    cupy.empty = lambda n, dtype: Cupy(np.empty(n, dtype))
    cupy.asarray = as_cupy
    cupy.asnumpy = Cupy.get
    cupy.matmul = product
    # Dask asks for these when it first meets the library; of them it uses the first two here.
    cupy.ndarray, cupy.concatenate = Cupy, concatenate
    cupy.take = cupy.tensordot = cupy.einsum = None
    torch: Any = types.ModuleType("torch")
    torch.cuda = types.SimpleNamespace(
        current_stream=lambda device: types.SimpleNamespace(cuda_stream=13)
    )
    torch.uint8 = np.uint8
    torch.empty = lambda n, dtype, device: Torch(np.empty(n, dtype))
    torch.as_tensor = wrap(Torch)
    torch.mm, torch.addmm = product, product_with_bias
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "torch", torch)

    def external(handle: int) -> Any:
        noted["streams"].append(handle)
        return cuda.stream()

    monkeypatch.setattr(cuda, "external_stream", external)
    libraries_module._stream.cache_clear()
    return noted
