"""Streams and devices: whose they are, how operands of others are waited for, and what crosses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import cuda

import adapool
from adapool.cuda.dynamic import launch as dynamic_launch
from adapool.cuda.target import device_of
from null_driver import journal
from null_driver.libraries import NUMBA_STREAM, library

IMAGE = np.random.default_rng(0).random((8, 9, 2), np.float32)
SIZES = np.full((8, 9, 2), 3, np.float32)
OTHER = 0x7400


@pytest.fixture(autouse=True)
def _largest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic_launch, "_largest", lambda *_: (1, 3, 3))


def on_stream(array: Any, stream: int) -> Any:
    return cuda.to_device(array).bind(cuda.external_stream(stream))


def test_results_name_their_stream() -> None:
    result = adapool.max_pooling(on_stream(IMAGE, OTHER), 2)
    about = result.__cuda_array_interface__
    assert (about["version"], about["stream"]) == (3, OTHER)
    # The legacy default stream has a number too; without one, nobody would wait.
    assert adapool.max_pooling(cuda.to_device(IMAGE), 2).__cuda_array_interface__["stream"] == 1


@pytest.mark.parametrize("moved", [False, True], ids=["plain", "copied first"])
def test_operands_on_other_streams_are_waited_for_by_events(moved: bool) -> None:
    image = on_stream(IMAGE, NUMBA_STREAM)
    sizes = on_stream(SIZES, OTHER)
    if moved:  # in Fortran order: a copy is made, on the stream of the operand
        sizes = on_stream(np.asfortranarray(SIZES), OTHER)
    adapool.dynamic_pooling(image, sizes)
    _, noted = journal.during(lambda: adapool.dynamic_pooling(image, sizes))
    assert not noted.waits
    looking = [n for n, line in enumerate(noted.lines) if "look_up_windows" in line]
    assert len(looking) == 1
    before = [line.split() for line in noted.lines[: looking[0]]]
    after = [line.split() for line in noted.lines[looking[0] :]]
    # Ours waits for theirs before it reads; theirs for ours before its memory is used again.
    assert _waits(before, NUMBA_STREAM, OTHER)
    assert _waits(after, OTHER, NUMBA_STREAM)
    if moved:
        (copied,) = [n for n, line in enumerate(noted.lines) if "interleave" in line]
        assert _waits([line.split() for line in noted.lines[copied:]], NUMBA_STREAM, OTHER)


def _waits(lines: list[list[str]], waiting: int, earlier: int) -> bool:
    """Whether a stream waits for an event that was recorded on another one before."""
    recorded = set()
    for kind, *words in lines:
        if kind == "record" and int(words[2], 16) == earlier:
            recorded.add(words[0])
        if kind == "wait-stream" and int(words[0], 16) == waiting and words[2] in recorded:
            return True
    return False


@pytest.mark.parametrize("name", ["numba", "cupy", "torch"])
def test_one_stream_needs_no_events_and_no_waits(name: str) -> None:
    lib = library(name)
    image, sizes = lib.send(IMAGE), lib.send(SIZES)
    for call in (
        lambda: adapool.max_pooling(image, 2),
        lambda: adapool.max_pooling(image, 3, stride=1, return_indices=True),
        lambda: adapool.dynamic_pooling(image, sizes),
    ):
        _, noted = journal.during(call)
        assert not noted.waits
        assert not noted.orders
        assert not noted.to_host()


@pytest.mark.parametrize("name", ["cupy", "torch", "numba"])
def test_the_device_and_the_stream_are_those_of_the_array(name: str) -> None:
    """Whatever device is current: for CuPy, each has a current stream of its own."""
    lib = library(name, device=1)
    image, sizes = lib.send(IMAGE), lib.send(SIZES)
    results: list[Any] = []

    def call() -> None:
        results.append(adapool.dynamic_pooling(image, sizes))

    _, noted = journal.during(call)
    assert {(launch.device, launch.stream) for launch in noted.launches} == {(1, lib.stream)}
    assert isinstance(results[0], lib.kind)
    assert device_of(results[0].__cuda_array_interface__["data"][0]) == 1


@pytest.mark.parametrize("name", ["cupy", "torch", "numba"])
def test_two_devices_are_an_error(name: str) -> None:
    image, sizes = library(name, 0).send(IMAGE), library(name, 1).send(SIZES)
    with pytest.raises(ValueError, match="param_network is on GPU 1 and feature_map on GPU 0"):
        adapool.dynamic_pooling(image, sizes)
    with pytest.raises(ValueError, match="one on GPU 1 and feature_map on GPU 0"):
        adapool.dynamic_pooling(image, lambda given: sizes)


@pytest.mark.parametrize("name", ["cupy", "torch", "numba"])
def test_what_crosses_to_the_host_is_pinned(name: str) -> None:
    """Parameters of sites; all else that comes to the host are a few bytes."""
    lib = library(name)
    params = np.full((8, 9, 4), 2, np.float32)
    image, sent = lib.send(IMAGE), lib.send(params)
    sites, noted = journal.during(lambda: adapool.dynamic_stride_pooling(image, sent))
    copies = [copy for copy in noted.copies if copy.way == "to-host"]
    assert [(copy.size, copy.memory) for copy in copies] == [(params.nbytes, "pinned")]
    assert lib.fetch(sites.positions).tolist()[:2] == [[0, 0], [0, 2]]


def test_memory_is_kept_until_the_last_launch_that_uses_it() -> None:
    """Temporaries are freed while their kernels may still run: by libraries that order it."""
    lib = library("cupy")
    image, sizes = lib.send(IMAGE.transpose(2, 0, 1)), lib.send(np.asfortranarray(SIZES))
    adapool.dynamic_pooling(image, sizes, channel_axis=0)
    cuda.current_context().deallocations.clear()
    _, noted = journal.during(lambda: adapool.dynamic_pooling(image, sizes, channel_axis=0))
    assert all(launch.fault == "none" for launch in noted.launches)
    # All of it was taken, and is used, on the one stream of the pool.
    assert {launch.stream for launch in noted.launches} == {lib.stream}
