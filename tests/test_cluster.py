"""Dask arrays on worker processes: little memory, workers that die, networks that raise."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster
from numpy.typing import NDArray

import adapool

Array = NDArray[Any]

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers of 1 GiB and one thread each, on this machine alone."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            memory_limit="1GiB",
            host="127.0.0.1",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def waves(side: int, chunk: int, pause: float = 0) -> Any:
    """An image made on the workers: row modulo 64 plus column modulo 64."""

    def fill(block_info: Any = None) -> Array:
        time.sleep(pause)
        rows, columns = (
            (np.arange(*place) % 64).astype(np.float32)
            for place in block_info[None]["array-location"]
        )
        return np.add.outer(rows, columns)

    chunks = da.core.normalize_chunks(chunk, (side, side))
    return da.map_blocks(fill, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0), np.float32))


def is_right(pooled: Any) -> bool:
    """Whether maxima over 5 x 5 windows, 4 apart, are those of the waves."""

    def check(block: Array, block_info: Any = None) -> Array:
        rows, columns = (
            np.minimum(4 * np.arange(*place) % 64 + 4, 63)
            for place in block_info[0]["array-location"]
        )
        return np.array([[(block == np.add.outer(rows, columns)).all()]])

    checked = pooled.map_blocks(check, chunks=(1, 1), dtype=np.bool_)
    return bool(checked.all().compute())


def test_four_gib_through_workers_of_one(client: Any) -> None:
    image = waves(32768, 2048)
    assert image.nbytes == 4 << 30
    assert is_right(adapool.max_pooling(image, 5, stride=4, channel_axis=None))
    assert len(client.scheduler_info()["workers"]) == 2


def test_a_worker_is_killed_in_the_middle(client: Any) -> None:
    sizes = np.full((1024, 1024), 5, np.int16)
    pooled = adapool.dynamic_pooling(
        waves(1024, 64, pause=0.02), sizes, stride=4, max_kernel_size=5, channel_axis=None
    )[:255, :255]
    future = client.compute(pooled)
    victim, *_ = client.run(os.getpid).values()
    time.sleep(1)
    assert not future.done()
    os.kill(victim, signal.SIGKILL)
    block = np.minimum(4 * np.arange(255) % 64 + 4, 63)
    np.testing.assert_array_equal(future.result(timeout=100), np.add.outer(block, block))
    client.wait_for_workers(2, timeout=60)
    assert victim not in client.run(os.getpid).values()


def test_a_network_raises_in_one_chunk(client: Any) -> None:
    def network(images: Array) -> Array:
        if images.shape[1:3] == (32, 32):
            raise RuntimeError("no weights for the chunk at the end")
        return images

    pooled = adapool.dynamic_pooling(waves(96, 64), network, max_kernel_size=5, channel_axis=None)
    with pytest.raises(RuntimeError, match="no weights for the chunk at the end"):
        pooled.compute()
