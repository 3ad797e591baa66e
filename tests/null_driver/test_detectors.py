"""Whatever the driver is there to find, it finds: each fault is made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda.bindings import driver
from numba import cuda

from null_driver import journal

# Few blocks are right for little work.
pytestmark = pytest.mark.filterwarnings("ignore:Grid size", "ignore:Host array")

HERE = {0}  # numba's default stream


@cuda.jit  # type: ignore[untyped-decorator]
def fill(out: Any, value: Any) -> None:
    out[cuda.grid(1)] = value


@cuda.jit  # type: ignore[untyped-decorator]
def sum_shared(out: Any) -> None:
    space = cuda.shared.array(0, np.float32)
    space[cuda.threadIdx.x] = out[cuda.grid(1)]
    cuda.syncthreads()
    out[cuda.grid(1)] = space[0]


def array() -> Any:
    return cuda.to_device(np.zeros(64, np.float32))


def faults(call: Callable[[], Any], to_host: int = 0) -> list[str]:
    """Make a call that may be refused, and say what was wrong with it."""
    journal.take()
    try:
        call()
    except Exception as error:
        refused = str(error)
    else:
        refused = ""
    found = journal.faults(journal.take(), HERE, to_host, Counter())
    assert not refused or found or "NotImplemented" in refused, refused
    return found


def test_none_where_there_is_none() -> None:
    out = array()
    assert not faults(lambda: fill[2, 32](out, 1))


@pytest.mark.parametrize("value", [None, "text", [1, 2]], ids=["none", "text", "list"])
def test_an_argument_that_cannot_be_marshalled(value: Any) -> None:
    with pytest.raises(Exception, match=r"none|unicode|reflected|string|list"):
        fill[2, 32](array(), value)


@pytest.mark.parametrize(
    ("grid", "block", "shared", "fault"),
    [
        ((1, 65_536), 32, 0, "grid"),
        ((1, 1, 65_536), 32, 0, "grid"),
        (1, 1025, 0, "block"),
        (1, (1, 1, 65), 0, "block"),
        (1, 32, (48 << 10) + 4, "shared-memory"),
    ],
)
def test_limits(grid: Any, block: Any, shared: int, fault: str) -> None:
    out = array()
    assert faults(lambda: sum_shared[grid, block, 0, shared](out)) == [f"sum_shared: {fault}"]


def test_a_kernel_that_is_compiled_twice() -> None:
    out, again = array(), cuda.jit(fill.py_func)

    def call() -> None:
        cuda.jit(fill.py_func)[2, 32](out, 1.5)
        again[2, 32](out, 1)  # of another signature
        again[2, 32](out, 2.5)

    assert faults(call) == ["fill compiled twice for one signature"]


def test_a_copy_to_the_host() -> None:
    out = array()
    assert not faults(out.copy_to_host, to_host=256)
    assert faults(out.copy_to_host, to_host=255) == ["256 bytes copied to the host, 255 expected"]


def test_an_array_of_the_host_is_not_taken() -> None:
    """numba would copy it there and back; the driver has no such memory."""
    with pytest.raises(Exception, match="not supported"):
        fill[2, 32](np.zeros(64, np.float32), 1)


def test_another_stream() -> None:
    out, stream = array(), cuda.external_stream(0x77)
    assert faults(lambda: fill[2, 32, stream](out, 1)) == ["fill on stream 0x77, not on ['0x0']"]
    found = faults(lambda: cuda.to_device(np.zeros(4), stream=stream))
    assert found == ["copy to-device on stream 0x77, not on ['0x0']"]


def test_memory_that_was_freed() -> None:
    cuda.current_context()
    _, pointer = driver.cuMemAlloc(256)

    class Memory:
        __cuda_array_interface__ = {  # noqa: RUF012
            "shape": (64,), "typestr": "<f4", "data": (int(pointer), False), "version": 3,
        }  # fmt: skip

    out = cuda.as_cuda_array(Memory())
    assert not faults(lambda: fill[2, 32](out, 1))
    driver.cuMemFree(pointer)
    assert faults(lambda: fill[2, 32](out, 1)) == ["fill: freed-memory"]


def test_memory_of_another_device() -> None:
    with cuda.gpus[1]:
        out = array()
    assert faults(lambda: fill[2, 32](out, 1)) == ["fill: memory-of-another-device"]


def test_calls_that_the_driver_does_not_have() -> None:
    """What it would miss is refused."""
    status, *_ = driver.cuMemcpy(0, 0, 8)
    assert status == driver.CUresult.CUDA_ERROR_NOT_SUPPORTED
