"""Grids of large images: nothing is computed, so that they take no memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numba import cuda

import adapool
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.dynamic import launch
from null_driver import journal

DEFAULT_STREAM = 0


def empty(*shape: int, dtype: Any = np.float32) -> Any:
    """Return an array on the device: addresses, and no memory until something is written."""
    return cuda.device_array(shape, dtype)


def check(call: Any, *shapes: tuple[int, ...]) -> list[str]:
    result, noted = journal.during(call)
    assert noted.launches
    assert not journal.faults(noted, {DEFAULT_STREAM}, 64, Counter())
    results = result if isinstance(result, tuple) else (result,)
    assert tuple(array.shape for array in results) == shapes
    return [launch.function for launch in noted.launches]


TALL, DEEP = (200_000, 3, 1), (70_000, 2, 2, 1)
HUGE = (46_500, 46_500)  # more than 2**31 elements


@pytest.mark.parametrize("shape", [TALL, DEEP], ids=["rows", "planes"])
def test_more_rows_and_planes_than_a_grid_has(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_largest", lambda *_: (1, 2, 3))
    image, volume = empty(*shape), shape[:-1]
    pooled = (*(n - 1 for n in volume), 1)
    check(lambda: adapool.max_pooling(image, 2, stride=1), pooled)
    check(lambda: adapool.max_pooling(image, 2), (*(n // 2 for n in volume), 1))
    weights = empty(*volume)
    check(lambda: adapool.attention_pooling(image, 2, weights, stride=1), pooled)
    sizes = empty(*volume, len(volume))
    check(lambda: adapool.dynamic_pooling(image, sizes, return_indices=True), shape, shape)
    filters, moves = empty(*(1,) * len(volume), 1, 2), empty(*volume, len(volume))
    check(lambda: adapool.deformable_conv(image, filters, moves), (*volume, 2))


def test_more_elements_than_32_bits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_largest", lambda *_: (1, 5, 5))
    image = empty(*HUGE, dtype=np.uint8)
    options: dict[str, Any] = {"channel_axis": None}
    check(
        lambda: adapool.max_pooling(image, 500, return_indices=True, **options), (93, 93), (93, 93)
    )
    check(lambda: adapool.max_pooling(image, 3, stride=1, **options), (46_498, 46_498))
    sizes = empty(*HUGE, 1)
    found = check(lambda: adapool.dynamic_pooling(image, sizes, **options), HUGE)
    assert "widen_tables" in found


def test_wide_images() -> None:
    """Blocks along x: as many as there are, up to 2**31."""
    image = empty(2, 1 << 30, dtype=np.uint8)
    check(lambda: adapool.max_pooling(image, 2, channel_axis=None), (1, 1 << 29))


def test_no_elements_are_no_launch() -> None:
    """A grid without threads is refused: blocks of a Dask array may be without a site."""
    like = DeviceArray.of(empty(4, 5, 1))
    image, none = like.reshape(1, 1, 4, 5, 1), like.empty((0, 2), np.int64)
    (values, _), noted = journal.during(
        lambda: launch.pool_sites(image, none, none, (-1, 0, 1), False)
    )
    assert values.shape == (0, 1)
    assert not journal.faults(noted, {DEFAULT_STREAM}, 64, Counter())
