"""Threads, processes, interrupts: each in an interpreter of its own, with a time limit."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import adapool
from interpreter import run, run_file

LAYERS = ["omp", "workqueue", *(["tbb"] if importlib.util.find_spec("tbb") else [])]

# Parallel kernels of every family on 192 x 192 pixels, and what they gave the first time.
WORK = """
import numpy as np, adapool
image = np.random.default_rng(0).random((192, 192), dtype=np.float32)
sizes = np.full(image.shape, 5, np.int16)
def work(_=None):
    return (
        adapool.max_pooling(image, 4, stride=1, channel_axis=None),
        adapool.attention_pooling(image, 4, image, stride=1, channel_axis=None),
        adapool.dynamic_pooling(image, sizes, channel_axis=None),
    )
def same(results, expected):
    return all((a == b).all() for result in results for a, b in zip(result, expected))
"""


# The same with one kernel, where it has to be compiled.
ONE = """
import numpy as np, adapool
image = np.random.default_rng(0).random((256, 256), dtype=np.float32)
def work(_=None):
    return (adapool.max_pooling(image, 4, stride=1, channel_axis=None),)
def same(results, expected):
    return all((a == b).all() for result in results for a, b in zip(result, expected))
"""


def test_the_number_of_threads_is_that_of_adapool_alone() -> None:
    before = numba.get_num_threads()
    image = np.zeros((512, 512), np.float32)
    try:
        adapool.set_num_threads(1)
        assert adapool.get_num_threads() == 1
        assert numba.get_num_threads() == before
        adapool.max_pooling(image, 3, stride=1, channel_axis=None)
        assert numba.get_num_threads() == before
    finally:
        adapool.set_num_threads(None)


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (0, ValueError, "num_threads must be positive"),
        (-1, ValueError, "num_threads must be positive"),
        (1 << 20, ValueError, "num_threads must be at most"),
        (1.5, TypeError, "num_threads must be an integer"),
        (True, TypeError, "num_threads must be an integer"),
    ],
)
def test_wrong_numbers_of_threads(number: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        adapool.set_num_threads(number)  # type: ignore[arg-type]
    assert adapool.get_num_threads() >= 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone has affinities")
def test_threads_follow_the_affinity_of_the_process() -> None:
    code = """
import os
cpu = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {cpu})
import adapool
print(adapool.get_num_threads())
"""
    assert run(code) == "1"
    late = "import os, numba, adapool; print(adapool.get_num_threads()); "
    late += "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    late += "print(adapool.get_num_threads())"
    first, second = run(late).split()
    assert int(first) == min(len(os.sched_getaffinity(0)), numba.config.NUMBA_NUM_THREADS)
    assert second == "1"


@pytest.mark.parametrize("cache", ["cold", "warm"])
@pytest.mark.parametrize("layer", LAYERS)
def test_eight_python_threads(layer: str, cache: str, tmp_path: Path) -> None:
    code = f"""{WORK if cache == "warm" else ONE}
from concurrent.futures import ThreadPoolExecutor
expected = work() if {cache == "warm"} else None
with ThreadPoolExecutor(8) as threads:
    results = list(threads.map(work, range(80)))
print(same(results, expected or work()))
"""
    environment = {"NUMBA_THREADING_LAYER": layer}
    if cache == "cold":
        environment["NUMBA_CACHE_DIR"] = str(tmp_path)
    assert run(code, timeout=300, **environment) == "True"


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_pools_of_processes_after_parallel_kernels(method: str, tmp_path: Path) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this platform cannot start processes so")
    code = f"""{WORK}
import multiprocessing, warnings
if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # forks beside threads: what is tested
    expected = work()
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        results = pool.map_async(work, range(6)).get(timeout=100)
    print(same(results, expected), same([work()], expected))
"""
    assert run_file(tmp_path / "pools.py", code) == "True True"


def test_dask_threads_are_all_that_there_are() -> None:
    code = f"""{WORK}
import threading, dask, dask.array as da
import os
from concurrent.futures import ThreadPoolExecutor
lazy = adapool.max_pooling(da.from_array(image, chunks=32), 4, stride=1, channel_axis=None)
sized = adapool.dynamic_pooling(
    da.from_array(image, chunks=32), sizes, max_kernel_size=5, channel_axis=None)
os_threads = lambda: len(os.listdir("/proc/self/task")) if os.path.isdir("/proc") else 0
before = os_threads()
with ThreadPoolExecutor(4) as threads, dask.config.set(pool=threads):
    results = dask.compute(lazy, sized)
    after = os_threads()
expected = work()
print((results[0] == expected[0]).all(), (results[1] == expected[2]).all(), after - before <= 4)
"""
    assert run(code, timeout=200) == "True True True"


def test_two_processes_compile_into_one_cache(tmp_path: Path) -> None:
    code = f"{ONE}\nprint(sum(float(part.sum()) for part in work()))"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [child.communicate(timeout=300) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    assert said[0][0] == said[1][0] == run(code, NUMBA_CACHE_DIR=str(tmp_path)) + "\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_ctrl_c_leaves_the_process_usable() -> None:
    code = f"""{WORK}
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
expected = work()
weights = np.ones((3, 3, 8, 32), np.float32)
features = np.ones((1200, 1200, 8), np.float32)
def convolve(x):
    return adapool.deformable_conv(x, weights, np.ones((*x.shape[:2], 2), np.float32), padding=1)
convolve(features[:32, :32].copy())
interrupted = 0
for delay in (0.02, 0.1, 0.2):
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        while True:
            convolve(features)
    except KeyboardInterrupt:
        interrupted += 1
    timer.join()
print(interrupted, same([work()], expected), float(convolve(features)[600, 600, 0]))
"""
    assert run(code) == "3 True 72.0"


@pytest.mark.slow
def test_two_thousand_calls_hold_no_memory() -> None:
    code = f"""{WORK}
import gc
from pathlib import Path
def resident():
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
params = np.full((*image.shape, 4), 3, np.int16)
still = np.zeros((*image.shape, 2), np.float32)
def every():
    work()
    adapool.attention_pooling(image, 4, lambda windows: windows > 0.5, channel_axis=None)
    adapool.dynamic_stride_pooling(image, params, channel_axis=None)
    adapool.region_pooling(image, params[..., 0], channel_axis=None)
    adapool.deformable_conv_and_pool(image, [2.0], still, 2, channel_axis=None)
for _ in range(60):
    every()
held = [resident()]
for _ in range(2):
    for _ in range(1000 // 6 + 1):
        every()
    held.append(resident())
print(min(held[1] - held[0], held[2] - held[1]))
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("the resident set is read from Linux's /proc")
    # A pool of the allocator, some MiB, may be made once: what is lost is lost in both halves.
    assert int(run(code, timeout=300)) < 2 << 10, "KiB"
