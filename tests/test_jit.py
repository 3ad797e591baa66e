"""The JIT policy: caches that fail, processes that fork, threads that meet."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import _jit
from adapool.cpu import deformable, dynamic
from interpreter import run

CALL = "import numpy, adapool; print(adapool.max_pooling(numpy.eye(8), 4, channel_axis=None).sum())"


def test_cache_that_cannot_be_written() -> None:
    nowhere = "/dev/null/nowhere"
    assert run(CALL, NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere) == "2.0"


def test_no_place_for_a_cache_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    compile_ = numba.njit

    def without_a_locator(*arguments: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function 'add_one': no locator available")
        return compile_(*arguments, **options)

    monkeypatch.setattr(numba, "njit", without_a_locator)

    @_jit.kernel
    def add_one(array: Any) -> None:
        for i in range(array.size):
            array[i] += 1

    array = np.zeros(3)
    add_one(array, work=0)
    np.testing.assert_array_equal(array, [1, 1, 1])


@pytest.mark.parametrize("ending", ["*.nbc", "*.nbi"])
def test_truncated_cache_files(tmp_path: Path, ending: str) -> None:
    cache = str(tmp_path)
    assert run(CALL, NUMBA_CACHE_DIR=cache) == "2.0"
    files = list(tmp_path.rglob(ending))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:20])
    assert run(CALL, NUMBA_CACHE_DIR=cache) == "2.0"


def test_device_functions_can_be_called_from_python() -> None:
    code = "from adapool.cpu import maximum; print(maximum._exceeds(2.0, 1.0))"
    assert run(code) == "True"


def test_twins_have_cache_files_of_their_own(tmp_path: Path) -> None:
    code = f"from adapool import _jit; _jit.PARALLEL_FROM = 0; {CALL}; "
    code += "_jit.PARALLEL_FROM = 1 << 60; adapool.max_pooling(numpy.eye(8), 4, channel_axis=None)"
    run(code, NUMBA_CACHE_DIR=str(tmp_path))
    names = [file.name for file in tmp_path.rglob("*.nbi") if "max_rows" in file.name]
    assert sorted("parallel" in name for name in names) == [False, True]


def test_inputs_of_every_origin_share_a_kernel() -> None:
    """Absent, converted, given: each kind of array would be compiled on its own."""
    image, weights = np.ones((6, 7, 2), np.float32), np.ones((2, 2, 2, 1), np.float32)
    offsets = np.zeros((7, 8, 8), np.float32)
    options: dict[str, Any] = {"padding": 1}
    adapool.deformable_conv(image, weights, offsets, **options)
    known = list(deformable._convolve._serial.signatures)
    adapool.deformable_conv(image > 0, weights, offsets, **options)
    options |= {"mask_network": np.ones((7, 8, 4), np.float32), "bias": np.ones(1, np.float32)}
    adapool.deformable_conv(image, weights, offsets, **options)
    assert list(deformable._convolve._serial.signatures) == known


def test_images_of_one_width_share_a_kernel() -> None:
    image, sizes = np.ones((6, 7), np.int8), np.full((6, 7), 3, np.float32)
    adapool.dynamic_pooling(image, sizes, channel_axis=None)
    known = list(dynamic._look_up_tiles._serial.signatures)
    for dtype in ("uint8", "bool"):
        adapool.dynamic_pooling(image.astype(dtype), sizes, channel_axis=None)
    assert list(dynamic._look_up_tiles._serial.signatures) == known


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
