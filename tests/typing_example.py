"""A user's script for type checkers: `test_types.py` runs mypy on it, and nothing calls it."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import adapool

Image = NDArray[Any]
Indices = NDArray[np.int64]

image = np.zeros((8, 8), np.float32)
sizes = np.full((8, 8), 3)
offsets = np.zeros((8, 8, 2))


def of_numpy() -> None:
    """Arrays of NumPy give arrays of NumPy; with indices, two."""
    pooled = adapool.max_pooling(image, 2, stride=(1, 2), padding=1, channel_axis=None)
    assert_type(pooled, Image)
    assert_type(adapool.max_pooling([[1, 2], [3, 4]], 2, channel_axis=None), Image)
    assert_type(adapool.max_pooling(image, 2, return_indices=False), Image)
    values, indices = adapool.max_pooling(image, 2, channel_axis=None, return_indices=True)
    assert_type(values, Image)
    assert_type(indices, Indices)

    assert_type(adapool.attention_pooling(image, 2, image, channel_axis=None), Image)
    assert_type(
        adapool.attention_pooling(image, 2, image, return_indices=True), tuple[Image, Indices]
    )

    assert_type(adapool.dynamic_pooling(image, sizes, stride=2, anchor="center"), Image)
    assert_type(adapool.dynamic_pooling(image, sizes, return_indices=True), tuple[Image, Indices])

    assert_type(adapool.deformable_conv(image, [1], offsets, interpolation="linear"), Image)
    assert_type(adapool.deformable_conv_and_pool(image, [1], offsets, 2, pool_stride=1), Image)
    assert_type(
        adapool.deformable_conv_and_pool(image, [1], offsets, 2, return_indices=True),
        tuple[Image, Indices],
    )

    sites = adapool.dynamic_stride_pooling(image, np.full((8, 8, 4), 2), channel_axis=None)
    assert_type(sites, adapool.Sites)
    assert_type(sites.labels, NDArray[np.int32])
    assert_type(sites.to_map(), Image)

    labels = np.ones((8, 8), int)
    assert_type(adapool.region_pooling(image, labels, reduction="mean"), adapool.Sites)
    assert_type(
        adapool.region_pooling(image, labels, return_indices=True), tuple[adapool.Sites, Indices]
    )

    assert_type(adapool.peak_local_max(image), Indices)
    assert_type(adapool.peak_local_max(image, sizes, threshold=0), Indices)
    assert_type(adapool.peak_local_max(image, return_markers=True), NDArray[np.int32])
    assert_type(adapool.peak_table(image), dict[str, Image])

    assert_type(adapool.get_num_threads(), int)
    assert_type(adapool.estimators.BlobSizes().predict(image[np.newaxis, ..., np.newaxis]), Image)


class OnGPU:
    """An array of some library for GPUs."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        raise NotImplementedError


def of_other_kinds(array: OnGPU, chunks: Any, also_indices: bool) -> None:
    """Arrays of other kinds give their own kind, which is not known here."""
    assert_type(adapool.max_pooling(array, 2), Any)
    assert_type(adapool.attention_pooling(array, 2, array), Any)
    assert_type(adapool.dynamic_pooling(array, array, return_indices=True), Any)
    assert_type(adapool.deformable_conv(array, array, array), Any)
    assert_type(adapool.deformable_conv_and_pool(array, array, array, 2), Any)
    assert_type(adapool.dynamic_stride_pooling(array, array), Any)
    assert_type(adapool.region_pooling(array, array), Any)
    assert_type(adapool.max_pooling(chunks, 2), Any)
    assert_type(adapool.max_pooling(image, 2, return_indices=also_indices), Any)
    assert_type(adapool.peak_local_max(chunks), Indices)  # points are always NumPy's
    assert_type(adapool.peak_local_max(chunks, return_markers=True), Any)


def refused() -> None:
    """What is wrong is found: an ignore that is not needed is an error."""
    adapool.max_pooling(image, "2")  # type: ignore[arg-type]
    adapool.max_pooling(image, 2, strides=2)  # type: ignore[call-overload]
    adapool.dynamic_pooling(image, sizes, anchor="middle")  # type: ignore[call-overload]
    adapool.dynamic_stride_pooling(image, sizes, batch_axis=0)  # type: ignore[call-overload]
    adapool.region_pooling(image, sizes, reduction="median")  # type: ignore[call-overload]
    adapool.peak_local_max(image, threshold="0.5")  # type: ignore[call-overload]
