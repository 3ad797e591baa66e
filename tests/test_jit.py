"""The JIT policy: what kernels take and refuse, processes that fork, threads that meet."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llvmlite.binding
import numba
import numpy as np
import pytest

import adapool
from adapool import _jit
from adapool._native.frontend import _refuse_strangers
from adapool.cpu.convolution import tiles
from adapool.cpu.dynamic import pooling
from adapool.cpu.fixed import lines

pytestmark = pytest.mark.skipif(
    not _jit.NATIVE,
    reason="numba compiles kernels itself here: see test_native_compiling.py",
)


def test_device_functions_cannot_be_called_from_python() -> None:
    """They are parts of kernels, without a way in: a call would jump to address 0."""
    with pytest.raises(TypeError, match="call its py_func"):
        lines._exceeds(2.0, 1.0)
    assert lines._exceeds.py_func(2.0, 1.0)


def test_a_kernel_that_raises_tells() -> None:
    @_jit.kernel
    def fail_at(task: int, array: Any, bad: int) -> None:
        if task == bad:
            raise ValueError
        array[task] = task

    array = np.zeros(4)
    fail_at(array, 5, tasks=4, work=0)
    np.testing.assert_array_equal(array, [0, 1, 2, 3])
    for work in (0, sys.maxsize):
        with pytest.raises(RuntimeError, match="a kernel has raised"):
            fail_at(array, 2, tasks=4, work=work)


def test_kernels_refuse_arrays_that_they_were_not_compiled_for() -> None:
    @_jit.kernel
    def add_one(array: Any) -> None:
        for i in range(array.size):
            array[i] += 1

    array = np.zeros(6)
    add_one(array, work=0)
    np.testing.assert_array_equal(array, 1)
    for other in (array[::2], array.reshape(2, 3)):
        with pytest.raises(TypeError, match="no code for"):
            add_one(other, work=0)
    np.testing.assert_array_equal(array, 1)
    integers = np.zeros(6, np.int32)
    add_one(integers, work=0)
    np.testing.assert_array_equal(integers, 1)


def test_kernels_that_need_more_than_themselves_are_refused() -> None:
    """Another process, that loads their code alone, may not have it."""
    text = "declare i32 @rand() declare float @llvm.fabs.f32(float)"
    module = llvmlite.binding.parse_assembly(text)
    with pytest.raises(RuntimeError, match="a kernel refers to rand;"):
        _refuse_strangers(module)


def test_kernels_cannot_allocate() -> None:
    @_jit.kernel
    def allocate(array: Any) -> None:
        array[:] = np.zeros(array.size)

    with pytest.raises(numba.TypingError, match="zeros"):
        allocate(np.ones(3), work=0)


def test_inputs_of_every_origin_share_a_kernel() -> None:
    """Absent, converted, given: each kind of array would be compiled on its own."""
    image, weights = np.ones((6, 7, 2), np.float32), np.ones((2, 2, 2, 1), np.float32)
    offsets = np.zeros((7, 8, 8), np.float32)
    options: dict[str, Any] = {"padding": 1}
    adapool.deformable_conv(image, weights, offsets, **options)
    known = list(tiles.convolve._codes)
    adapool.deformable_conv(image > 0, weights, offsets, **options)
    options |= {"mask_network": np.ones((7, 8, 4), np.float32), "bias": np.ones(1, np.float32)}
    adapool.deformable_conv(image, weights, offsets, **options)
    assert list(tiles.convolve._codes) == known


def test_images_of_one_width_share_a_kernel() -> None:
    image, sizes = np.ones((6, 7), np.int8), np.full((6, 7), 3, np.float32)
    adapool.dynamic_pooling(image, sizes, channel_axis=None)
    known = list(pooling.look_up_tiles._codes)
    for dtype in ("uint8", "bool"):
        adapool.dynamic_pooling(image.astype(dtype), sizes, channel_axis=None)
    assert list(pooling.look_up_tiles._codes) == known


def pool_in_child(image: Any) -> Any:
    return adapool.max_pooling(image, 2, channel_axis=None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forked_children_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_jit, "PARALLEL_FROM", 0)
    image = np.arange(64.0).reshape(8, 8)
    expected = pool_in_child(image)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for result in pool.map_async(pool_in_child, [image] * 4).get(timeout=120):
            np.testing.assert_array_equal(result, expected)


def test_python_threads_share_this_process() -> None:
    image = np.arange(10000.0).reshape(100, 100)
    expected = pool_in_child(image)
    with ThreadPoolExecutor(4) as threads:
        for result in threads.map(pool_in_child, [image] * 50):
            np.testing.assert_array_equal(result, expected)
